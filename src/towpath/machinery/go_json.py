"""What is wrong with a JSON text, in the words of Go's decoder.

Source of the wording: encoding/json's scanner.
"""

from towpath.machinery.causes import quote

SPACE = " \t\r\n"
HEX = "0123456789abcdefABCDEF"
DIGITS = "0123456789"
ESCAPES = 'bfnrt\\/"'
VALUE = "looking for beginning of value"
KEY = "looking for beginning of object key string"
AT_END = "unexpected end of JSON input"
LITERALS = {"t": "true", "f": "false", "n": "null"}


class _Mistake(Exception):
    pass


def json_mistake(text: str) -> str:
    """ "" for a text that is one JSON value."""
    try:
        reader = _Reader(text)
        reader.value()
        reader.end()
    except _Mistake as mistake:
        return str(mistake)
    return ""


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _peek(self, *, spaced: bool = True) -> str:
        while spaced and self._text[self._at : self._at + 1] in (*SPACE,):
            self._at += 1
        if self._at >= len(self._text):
            raise _Mistake(AT_END)
        return self._text[self._at]

    def _wrong(self, where: str) -> _Mistake:
        char = self._text[self._at]
        shown = {"'": r"'\''", '"': "'\"'"}.get(char, f"'{quote(char)[1:-1]}'")
        return _Mistake(f"invalid character {shown} {where}")

    def _take(self, wanted: str, where: str, *, spaced: bool = False) -> str:
        char = self._peek(spaced=spaced)
        if char not in wanted:
            raise self._wrong(where)
        self._at += 1
        return char

    def end(self) -> None:
        self._at += len(self._text[self._at :]) - len(self._text[self._at :].lstrip(SPACE))
        if self._at < len(self._text):
            raise self._wrong("after top-level value")

    def value(self) -> None:
        """One value, of any depth: open brackets are kept here, not on Python's stack."""
        opened: list[str] = []
        while True:
            char = self._peek()
            if char in "{[":
                self._at += 1
                closing = "}" if char == "{" else "]"
                if self._peek() == closing:
                    self._at += 1
                else:
                    opened.append(closing)
                    if char == "{":
                        self._key()
                    continue
            else:
                self._scalar(char)
            if not self._next(opened):
                return

    def _next(self, opened: list[str]) -> bool:
        """After a value: close what ends here; whether another value follows."""
        while opened:
            in_object = opened[-1] == "}"
            where = "after object key:value pair" if in_object else "after array element"
            if self._take("," + opened[-1], where, spaced=True) == ",":
                if in_object:
                    self._key()
                return True
            opened.pop()
        return False

    def _key(self) -> None:
        self._take('"', KEY, spaced=True)
        self._string()
        self._take(":", "after object key", spaced=True)

    def _scalar(self, char: str) -> None:
        if char == '"':
            self._at += 1
            self._string()
        elif char in LITERALS:
            word = LITERALS[char]
            self._at += 1
            for expected in word[1:]:
                self._take(expected, f"in literal {word} (expecting '{expected}')")
        elif char == "-" or char in DIGITS:
            self._number()
        else:
            raise self._wrong(VALUE)

    def _string(self) -> None:
        while (char := self._peek(spaced=False)) != '"':
            if char < " ":
                raise self._wrong("in string literal")
            self._at += 1
            if char == "\\" and self._take(ESCAPES + "u", "in string escape code") == "u":
                for _ in range(4):
                    self._take(HEX, "in \\u hexadecimal character escape")
        self._at += 1

    def _number(self) -> None:
        if self._text[self._at] == "-":
            self._at += 1
        if self._take(DIGITS, "in numeric literal") != "0":
            self._digits()
        if self._ahead("."):
            self._take(DIGITS, "after decimal point in numeric literal")
            self._digits()
        if self._ahead("eE"):
            self._ahead("+-")
            self._take(DIGITS, "in exponent of numeric literal")
            self._digits()

    def _ahead(self, wanted: str) -> bool:
        found = any(self._text.startswith(char, self._at) for char in wanted)
        self._at += found
        return found

    def _digits(self) -> None:
        while self._ahead(DIGITS):
            pass

"""Protocol Buffers, as gRPC's definitions are written: services, messages and enums, with comments.

Its own small reader, for the packages that read `.proto` files run a compiler or are kept no more.
Options are read over; what is imported is told by its name. Authority: the language guides of
proto2 and proto3.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from towpath.capabilities.portal.apis.definition import (
    Body,
    Definition,
    Field,
    Operation,
    Problem,
    Shape,
)

_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<space>\s+)|(?P<text>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
    r"|(?P<word>\.?[A-Za-z_][\w.]*)|(?P<number>[-+]?[\d.][\w.+-]*)|(?P<sign>[{}()\[\]<>=;,:-])",
    re.DOTALL,
)
_LABELS = ("optional", "required", "repeated")
NESTED_MAX = 32


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    line: int
    told: str
    """The comment that stands before it."""


class _Refused(ValueError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_protobuf(text: str) -> Definition:
    reading = _Reading(text)
    try:
        reading.file()
        problems: tuple[Problem, ...] = ()
    except _Refused as error:
        problems = (Problem(str(error), error.line),)
    syntax = reading.syntax or "proto2"
    return Definition(
        f"gRPC ({syntax})" if reading.operations else f"Protocol Buffers ({syntax})",
        reading.package,
        operations=tuple(reading.operations),
        shapes=tuple(reading.shapes),
        problems=problems,
    )


def _tokens(text: str) -> Iterator[_Token]:
    at, line, told = 0, 1, ""
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _Refused(f"{text[at]!r} is not expected", line)
        if found.lastgroup == "comment":
            told = f"{told}\n{_comment(found[0])}".strip()
        elif found.lastgroup != "space":
            yield _Token(found[0], line, told)
            told = ""
        elif found[0].count("\n") > 1:
            told = ""
        line += found[0].count("\n")
        at = found.end()


def _comment(text: str) -> str:
    inner = text[2:-2] if text.startswith("/*") else text[2:]
    return "\n".join(line.strip().lstrip("*").strip() for line in inner.splitlines()).strip()


class _Reading:
    """One pass over the file; what has been read stays when it ends in an error."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next: _Token | None = None
        self._line = 1
        self.syntax = ""
        self.package = ""
        self.operations: list[Operation] = []
        self.shapes: list[Shape] = []

    def file(self) -> None:
        while (token := self._peek()) is not None:
            match token.text:
                case "syntax" | "edition":
                    self._take()
                    self._expect("=")
                    self.syntax = self._take().text.strip("\"'")
                    self._expect(";")
                case "package":
                    self._take()
                    self.package = self._take().text
                    self._expect(";")
                case "message":
                    self._message("", 0)
                case "enum":
                    self._enum("")
                case "service":
                    self._service()
                case ";":
                    self._take()
                case "import" | "option" | "extend":
                    self._over()
                case _:
                    raise _Refused(f"{token.text!r} is not expected here", token.line)

    def _peek(self) -> _Token | None:
        if self._next is None:
            self._next = next(self._tokens, None)
        return self._next

    def _take(self) -> _Token:
        token, self._next = self._peek(), None
        if token is None:
            raise _Refused("the file ends too early: a brace or a semicolon is missing", self._line)
        self._line = token.line
        return token

    def _expect(self, text: str) -> _Token:
        token = self._take()
        if token.text != text:
            raise _Refused(f"{text!r} is expected, not {token.text!r}", token.line)
        return token

    def _over(self) -> None:
        """To the end of a statement, which may hold braces."""
        depth = 0
        while True:
            text = self._take().text
            depth += {"{": 1, "}": -1}.get(text, 0)
            if depth == 0 and text in (";", "}"):
                return

    def _message(self, above: str, depth: int) -> None:
        told, name = self._take().told, self._name()
        if depth > NESTED_MAX:
            raise _Refused(f"messages are nested deeper than {NESTED_MAX}", self._line)
        whole = f"{above}.{name}" if above else name
        at = len(self.shapes)
        self._expect("{")
        fields = self._fields(whole, depth)
        self.shapes.insert(at, Shape(whole, "message", told, tuple(fields)))

    def _name(self) -> str:
        return self._take().text

    def _fields(self, whole: str, depth: int, one_of: str = "") -> list[Field]:
        fields: list[Field] = []
        while True:
            token = self._peek()
            match token.text if token else "":
                case "}":
                    self._take()
                    return fields
                case "message":
                    self._message(whole, depth + 1)
                case "enum":
                    self._enum(whole)
                case "oneof":
                    self._take()
                    name = self._name()
                    self._expect("{")
                    fields += self._fields(whole, depth, name)
                case "option" | "extensions" | "extend" | "reserved":
                    self._over()
                case ";":
                    self._take()
                case _:
                    fields.append(self._field(one_of))

    def _field(self, one_of: str) -> Field:
        first = self._take()
        label, kind = "", first.text
        if kind in _LABELS:
            label, kind = kind, self._take().text
        if kind == "map":
            kind = self._map()
        name = self._name()
        self._expect("=")
        number = self._take()
        if not number.text.isdecimal():
            raise _Refused(f"the field {name} needs a number, not {number.text!r}", number.line)
        options = self._options()
        kind = f"repeated {kind}" if label == "repeated" else kind
        told = " ".join(
            part for part in (first.told, f"One of {one_of}." if one_of else "") if part
        )
        return Field(
            name,
            kind,
            label == "required",
            told,
            number=int(number.text),
            deprecated="deprecated" in options,
        )

    def _map(self) -> str:
        self._expect("<")
        key = self._take().text
        self._expect(",")
        value = self._take().text
        self._expect(">")
        return f"map of {key} to {value}"

    def _options(self) -> Sequence[str]:
        """What stands between here and the end of the statement."""
        found: list[str] = []
        while (text := self._take().text) != ";":
            found.append(text)
        return found

    def _enum(self, above: str) -> None:
        told, name = self._take().told, self._name()
        self._expect("{")
        values: list[str] = []
        while (token := self._take()).text != "}":
            if token.text in ("option", "reserved"):
                self._options()
            elif token.text != ";":
                self._expect("=")
                number = self._take().text
                values.append(f"{token.text} = {number}")
                self._options()
        whole = f"{above}.{name}" if above else name
        self.shapes.append(Shape(whole, "enum", told, values=tuple(values)))

    def _service(self) -> None:
        self._take()
        service = self._name()
        self._expect("{")
        while (token := self._take()).text != "}":
            if token.text == "option":
                self._over()
            elif token.text == "rpc":
                self.operations.append(self._method(service, token.told or ""))
            elif token.text != ";":
                raise _Refused(f"{token.text!r} is not expected in a service", token.line)

    def _method(self, service: str, told: str) -> Operation:
        name = self._name()
        asked = self._message_type()
        self._expect("returns")
        answered = self._message_type()
        end = self._take()
        if end.text == "{":
            depth = 1
            while depth:
                depth += {"{": 1, "}": -1}.get(self._take().text, 0)
        elif end.text != ";":
            raise _Refused(f"';' is expected, not {end.text!r}", end.line)
        whole = f"{self.package}.{service}" if self.package else service
        summary, _, more = told.partition("\n")
        plain = asked.removeprefix("stream ")
        return Operation(
            f"{whole}/{name}",
            "RPC",
            name,
            service,
            summary,
            more.strip(),
            bodies=(Body("", asked),),
            answers=(Body("", answered),),
            example=f"grpcurl -d '{{}}' api.example.org:443 {whole}/{name}" if plain else "",
        )

    def _message_type(self) -> str:
        self._expect("(")
        kind = self._take().text
        if kind == "stream":
            kind = f"stream {self._take().text}"
        self._expect(")")
        return kind

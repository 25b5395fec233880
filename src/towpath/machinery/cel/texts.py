"""Functions of texts: cel-go's strings library in its second version, and Kubernetes' regex."""

import re
from collections.abc import Callable
from typing import Any

from towpath.machinery.cel import regexes
from towpath.machinery.cel.conversions import to_string
from towpath.machinery.cel.errors import CelError, no_such_overload
from towpath.machinery.cel.functions import Library
from towpath.machinery.cel.values import Duration, Timestamp, TypeValue, UInt, double_text

TEXTS = Library()
_UPPER = {ord(low): low.upper() for low in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {ord(up): up.lower() for up in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_TEXT_LENGTH_MAX = 10_000_000


def _char_at(text: str, place: int) -> str:
    if not 0 <= place <= len(text):
        raise CelError(f"index out of range: {place}")
    return text[place : place + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if not part:
        return start
    if not 0 <= start <= len(text):
        raise CelError(f"index out of range: {start}")
    return text.find(part, start)


def _last_index_of(text: str, part: str, last: int | None = None) -> int:
    if last is None:
        return text.rfind(part)
    if not part:
        return last
    if not 0 <= last <= len(text):
        raise CelError(f"index out of range: {last}")
    return text.rfind(part, 0, last + len(part))


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    places = text.count(old) if count < 0 else min(text.count(old), count)
    if len(text) + places * len(new) > _TEXT_LENGTH_MAX:
        raise CelError(f"replace would make a text longer than {_TEXT_LENGTH_MAX} characters")
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if count == 1:
        return [text]
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _substring(text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    for place in (start, end):
        if not 0 <= place <= len(text):
            raise CelError(f"index out of range: {place}")
    return text[start:end]


def _join(items: list[Any], separator: str = "") -> str:
    if not all(isinstance(item, str) for item in items):
        raise no_such_overload()
    return separator.join(items)


_QUOTED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


def quote(text: str) -> str:
    return '"' + "".join(_QUOTED.get(char, char) for char in text) + '"'


# -- format --------------------------------------------------------------------------------------

_CLAUSE = re.compile(r"%(?:\.(\d+))?(.)", re.DOTALL)


def _format(text: str, args: list[Any]) -> str:
    remaining = iter(args)

    def fill(found: re.Match[str]) -> str:
        clause = found[2]
        if clause == "%":
            return "%"
        try:
            value = next(remaining)
        except StopIteration:
            place = sum(1 for other in _CLAUSE.finditer(text) if other.start() < found.start())
            raise CelError(f"index {place} out of range") from None
        write = _CLAUSES.get(clause)
        if write is None:
            raise CelError(
                f'could not parse formatting clause: unrecognized formatting clause "{clause}"'
            )
        return write(value, 6 if found[1] is None else int(found[1]))

    return _CLAUSE.sub(fill, text)


def _shown(value: Any, _precision: int = 0) -> str:
    match value:
        case None:
            return "null"
        case list():
            return f"[{', '.join(_inner(item) for item in value)}]"
        case dict():
            pairs = sorted((_inner(key), _inner(inner)) for key, inner in value.items())
            return f"{{{', '.join(f'{key}: {inner}' for key, inner in pairs)}}}"
        case float() if value == int(value) and abs(value) < 1e15:
            return double_text(value)
        case TypeValue():
            return value.name
    try:
        return to_string(value)
    except CelError:
        raise CelError(
            "error during formatting: string clause can only be used on strings, bools, bytes, "
            "ints, doubles, maps, lists, types, durations, and timestamps"
        ) from None


def _inner(value: Any) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bytes):
        return f"b{quote(value.decode(errors='replace'))}"
    if isinstance(value, Timestamp):
        return f'timestamp("{value}")'
    if isinstance(value, Duration):
        return f'duration("{value}")'
    return _shown(value)


def _number(value: Any, words: str, *classes: type[Any]) -> Any:
    if type(value) not in classes:
        raise CelError(f"error during formatting: {words}")
    return value


def _decimal(value: Any, _precision: int) -> str:
    if isinstance(value, float) and value != value:
        return "NaN"
    words = "decimal clause can only be used on integers"
    return str(int(_number(value, words, int, UInt, float)))


def _fixed(value: Any, precision: int) -> str:
    words = "fixed-point clause can only be used on doubles"
    return f"{_number(value, words, float, int, UInt):.{precision}f}"


def _scientific(value: Any, precision: int) -> str:
    words = "scientific clause can only be used on doubles"
    return f"{_number(value, words, float, int, UInt):.{precision}e}"


def _hexadecimal(upper: bool) -> Callable[[Any, int], str]:
    def write(value: Any, _precision: int) -> str:
        words = "only integers, byte buffers, and strings can be formatted as hex"
        if isinstance(value, str):
            text = value.encode().hex()
        elif isinstance(value, bytes):
            text = value.hex()
        else:
            text = f"{_number(value, words, int, UInt):x}"
        return text.upper() if upper else text

    return write


def _octal(value: Any, _precision: int) -> str:
    return f"{_number(value, 'octal clause can only be used on integers', int, UInt):o}"


def _binary(value: Any, _precision: int) -> str:
    words = "only integers and bools can be formatted as binary"
    return f"{int(_number(value, words, int, UInt, bool)):b}"


_CLAUSES: dict[str, Callable[[Any, int], str]] = {
    "s": _shown,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "x": _hexadecimal(upper=False),
    "X": _hexadecimal(upper=True),
    "o": _octal,
    "b": _binary,
}


def _declare() -> None:
    add = TEXTS.add
    add("contains", "contains_string", "string.(string) bool", lambda text, part: part in text)
    add("endsWith", "ends_with_string", "string.(string) bool", str.endswith)
    add("startsWith", "starts_with_string", "string.(string) bool", str.startswith)
    add("matches", "matches", "(string, string) bool", regexes.matches)
    add("matches", "matches_string", "string.(string) bool", regexes.matches)
    add("charAt", "string_char_at_int", "string.(int) string", _char_at)
    add("indexOf", "string_index_of_string", "string.(string) int", _index_of)
    add("indexOf", "string_index_of_string_int", "string.(string, int) int", _index_of)
    add("lastIndexOf", "string_last_index_of_string", "string.(string) int", _last_index_of)
    add(
        "lastIndexOf", "string_last_index_of_string_int", "string.(string, int) int", _last_index_of
    )
    add("lowerAscii", "string_lower_ascii", "string.() string", lambda text: text.translate(_LOWER))
    add("upperAscii", "string_upper_ascii", "string.() string", lambda text: text.translate(_UPPER))
    add("replace", "string_replace_string_string", "string.(string, string) string", _replace)
    add(
        "replace",
        "string_replace_string_string_int",
        "string.(string, string, int) string",
        _replace,
    )
    add("split", "string_split_string", "string.(string) list(string)", _split)
    add("split", "string_split_string_int", "string.(string, int) list(string)", _split)
    add("substring", "string_substring_int", "string.(int) string", _substring)
    add("substring", "string_substring_int_int", "string.(int, int) string", _substring)
    add("trim", "string_trim", "string.() string", str.strip)
    add("format", "string_format", "string.(list(dyn)) string", _format)
    add("strings.quote", "strings_quote", "(string) string", quote)
    add("join", "list_join", "list(string).() string", _join)
    add("join", "list_join_string", "list(string).(string) string", _join)
    add("find", "string_find_string", "string.(string) string", regexes.find)
    add("findAll", "string_find_all_string", "string.(string) list(string)", regexes.find_all)
    add(
        "findAll",
        "string_find_all_string_int",
        "string.(string, int) list(string)",
        regexes.find_all,
    )


_declare()

"""The functions that need nothing but their arguments; a scope brings hashFiles and the rest."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.engines.ci.expressions.syntax import ExpressionError
from towpath.engines.ci.expressions.values import Value, equals, number_text, to_text

TEXT_CHARS_MAX = 4 * 1024 * 1024
MANY = 255

Function = Callable[[Sequence[Value]], Value]

STATUS_FUNCTIONS = frozenset({"success", "failure", "always", "cancelled"})


@dataclass(frozen=True, slots=True)
class Signature:
    arguments_min: int
    arguments_max: int


SIGNATURES: dict[str, Signature] = {
    "contains": Signature(2, 2),
    "startswith": Signature(2, 2),
    "endswith": Signature(2, 2),
    "format": Signature(1, MANY),
    "join": Signature(1, 2),
    "tojson": Signature(1, 1),
    "fromjson": Signature(1, 1),
    "hashfiles": Signature(1, MANY),
    "success": Signature(0, 0),
    "failure": Signature(0, 0),
    "always": Signature(0, 0),
    "cancelled": Signature(0, 0),
}


def _contains(arguments: Sequence[Value]) -> bool:
    search, item = arguments
    if isinstance(search, list):
        return any(equals(element, item) for element in search)
    if isinstance(search, dict) or isinstance(item, list | dict):
        return False
    return to_text(item).upper() in to_text(search).upper()


def _starts_with(arguments: Sequence[Value]) -> bool:
    text, start = arguments
    if isinstance(text, list | dict) or isinstance(start, list | dict):
        return False
    return to_text(text).upper().startswith(to_text(start).upper())


def _ends_with(arguments: Sequence[Value]) -> bool:
    text, end = arguments
    if isinstance(text, list | dict) or isinstance(end, list | dict):
        return False
    return to_text(text).upper().endswith(to_text(end).upper())


_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}|[{}]")


def _format(arguments: Sequence[Value]) -> str:
    pattern, *values = arguments
    text = to_text(pattern)

    def replace(found: re.Match[str]) -> str:
        match found[0]:
            case "{{":
                return "{"
            case "}}":
                return "}"
            case "{" | "}":
                raise ExpressionError(f"format: `{text}` has a single `{found[0]}`; double it")
        number = int(found[1])
        if number >= len(values):
            raise ExpressionError(f"format: `{text}` asks for {{{number}}} and is not given it")
        return to_text(values[number])

    return _bounded(_PLACEHOLDER.sub(replace, text))


def _join(arguments: Sequence[Value]) -> str:
    items = arguments[0]
    separator = to_text(arguments[1]) if len(arguments) > 1 else ","
    if isinstance(items, list):
        return _bounded(separator.join(to_text(item) for item in items))
    return "" if isinstance(items, dict) else to_text(items)


def _to_json(arguments: Sequence[Value]) -> str:
    return _bounded(json_text(arguments[0]))


def json_text(value: Value, indent: str = "") -> str:
    """JSON with two spaces of indentation, numbers as in expressions."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        items = (f"{inner}{_quoted(key)}: {json_text(item, inner)}" for key, item in value.items())
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        items = (f"{inner}{json_text(item, inner)}" for item in value)
        return "[\n" + ",\n".join(items) + f"\n{indent}]"
    match value:
        case str():
            return _quoted(value)
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return number_text(float(value))
        case dict():
            return "{}"
        case _:
            return "[]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _from_json(arguments: Sequence[Value]) -> Value:
    text = to_text(arguments[0])
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise ExpressionError(f"fromJSON: `{shown}` is not JSON: {error}") from error
    return value


def _bounded(text: str) -> str:
    if len(text) > TEXT_CHARS_MAX:
        raise ExpressionError(f"an expression makes more than {TEXT_CHARS_MAX} characters")
    return text


FUNCTIONS: dict[str, Function] = {
    "contains": _contains,
    "startswith": _starts_with,
    "endswith": _ends_with,
    "format": _format,
    "join": _join,
    "tojson": _to_json,
    "fromjson": _from_json,
}

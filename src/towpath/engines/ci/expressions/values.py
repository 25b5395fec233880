"""Values of expressions: JSON's kinds, coerced, compared and written as workflow files expect."""

import math
import re
from typing import Any

Value = Any
"""None, bool, int or float, str, list of Value, dict from str to Value."""

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_WORDS = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


class Filtered(list[Value]):
    """What `.*` makes of an array or object: the next dereference is applied to each element."""


def kind_of(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def is_truthy(value: Value) -> bool:
    """Everything but null, false, 0, NaN and the empty string; empty arrays and objects too."""
    if isinstance(value, list | dict):
        return True
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value)


def to_number(value: Value) -> float:
    match value:
        case None:
            return 0.0
        case bool() | int() | float():
            return float(value)
        case str():
            return number_of_text(value)
        case _:
            return math.nan


def number_of_text(text: str) -> float:
    """What a string counts as in a comparison; NaN when it is no number."""
    text = text.strip()
    if not text:
        return 0.0
    if _DECIMAL.match(text):
        return float(text)
    if _HEXADECIMAL.match(text):
        return float(int(text, 16))
    if _OCTAL.match(text):
        return float(int(text, 8))
    return _WORDS.get(text, math.nan)


def to_text(value: Value) -> str:
    """A value inside a string. Arrays and objects are only named, as GitHub does."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(float(value))
        case str():
            return value
        case list():
            return "Array"
        case _:
            return "Object"


def number_text(number: float) -> str:
    """Fifteen significant digits, `1` for 1.0, an exponent only for the very large and small."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    return f"{number:.15g}".replace("e", "E")


def equals(left: Value, right: Value) -> bool:
    """Loose equality: kinds that differ are compared as numbers, strings without case."""
    left_kind, right_kind = kind_of(left), kind_of(right)
    if left_kind == right_kind:
        match left_kind:
            case "null":
                return True
            case "string":
                return bool(left.upper() == right.upper())
            case "array" | "object":
                return left is right
            case _:
                return bool(left == right)
    if {left_kind, right_kind} & {"array", "object"}:
        return False
    return to_number(left) == to_number(right)


def is_greater(left: Value, right: Value) -> bool:
    """`left > right`; False whenever the two cannot be ordered."""
    left_kind, right_kind = kind_of(left), kind_of(right)
    if {left_kind, right_kind} & {"array", "object"}:
        return False
    if left_kind == right_kind == "string":
        return bool(left.upper() > right.upper())
    return to_number(left) > to_number(right)


def property_of(value: Value, name: str) -> Value:
    """A property without regard to case; null when it is not there."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    wanted = name.upper()
    for key, found in value.items():
        if key.upper() == wanted:
            return found
    return None


def element_of(value: Value, index: Value) -> Value:
    """`value[index]`: a property of an object, an element of an array, else null."""
    if isinstance(value, dict):
        if isinstance(index, list | dict):
            return None
        return property_of(value, to_text(index))
    if isinstance(value, list):
        number = to_number(index)
        if math.isnan(number) or math.isinf(number) or number < 0:
            return None
        position = math.floor(number)
        return value[position] if position < len(value) else None
    return None

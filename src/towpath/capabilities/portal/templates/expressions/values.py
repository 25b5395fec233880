"""What JavaScript values do, for JSON values in Python: truth, text, numbers, comparison, lookup.

A value is None, bool, int, float, str, list, dict, UNDEFINED, or a Pattern or Macro of the
template itself. Numbers are JavaScript's: an integer that leaves 53 bits becomes a float.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from towpath.capabilities.portal.templates.expressions.limits import ExpressionError

Value = Any
"""A JSON value, UNDEFINED, or something of the template's own; nothing else of Python."""


class _Undefined:
    __slots__ = ()

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = _Undefined()
NAN: Final = math.nan
INTEGER_MAX = 2**53

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)")
_RADIX = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+")
_INDEX = re.compile(r"0|[1-9]\d*")


def is_nothing(value: Value) -> bool:
    return value is None or value is UNDEFINED


def is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def truthy(value: Value) -> bool:
    """An empty list and an empty object are true."""
    if isinstance(value, list | dict):
        return True
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value)


def text_of(value: Value) -> str:
    """`String(value)`; for printing see `printed`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, list):
        return ",".join("" if is_nothing(item) else text_of(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return str(value)


def printed(value: Value) -> str:
    """What `${{ value }}` prints: nothing for null and undefined."""
    return "" if is_nothing(value) else text_of(value)


def number_text(value: int | float) -> str:
    if isinstance(value, int):
        return str(value) if abs(value) < 10**21 else number_text(float(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if abs(value) >= 1e21 or abs(value) < 1e-6:
        mantissa, _, exponent = f"{value!r}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    return format(value, "f").rstrip("0") if "e" in repr(value) else repr(value)


def number_of(value: Value) -> int | float:
    """`Number(value)`."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if value is None:
        return 0
    if isinstance(value, str):
        return _parsed(value.strip())
    if isinstance(value, list):
        return _parsed(text_of(value).strip())
    return NAN


def _parsed(text: str) -> int | float:
    if not text:
        return 0
    if _RADIX.fullmatch(text):
        return settled(int(text, 0))
    if not _NUMBER.fullmatch(text):
        return NAN
    return settled(float(text.replace("Infinity", "inf")))


def settled(value: int | float) -> int | float:
    """The number as JavaScript keeps it: whole ones as int while exact, the others as float."""
    if isinstance(value, int):
        return value if abs(value) <= INTEGER_MAX else float(value)
    if value.is_integer() and abs(value) <= INTEGER_MAX:
        return int(value)
    return value


def primitive(value: Value) -> Value:
    return text_of(value) if isinstance(value, list | dict) else value


def add(left: Value, right: Value) -> Value:
    """JavaScript's `+`: texts are joined, everything else is counted."""
    left, right = primitive(left), primitive(right)
    if isinstance(left, str) or isinstance(right, str):
        return text_of(left) + text_of(right)
    return settled(number_of(left) + number_of(right))


def arithmetic(operate: Callable[[float, float], float]) -> Callable[[Value, Value], Value]:
    """A binary operator on numbers; what has no number gives NaN."""

    def calculate(left: Value, right: Value) -> Value:
        try:
            return settled(operate(number_of(left), number_of(right)))
        except OverflowError:
            return math.inf

    return calculate


def divide(left: float, right: float) -> float:
    if right == 0:
        return NAN if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def floor_divide(left: float, right: float) -> float:
    quotient = divide(left, right)
    return math.floor(quotient) if math.isfinite(quotient) else quotient


def remainder(left: float, right: float) -> float:
    if right == 0 or math.isinf(left):
        return NAN
    return math.fmod(left, right)


def power(base: float, exponent: float) -> float:
    result = float(base) ** float(exponent)
    return NAN if isinstance(result, complex) else result


def strict_equal(left: Value, right: Value) -> bool:
    """`===`: no conversion; lists and objects are equal only to themselves."""
    if is_number(left) and is_number(right):
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list | dict):
        return left is right
    return bool(left == right)


def loose_equal(left: Value, right: Value) -> bool:
    """`==`, as JavaScript converts: `'1' == 1`, `null == undefined`, `0 == false`."""
    if is_nothing(left) or is_nothing(right):
        return is_nothing(left) and is_nothing(right)
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        return left is right
    left, right = primitive(left), primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, str | bool | int | float) and isinstance(right, str | bool | int | float):
        return number_of(left) == number_of(right)
    return left is right


def less(left: Value, right: Value) -> bool:
    """`<`: two texts by their characters, everything else by number."""
    left, right = primitive(left), primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    return number_of(left) < number_of(right)


def less_or_equal(left: Value, right: Value) -> bool:
    left, right = primitive(left), primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        return left <= right
    return number_of(left) <= number_of(right)


def contains(container: Value, item: Value) -> bool:
    """`item in container`."""
    if isinstance(container, list):
        return any(strict_equal(item, member) for member in container)
    if isinstance(container, str):
        return text_of(item) in container
    if isinstance(container, dict):
        return text_of(item) in container
    raise ExpressionError(f"`in` needs a list, a text or an object, not {text_of(container)}")


def member(container: Value, key: Value) -> Value:
    """`container.key` and `container[key]`; undefined when there is no such thing."""
    if isinstance(container, dict):
        return container.get(text_of(key), UNDEFINED)
    if isinstance(container, list | str):
        return _item(container, text_of(key))
    return UNDEFINED


def _item(sequence: list[Value] | str, key: str) -> Value:
    if key == "length":
        return len(sequence)
    if _INDEX.fullmatch(key) and int(key) < len(sequence):
        return sequence[int(key)]
    return UNDEFINED


def kind_of(value: Value) -> str:
    """What to call it in a message."""
    if isinstance(value, bool):
        return "a boolean"
    for kinds, name in ((str, "a text"), (int | float, "a number"), (list, "a list")):
        if isinstance(value, kinds):
            return name
    return "an object" if isinstance(value, dict) else text_of(value)

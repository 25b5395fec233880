"""The language's own operators.

Source: the CEL specification, and cel-go for the words of what fails.
"""

import math
from collections.abc import Callable
from typing import Any

from towpath.machinery.cel.errors import CelError, no_such_overload
from towpath.machinery.cel.functions import Library
from towpath.machinery.cel.values import (
    INT_MAX,
    INT_MIN,
    NONE,
    NS,
    Duration,
    Opt,
    Timestamp,
    UInt,
    check_int,
    check_uint,
    compare,
    contains,
    equal,
    is_number,
    joined,
)

STANDARD = Library()
_FIRST_NS, _LAST_NS = -62135596800 * NS, 253402300799 * NS + NS - 1


def moment_of(ns: int) -> Timestamp:
    if not _FIRST_NS <= ns <= _LAST_NS:
        raise CelError("timestamp overflow")
    return Timestamp(ns)


def duration_of(ns: int) -> Duration:
    if not INT_MIN <= ns <= INT_MAX:
        raise CelError("duration overflow")
    return Duration(ns)


# -- arithmetic ----------------------------------------------------------------------------------


def add(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return check_int(left + right)
        if kind in (str, float, bytes):
            return left + right
        if kind is UInt:
            return check_uint(int(left) + int(right))
        if kind is Duration:
            return duration_of(left.ns + right.ns)
    if isinstance(left, list) and isinstance(right, list):
        return joined(left, right)
    if (kind is Timestamp and other is Duration) or (kind is Duration and other is Timestamp):
        return moment_of(left.ns + right.ns)
    raise no_such_overload()


def subtract(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return check_int(left - right)
        if kind is float:
            return left - right
        if kind is UInt:
            return check_uint(int(left) - int(right))
        if kind in (Duration, Timestamp):
            return duration_of(left.ns - right.ns)
    if kind is Timestamp and other is Duration:
        return moment_of(left.ns - right.ns)
    raise no_such_overload()


def multiply(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return check_int(left * right)
        if kind is float:
            return left * right
        if kind is UInt:
            return check_uint(int(left) * int(right))
    raise no_such_overload()


def divide(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right):
        if kind is float:
            return _divide_doubles(left, right)
        if kind in (int, UInt):
            if right == 0:
                raise CelError("division by zero")
            quotient = abs(int(left)) // abs(int(right))
            negative = (left < 0) != (right < 0)
            return kind(check_int(-quotient) if negative else _checked(quotient, kind))
    raise no_such_overload()


def _checked(value: int, kind: type[Any]) -> int:
    return check_uint(value) if kind is UInt else check_int(value)


def _divide_doubles(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def modulo(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right) and kind in (int, UInt):
        if right == 0:
            raise CelError("modulus by zero")
        rest = abs(int(left)) % abs(int(right))
        return kind(-rest if left < 0 else rest)
    raise no_such_overload()


def negate(value: Any) -> Any:
    if type(value) is int:
        return check_int(-value)
    if type(value) is float:
        return -value
    raise no_such_overload()


def is_in(wanted: Any, holder: Any) -> bool:
    if isinstance(holder, dict):
        return type(wanted) in (str, int, bool, UInt, float) and _key(wanted) in holder
    if isinstance(holder, list):
        return contains(holder, wanted)
    raise no_such_overload()


def _key(value: Any) -> Any:
    return int(value) if type(value) is float and value == int(value) else value


def index(holder: Any, wanted: Any) -> Any:
    if type(holder) is Opt:
        return optional_index(holder, wanted)
    if isinstance(holder, dict):
        try:
            return holder[_key(wanted)]
        except (KeyError, TypeError):
            raise CelError(f"no such key: {_shown(wanted)}") from None
    if isinstance(holder, list):
        if not is_number(wanted) or wanted != int(wanted):
            raise CelError(f"unsupported index type '{type(wanted).__name__}' in list")
        if not 0 <= wanted < len(holder):
            raise CelError(f"index out of bounds: {int(wanted)}")
        return holder[int(wanted)]
    raise no_such_overload()


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def optional_index(holder: Any, wanted: Any) -> Opt:
    if type(holder) is Opt:
        if not holder.present:
            return NONE
        holder = holder.value
    try:
        return Opt(index(holder, wanted))
    except CelError as error:
        if error.message.startswith(("no such key", "index out")):
            return NONE
        raise


def size(value: Any) -> int:
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    raise no_such_overload()


def _order(name: str, holds: Callable[[int], bool]) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        if is_number(left) and is_number(right) and (left != left or right != right):
            return False
        return holds(compare(left, right))

    check.__name__ = name
    return check


def _declare_operators() -> None:
    each = STANDARD.each
    kinds = ("bytes", "double", "duration", "string")
    each(
        "_+_",
        add,
        {f"add_{kind}": f"({kind}, {kind}) {kind}" for kind in kinds}
        | {
            "add_duration_timestamp": "(duration, timestamp) timestamp",
            "add_timestamp_duration": "(timestamp, duration) timestamp",
            "add_int64": "(int, int) int",
            "add_list": "(list(A), list(A)) list(A)",
            "add_uint64": "(uint, uint) uint",
        },
    )
    for name, word, run, some in (
        ("_-_", "subtract", subtract, ("double", "int", "uint")),
        ("_*_", "multiply", multiply, ("double", "int", "uint")),
        ("_/_", "divide", divide, ("double", "int", "uint")),
        ("_%_", "modulo", modulo, ("int", "uint")),
    ):
        each(name, run, {f"{word}_{kind}": f"({kind}, {kind}) {kind}" for kind in some})
    each(
        "_-_",
        subtract,
        {
            "subtract_duration_duration": "(duration, duration) duration",
            "subtract_timestamp_duration": "(timestamp, duration) timestamp",
            "subtract_timestamp_timestamp": "(timestamp, timestamp) duration",
        },
    )
    each("-_", negate, {"negate_double": "(double) double", "negate_int64": "(int) int"})
    each("_==_", equal, {"equals": "(A, A) bool"})
    each("_!=_", lambda left, right: not equal(left, right), {"not_equals": "(A, A) bool"})
    each("@in", is_in, {"in_list": "(A, list(A)) bool", "in_map": "(A, map(A,B)) bool"})
    each(
        "_[_]",
        index,
        {
            "index_list": "(list(A), int) A",
            "index_map": "(map(A,B), A) B",
            "optional_list_index_int": "(optional(list(V)), int) optional(V)",
            "optional_map_index_value": "(optional(map(K,V)), K) optional(V)",
        },
    )
    each(
        "_[?_]",
        optional_index,
        {
            "list_optindex_optional_int": "(list(V), int) optional(V)",
            "optional_list_optindex_optional_int": "(optional(list(V)), int) optional(V)",
            "map_optindex_optional_value": "(map(K,V), K) optional(V)",
            "optional_map_optindex_optional_value": "(optional(map(K,V)), K) optional(V)",
        },
    )
    for plain_kind in ("bytes", "list(A)", "map(A,B)", "string"):
        word = plain_kind.partition("(")[0]
        STANDARD.add("size", f"size_{word}", f"({plain_kind}) int", size)
        STANDARD.add("size", f"{word}_size", f"{plain_kind}.() int", size)
    _declare_orders()


def _declare_orders() -> None:
    same = ("bool", "int64", "uint64", "double", "string", "bytes", "timestamp", "duration")
    numbers = ("int64", "uint64", "double")
    pairs = [(kind, kind) for kind in same]
    pairs += [(one, two) for one in numbers for two in numbers if one != two]
    for name, word, holds in (
        ("_<_", "less", lambda order: order < 0),
        ("_<=_", "less_equals", lambda order: order <= 0),
        ("_>_", "greater", lambda order: order > 0),
        ("_>=_", "greater_equals", lambda order: order >= 0),
    ):
        run = _order(word, holds)
        for one, two in pairs:
            label = one if one == two else f"{one}_{two}"
            spelled = f"({one.removesuffix('64')}, {two.removesuffix('64')}) bool"
            STANDARD.add(name, f"{word}_{label}", spelled, run)


_declare_operators()

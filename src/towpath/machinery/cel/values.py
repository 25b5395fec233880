"""Values of CEL in Python: JSON as it is, and a class for each thing that JSON does not have.

int, float, str, bytes, bool, None, list and dict stand for themselves. Python would take True for
1 and 1 for 1.0, so that equality and order are functions here.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from towpath.machinery.cel.errors import CelError, no_such_overload

INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1
NS = 1_000_000_000


class UInt(int):
    """An unsigned number."""

    __slots__ = ()


class Timestamp(Struct, frozen=True, order=True):
    """Nanoseconds since 1970."""

    ns: int

    def moment(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.ns // 1000)

    def __str__(self) -> str:
        seconds, rest = divmod(self.ns, NS)
        text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime(
            "%Y-%m-%dT%H:%M:%S"
        )
        fraction = f"{rest:09}".rstrip("0")
        return f"{text.zfill(19)}.{fraction}Z" if fraction else f"{text.zfill(19)}Z"


class Duration(Struct, frozen=True, order=True):
    ns: int

    def __str__(self) -> str:
        """As CEL's string() has it: seconds."""
        sign, ns = ("-", -self.ns) if self.ns < 0 else ("", self.ns)
        seconds, rest = divmod(ns, NS)
        fraction = f"{rest:09}".rstrip("0")
        return f"{sign}{seconds}.{fraction}s" if fraction else f"{sign}{seconds}s"


class TypeValue(Struct, frozen=True):
    """What type() gives."""

    name: str

    def __str__(self) -> str:
        return self.name


class Opt:
    """An optional value; NONE is the one without."""

    __slots__ = ("present", "value")

    def __init__(self, value: Any, *, present: bool = True) -> None:
        self.value = value
        self.present = present


NONE = Opt(None, present=False)


class SetList(list[Any]):
    """An `x-kubernetes-list-type: set`: order does not count."""


class MapList(list[Any]):
    """An `x-kubernetes-list-type: map`, with the names of its keys."""

    __slots__ = ("keys",)

    def __init__(self, items: Iterable[Any], keys: tuple[str, ...]) -> None:
        super().__init__(items)
        self.keys = keys

    def by_key(self) -> dict[Any, Any]:
        return {
            tuple(item.get(key) for key in self.keys): item
            for item in self
            if isinstance(item, dict)
        }


_PLAIN = frozenset((str, bool, int, type(None), bytes))
_NUMBERS = (int, float)


def is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> bool:
    kind, other = type(left), type(right)
    if kind is other and kind in _PLAIN:
        return bool(left == right)
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, list) and isinstance(right, list):
        return _lists_equal(left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(
            key in right and equal(value, right[key]) for key, value in left.items()
        )
    if kind is Opt and other is Opt:
        return left.present == right.present and (
            not left.present or equal(left.value, right.value)
        )
    return kind is other and bool(left == right)


def _lists_equal(left: list[Any], right: list[Any]) -> bool:
    if len(left) != len(right):
        return False
    if isinstance(left, SetList):
        return all(contains(right, item) for item in left)
    if isinstance(left, MapList):
        theirs = MapList(right, left.keys).by_key()
        mine = left.by_key()
        return mine.keys() == theirs.keys() and all(equal(mine[key], theirs[key]) for key in mine)
    return all(equal(one, two) for one, two in zip(left, right, strict=True))


def contains(items: list[Any], wanted: Any) -> bool:
    return any(equal(item, wanted) for item in items)


def joined(left: list[Any], right: list[Any]) -> list[Any]:
    """`+` of lists: sets and maps keep every element once."""
    if isinstance(left, SetList):
        result = SetList(left)
        result.extend(item for item in right if not contains(left, item))
        return result
    if isinstance(left, MapList):
        merged = left.by_key() | MapList(right, left.keys).by_key()
        return MapList(merged.values(), left.keys)
    return [*left, *right]


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1. Raises CelError for what has no order."""
    if is_number(left) and is_number(right):
        if left != left or right != right:
            raise CelError("NaN values cannot be ordered")
    elif type(left) is not type(right) or not isinstance(
        left, str | bytes | bool | Timestamp | Duration
    ):
        raise no_such_overload()
    return int(left > right) - int(left < right)


def check_int(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelError("integer overflow")


def check_uint(value: int) -> UInt:
    if 0 <= value <= UINT_MAX:
        return UInt(value)
    raise CelError("unsigned integer overflow")


def size_of(value: Any) -> int:
    """What a value counts for in costs: 1 unless it can be long."""
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    if type(value) is Opt and value.present:
        return size_of(value.value)
    return 1


def plain(value: Any) -> Any:
    """As JSON has it. Raises CelError for what has no such form."""
    match value:
        case None | bool() | str() | bytes():
            return value
        case UInt():
            return int(value)
        case int() | float():
            return value
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case Timestamp() | Duration() | TypeValue():
            return str(value)
        case Opt():
            raise CelError("the result has no plain form: an optional value")
    return str(value)


def double_text(value: float) -> str:
    """As Go writes it with the fewest digits: 1, 2.5, 1e+21."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)

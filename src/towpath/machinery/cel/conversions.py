"""Conversions between types, and what times and durations say of themselves."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from towpath.machinery.cel.errors import CelError, no_such_overload
from towpath.machinery.cel.functions import Library
from towpath.machinery.cel.operators import moment_of
from towpath.machinery.cel.values import (
    INT_MAX,
    INT_MIN,
    NS,
    UINT_MAX,
    Duration,
    Opt,
    Timestamp,
    TypeValue,
    UInt,
    check_int,
    check_uint,
    double_text,
    is_number,
)

CONVERSIONS = Library()
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {
    "ns": 1,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ms": 1_000_000,
    "s": NS,
    "m": 60 * NS,
    "h": 3600 * NS,
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,}))?([Zz]|[+-]\d\d:\d\d)\Z")


# -- conversions ---------------------------------------------------------------------------------


def type_name(value: Any) -> str:
    for kind, name in _TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return str(getattr(type(value), "TYPE_NAME", "dyn"))


_TYPE_NAMES: tuple[tuple[type[Any], str], ...] = (
    (bool, "bool"),
    (UInt, "uint"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    (bytes, "bytes"),
    (type(None), "null_type"),
    (list, "list"),
    (dict, "map"),
    (Timestamp, "google.protobuf.Timestamp"),
    (Duration, "google.protobuf.Duration"),
    (TypeValue, "type"),
    (Opt, "optional_type"),
)


def parse_duration(text: str) -> Duration:
    """As Go reads it: `1h30m`, `-1.5s`. Raises ValueError."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return Duration(0)
    total, place = 0, 0
    for found in _DURATION_PART.finditer(rest):
        if found.start() != place:
            break
        whole, _, fraction = found[1].partition(".")
        unit = _UNITS[found[2]]
        total += int(whole or 0) * unit
        total += int(fraction or 0) * unit // 10 ** len(fraction) if fraction else 0
        place = found.end()
    if not rest or place != len(rest):
        raise ValueError(f'time: invalid duration "{text}"')
    return Duration(sign * total)


def parse_timestamp(text: str) -> Timestamp:
    """RFC 3339. Raises ValueError."""
    found = _MOMENT.match(text)
    if found is None:
        raise ValueError(f'parsing time "{text}" as RFC 3339: cannot parse')
    zone = "+00:00" if found[3] in "Zz" else found[3]
    whole = datetime.fromisoformat(f"{found[1].upper()}{zone}")
    # Differences of aware datetimes are exact, what timestamp() gives is not.
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86400 + since.seconds
    return moment_of(seconds * NS + int((found[2] or "0")[:9].ljust(9, "0")))


def _to_int(value: Any) -> int:
    match value:
        case bool():
            raise no_such_overload()
        case int():
            return check_int(int(value))
        case float():
            if math.isnan(value) or not INT_MIN < value < INT_MAX:
                raise CelError("integer overflow")
            return int(value)
        case str():
            if re.fullmatch(r"[+-]?\d+", value, re.ASCII) is None:
                raise CelError(f'strconv.ParseInt: parsing "{value}": invalid syntax')
            return check_int(int(value))
        case Timestamp():
            return value.ns // NS
        case Duration():
            return value.ns
    raise no_such_overload()


def _to_uint(value: Any) -> UInt:
    match value:
        case bool():
            raise no_such_overload()
        case int():
            return check_uint(int(value))
        case float():
            if math.isnan(value) or not 0 <= value <= UINT_MAX:
                raise CelError("unsigned integer overflow")
            return check_uint(int(value))
        case str():
            if re.fullmatch(r"\d+", value, re.ASCII) is None:
                raise CelError(f'strconv.ParseUint: parsing "{value}": invalid syntax')
            return check_uint(int(value))
    raise no_such_overload()


def _to_double(value: Any) -> float:
    if is_number(value):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise CelError(f'strconv.ParseFloat: parsing "{value}": invalid syntax') from None
    raise no_such_overload()


def to_string(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return double_text(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None
        case Timestamp() | Duration():
            return str(value)
    raise no_such_overload()


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "t", "1", "TRUE", "True", "T"):
        return True
    if value in ("false", "f", "0", "FALSE", "False", "F"):
        return False
    raise CelError("type conversion error from 'string' to 'bool'")


def _to_timestamp(value: Any) -> Timestamp:
    if isinstance(value, Timestamp):
        return value
    if isinstance(value, str):
        try:
            return parse_timestamp(value)
        except ValueError as error:
            raise CelError(str(error)) from None
    return moment_of(int(value) * NS)


def _to_duration(value: Any) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise CelError(str(error)) from None
    return Duration(int(value))


def _declare_conversions() -> None:
    declared: dict[str, tuple[Callable[[Any], Any], str, str]] = {
        "bool": (_to_bool, "bool string", "bool"),
        "bytes": (
            lambda value: value if isinstance(value, bytes) else value.encode(),
            "bytes string",
            "bytes",
        ),
        "double": (_to_double, "double int string uint", "double"),
        "duration": (_to_duration, "duration int string", "duration"),
        "int": (_to_int, "int double duration string timestamp uint", "int"),
        "string": (to_string, "string bool bytes double duration int timestamp uint", "string"),
        "timestamp": (_to_timestamp, "timestamp int string", "timestamp"),
        "uint": (_to_uint, "uint double int string", "uint"),
    }
    for name, (run, sources, result) in declared.items():
        for source in sources.split():
            CONVERSIONS.add(name, f"{source}_to_{result}", f"({source}) {result}", run)
    CONVERSIONS.add("dyn", "to_dyn", "(A) dyn", lambda value: value)
    CONVERSIONS.add("type", "type", "(A) type(A)", lambda value: TypeValue(type_name(value)))


# -- times ---------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _zone(name: str) -> Any:
    found = re.fullmatch(r"([+-]?)(\d\d):(\d\d)", name)
    if found is not None:
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise CelError(f"unknown time zone {name}") from None


def _of_moment(pick: Callable[[datetime], int]) -> Callable[..., int]:
    def run(value: Timestamp, zone: str = "UTC") -> int:
        return pick(value.moment().astimezone(_zone(zone)))

    return run


def _declare_times() -> None:
    for name, pick in {
        "getFullYear": lambda at: at.year,
        "getMonth": lambda at: at.month - 1,
        "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
        "getDayOfMonth": lambda at: at.day - 1,
        "getDate": lambda at: at.day,
        "getDayOfWeek": lambda at: at.isoweekday() % 7,
        "getHours": lambda at: at.hour,
        "getMinutes": lambda at: at.minute,
        "getSeconds": lambda at: at.second,
        "getMilliseconds": lambda at: at.microsecond // 1000,
    }.items():
        run = _of_moment(pick)
        CONVERSIONS.add(name, f"timestamp_{name}", "timestamp.() int", run)
        CONVERSIONS.add(name, f"timestamp_{name}_tz", "timestamp.(string) int", run)
    for name, unit in (("getHours", 3600 * NS), ("getMinutes", 60 * NS), ("getSeconds", NS)):
        CONVERSIONS.add(name, f"duration_{name}", "duration.() int", _in_units(unit))
    CONVERSIONS.add(
        "getMilliseconds",
        "duration_getMilliseconds",
        "duration.() int",
        lambda value: _truncated(value.ns, 1_000_000) % 1000,
    )


def _in_units(unit: int) -> Callable[[Duration], int]:
    return lambda value: _truncated(value.ns, unit)


def _truncated(ns: int, unit: int) -> int:
    return abs(ns) // unit * (1 if ns >= 0 else -1)


_declare_conversions()
_declare_times()

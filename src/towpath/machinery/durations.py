"""Go durations (`1h30m`, `250ms`) and the short ages that kubectl shows (`5m`, `3d4h`)."""

import re
from datetime import datetime
from fractions import Fraction

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*\.?[0-9]*)([a-zµμ]+)")


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of a Go duration. Raises ValueError in Go's words."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = Fraction(0)
    position = 0
    while position < len(rest):
        found = _PART.match(rest, position)
        if found is None or found[1] in ("", "."):
            raise ValueError(f'time: invalid duration "{text}"')
        if found[2] not in _UNITS_NS:
            raise ValueError(f'time: unknown unit "{found[2]}" in duration "{text}"')
        if found[1].count(".") > 1:
            raise ValueError(f'time: invalid duration "{text}"')
        total += Fraction(f"0{found[1]}0" if "." in found[1] else found[1]) * _UNITS_NS[found[2]]
        position = found.end()
    if position == 0:
        raise ValueError(f'time: invalid duration "{text}"')
    return -int(total) if text.startswith("-") else int(total)


def parse_duration(text: str) -> float:
    """Seconds of a Go duration. Raises ValueError."""
    return parse_duration_ns(text) / 1_000_000_000


def format_duration(seconds: float) -> str:
    """As Go's Duration.String: `1h30m0s`, `1.5s`, `250ms`, `0s`."""
    nanoseconds = round(seconds * 1_000_000_000)
    if nanoseconds == 0:
        return "0s"
    sign = "-" if nanoseconds < 0 else ""
    nanoseconds = abs(nanoseconds)
    if nanoseconds < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nanoseconds >= size:
                return f"{sign}{_decimal(nanoseconds, size)}{unit}"
    minutes, below = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(below, 1_000_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, size: int) -> str:
    whole, below = divmod(value, size)
    digits = f"{below:0{len(str(size)) - 1}d}".rstrip("0") if below else ""
    return f"{whole}.{digits}" if digits else str(whole)


def human_duration(seconds: float) -> str:
    """The coarse form of kubectl's AGE column."""
    total_s = int(seconds)
    if total_s < -1:
        return "<invalid>"
    if total_s < 0:
        return "0s"
    if total_s < 60 * 2:
        return f"{total_s}s"
    minutes, hours = total_s // 60, total_s // 3600
    if minutes < 10:
        return _two("m", minutes, "s", total_s % 60)
    if minutes < 60 * 3:
        return f"{minutes}m"
    if hours < 8:
        return _two("h", hours, "m", minutes % 60)
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 24 * 8:
        return _two("d", days, "h", hours % 24)
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two("y", days // 365, "d", days % 365)
    return f"{days // 365}y"


def _two(big_unit: str, big: int, small_unit: str, small: int) -> str:
    return f"{big}{big_unit}{small}{small_unit}" if small else f"{big}{big_unit}"


def age(since: datetime, now: datetime) -> str:
    return human_duration((now - since).total_seconds())

"""When a CronJob runs: five fields of a crontab, or a word; what is wrong with one.

Source of the rules and words: github.com/robfig/cron, which Kubernetes reads them with.
"""

import re
from collections.abc import Iterator

from towpath.machinery.causes import invalid_value, required
from towpath.machinery.durations import parse_duration
from towpath.machinery.errors import Cause

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
Names = dict[str, int]
Bounds = tuple[int, int, Names]
FIELDS: tuple[Bounds, ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(DAYS)}),
)
WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
EVERY = "@every "
IANA = "https://www.iana.org/time-zones"
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
_INTEGER = re.compile(r"[+-]?\d+")


class BadSchedule(ValueError):
    """Why nobody knows when to run, in words for who wrote it."""


def schedule_causes(schedule: str, field: str, *, may_name_zone: bool = False) -> Iterator[Cause]:
    if not schedule:
        yield required(field)
        return
    try:
        _read(schedule)
    except BadSchedule as error:
        yield invalid_value(field, schedule, str(error))
    if "TZ" in schedule and not may_name_zone:
        words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        yield invalid_value(field, schedule, words)


def _read(schedule: str) -> None:
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        schedule = schedule.partition(" ")[2].strip()
    if schedule.startswith("@"):
        _read_word(schedule)
        return
    fields = schedule.split()
    if len(fields) != len(FIELDS):
        listed = f"[{' '.join(fields)}]"
        raise BadSchedule(f"expected exactly {len(FIELDS)} fields, found {len(fields)}: {listed}")
    for text, bounds in zip(fields, FIELDS, strict=True):
        for part in text.split(","):
            if part:
                _read_range(part, bounds)


def _read_word(schedule: str) -> None:
    if schedule.startswith(EVERY):
        try:
            parse_duration(schedule.removeprefix(EVERY))
        except ValueError as error:
            raise BadSchedule(f"failed to parse duration {schedule}: {error}") from None
    elif schedule not in WORDS:
        raise BadSchedule(f"unrecognized descriptor: {schedule}")


def _read_range(part: str, bounds: Bounds) -> None:
    """One of `*`, `3`, `1-5`, each perhaps with a `/2`."""
    least, most, names = bounds
    span, *steps = part.split("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        first, last = least, most
    else:
        first = last = _number(ends[0], names)
        if len(ends) > 2:
            raise BadSchedule(f"too many hyphens: {part}")
        if len(ends) == 2:
            last = _number(ends[1], names)
    if len(steps) > 1:
        raise BadSchedule(f"too many slashes: {part}")
    step = _number(steps[0], {}) if steps else 1
    if steps and len(ends) == 1:
        last = most
    if first < least:
        raise BadSchedule(f"beginning of range ({first}) below minimum ({least}): {part}")
    if last > most:
        raise BadSchedule(f"end of range ({last}) above maximum ({most}): {part}")
    if first > last:
        raise BadSchedule(f"beginning of range ({first}) beyond end of range ({last}): {part}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {part}")


def _number(text: str, names: Names) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not _INTEGER.fullmatch(text):
        why = f'strconv.Atoi: parsing "{text}": invalid syntax'
        raise BadSchedule(f"failed to parse int from {text}: {why}")
    if (number := int(text)) < 0:
        raise BadSchedule(f"negative number ({number}) not allowed: {text}")
    return number


def time_zone_causes(zone: str | None, field: str) -> Iterator[Cause]:
    if zone is None:
        return
    if not zone:
        yield invalid_value(field, zone, "timeZone must be nil or non-empty string")
        return
    parts = zone.split("/")
    if any(part.startswith("-") or not _ZONE_PART.fullmatch(part) for part in parts) or (
        {".", ".."} & {*parts}
    ):
        yield invalid_value(field, zone, f"unknown time zone {zone}")
        return
    if zone.lower() == "local":
        words = f"timeZone must be an explicit time zone as defined in {IANA}"
        yield invalid_value(field, zone, words)
    if zone != "Local" and not _is_known(zone):
        yield invalid_value(field, zone, f"unknown time zone {zone}")


def _is_known(zone: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True

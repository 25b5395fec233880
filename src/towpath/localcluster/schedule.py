"""Cron expressions: five fields, names, ranges, lists, steps, and the @macros. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_SEARCH_DAYS_MAX = 366 * 5


class ScheduleInvalid(ValueError):
    """Not a cron expression; `str()` names the field and the value."""


@dataclass(frozen=True, slots=True)
class Schedule:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ScheduleInvalid."""
        parts = _MACROS.get(text.strip().lower(), text).split()
        if len(parts) != len(_FIELDS):
            raise ScheduleInvalid(
                f"schedule {text!r} must have five fields or be one of @hourly..."
            )
        sets = [_parse(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
        weekdays = frozenset(day % 7 for day in sets[4])
        return cls(
            sets[0],
            sets[1],
            sets[2],
            sets[3],
            weekdays,
            any_day=parts[2][0] in "*?",
            any_weekday=parts[4][0] in "*?",
        )

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after `moment`, in its zone; None when there is none in five years."""
        day = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for _ in range(_SEARCH_DAYS_MAX):
            if self._is_day(day):
                for hour in sorted(hour for hour in self.hours if hour >= day.hour):
                    first = day.minute if hour == day.hour else 0
                    for minute in sorted(minute for minute in self.minutes if minute >= first):
                        return day.replace(hour=hour, minute=minute)
            day = (day + timedelta(days=1)).replace(hour=0, minute=0)
        return None

    def _is_day(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        by_date = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        # As cron has always done: with both restricted, either will do.
        return by_date or by_weekday


def _parse(text: str, field: str, first: int, last: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        if step and not (step.isdigit() and int(step)):
            raise ScheduleInvalid(f"{field}: {step!r} is not a step")
        if span in ("*", "?"):
            low, high = first, last
        elif "-" in span:
            begin, _, end = span.partition("-")
            low, high = _number(begin, field, names), _number(end, field, names)
        else:
            low = _number(span, field, names)
            high = last if step else low
        if not first <= low <= high <= last:
            raise ScheduleInvalid(f"{field}: {part!r} is not within {first}-{last}")
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, field: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdigit():
        raise ScheduleInvalid(f"{field}: {text!r} is not a number")
    return int(text)

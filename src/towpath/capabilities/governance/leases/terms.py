"""When somebody is warned of the end of a lease, and when it is over. Pure: times in, times out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from towpath.hooks.leases import WARNED, BadLease, moment, written
from towpath.machinery.objects import RawObject, annotations_of

WARNINGS = (timedelta(days=7), timedelta(days=1), timedelta(hours=1))
"""Before the end; of a short lease those that fit."""
PART_BEFORE_WARNING = 0.5
"""Of a lease, that has to be over before anybody hears of its end; but for the last warning."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Of which end, and when."""

    end: datetime
    at: datetime

    @classmethod
    def of(cls, obj: RawObject) -> "Warned | None":
        end, _, at = annotations_of(obj).get(WARNED, "").partition(" ")
        try:
            return cls(moment(end), moment(at))
        except BadLease:
            return None

    def text(self) -> str:
        return f"{written(self.end)} {written(self.at)}"


def warnings_of(begun: datetime, end: datetime) -> list[datetime]:
    """When somebody is warned, the first first; never none: the last is when half is over."""
    whole = end - begun
    fitting = [end - before for before in WARNINGS if before <= whole * (1 - PART_BEFORE_WARNING)]
    return sorted(fitting) or [begun + whole * PART_BEFORE_WARNING]


def due_warning(begun: datetime, end: datetime, now: datetime) -> int:
    """How many warnings are due by now."""
    return sum(1 for when in warnings_of(begun, end) if when <= now)


def next_look(begun: datetime, end: datetime, now: datetime) -> float:
    """Seconds until something is due."""
    ahead = [when for when in (*warnings_of(begun, end), end) if when > now]
    return max((min(ahead) - now).total_seconds(), 1.0) if ahead else 1.0


def may_reclaim(warned: Warned | None, end: datetime, now: datetime, grace: timedelta) -> bool:
    """Somebody was warned of this very end, long enough ago by a clock that has not gone back."""
    if warned is None or warned.end != end:
        return False
    return timedelta() <= grace <= now - warned.at

"""Leases: anything may say until when it is kept, in one annotation; see the capability leases."""

from datetime import UTC, datetime, timedelta

from towpath.machinery.durations import parse_duration
from towpath.machinery.objects import RawObject, annotations_of

EXPIRES = "towpath.dev/expires"
"""Until when the object is kept, RFC 3339: `2026-12-24T18:00:00Z`."""

LONGEST = "towpath.dev/lease-max"
"""How long it may be kept from its making at most, extensions included: `720h`."""

WARNED = "towpath.dev/lease-warned"
"""Which end its owner has been warned of, and when: what nobody was warned of is not reclaimed."""

EXTENDED_BY = "towpath.dev/lease-extended-by"

CHOICES = (("24h", "1 day"), ("168h", "1 week"), ("720h", "30 days"), ("2160h", "90 days"))
"""What forms offer."""


class BadLease(ValueError):
    """No such time or duration; `str()` says what is expected."""


def moment(text: str) -> datetime:
    """Raises BadLease."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadLease(f"{text[:60]!r} is no time; write it as 2026-12-24T18:00:00Z") from None
    if found.tzinfo is None:
        raise BadLease(f"{text[:60]!r} says no time zone; write it as 2026-12-24T18:00:00Z")
    return found.astimezone(UTC)


def written(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def length(text: str) -> timedelta:
    """Of `168h`, or `7d`. Raises BadLease."""
    try:
        if text.endswith("d") and text[:-1].isdecimal():
            found = timedelta(days=int(text[:-1]))
        else:
            found = timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise BadLease(f"{text[:60]!r} is no length of time; write it as 24h or 7d") from None
    if found <= timedelta():
        raise BadLease(f"{text[:60]!r} is over before it begins")
    return found


def until(keep: str, *, longest: str = "", now: datetime | None = None) -> str:
    """The end of a lease that begins now. Raises BadLease for more than `longest`."""
    wanted = length(keep)
    if longest and wanted > length(longest):
        raise BadLease(f"it can be kept for {longest} at most, not for {keep}")
    return written((now or datetime.now(UTC)) + wanted)


def kept(obj: RawObject, keep: str) -> RawObject:
    """The object with a lease that begins now; as it is for "". Raises BadLease."""
    if keep:
        metadata = obj["metadata"]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), EXPIRES: until(keep)}
    return obj


def expires_of(obj: RawObject) -> str:
    return annotations_of(obj).get(EXPIRES, "")

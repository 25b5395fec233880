"""What each source has to say of itself, gathered from its parts, and written to its status.

A source that looks through many repositories is read one repository at a time. Its status is
written by a queue of its own, so that a thousand parts that were read make a few writes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nsmallest

from towpath.capabilities.portal.catalog.descriptors import EntityError
from towpath.capabilities.portal.catalog.gathering import Gathered
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, QUARANTINED
from towpath.client.protocols import Client
from towpath.machinery.conditions import set_condition, timestamp
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject
from towpath.records.questions import Loss
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Stream

log = logging.getLogger(__name__)

ERRORS_SHOWN_MAX = 50
ENTITIES_SHOWN_MAX = 200
PARTS_AT_ONCE = 20
PARTS_A_SECOND = 500
LATER_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a part could not be read at all, as a condition says it."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one part of a source: a repository, or the whole of it."""

    refs: tuple[str, ...] = ()
    """As many as are shown: it is kept for as long as the source is."""
    count: int = 0
    errors: tuple[EntityError, ...] = ()
    problem: Problem | None = None
    commit: str = ""
    version: str = ""
    changed_at: str = ""
    loss: Loss | None = None
    undone: bool = False
    changes: tuple[int, int, int] = (0, 0, 0)
    """Entities that came, that changed, and that went, at `changed_at`."""
    read_at: str = ""
    next_at: str = ""
    """Of a source that is read now and then."""
    failures: int = 0


def part_of(
    gathered: Gathered, refs: Sequence[str], taken: Sequence[str], *, must_be_there: bool
) -> Part:
    """As far as the reading tells it. `must_be_there`: what was asked for by name."""
    asked = set(refs)
    errors = [*gathered.errors, *(_is_taken(ref) for ref in taken if ref in asked)]
    errors += [EntityError(place, "", why) for place, why in gathered.broken.items()]
    held = asked - set(taken)
    return Part(
        tuple(nsmallest(ENTITIES_SHOWN_MAX, held)),
        len(held),
        tuple(errors),
        _problem(gathered, must_be_there=must_be_there),
    )


def _is_taken(ref: str) -> EntityError:
    return EntityError(ref, "metadata.name", "another source describes an entity of this name")


def _problem(gathered: Gathered, *, must_be_there: bool) -> Problem | None:
    for unread in (gathered.unlisted, gathered.unread):
        if unread:
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            return Problem("Unreadable", f"{next(iter(unread.values()))}{more}")
    if gathered.missing and must_be_there:
        message = f"{next(iter(gathered.missing.values()))}; add it, or delete this source"
        return Problem("DescriptorNotFound", message)
    if gathered.broken:
        return Problem("DescriptorInvalid", next(iter(gathered.broken.values())))
    return None


@dataclass(slots=True)
class Reports:
    """The parts of every source, and whose status is to be written."""

    parts: dict[Key, dict[str, Part]] = field(default_factory=dict)
    _news: asyncio.Queue[Key] = field(default_factory=asyncio.Queue)

    def put(self, source: Key, name: str, part: Part) -> None:
        self.parts.setdefault(source, {})[name] = part
        self._news.put_nowait(source)

    def drop(self, source: Key, name: str) -> None:
        """The part belongs to the source no more."""
        if self.parts.get(source, {}).pop(name, None) is not None:
            self._news.put_nowait(source)

    def forget(self, source: Key) -> None:
        self.parts.pop(source, None)

    async def news(self) -> AsyncIterator[Key]:
        """Each source once for all that has come meanwhile; one of many parts a little later."""
        while True:
            waiting = {await self._news.get()}
            parts = max(len(self.parts.get(key, ())) for key in waiting)
            if parts > PARTS_AT_ONCE:
                await asyncio.sleep(min(parts / PARTS_A_SECOND, LATER_S_MAX))
            while not self._news.empty():
                waiting.add(self._news.get_nowait())
            for key in sorted(waiting):
                yield key


def controller(api: Client, reports: Reports) -> Controller:
    return Controller(
        "catalog-sources-status", Writing(api, reports), [Stream(reports.news)], concurrency=1
    )


@dataclass(frozen=True, slots=True)
class Writing:
    api: Client
    reports: Reports

    async def __call__(self, key: Key) -> None:
        try:
            source = await self.api.get(CATALOG_SOURCE, key.name, key.namespace)
        except NotFound:
            self.reports.forget(key)
            return
        before = source.get("status") or {}
        after = {**source, "status": {**before}}
        after["status"]["conditions"] = [dict(c) for c in before.get("conditions") or ()]
        write_status(after, self.reports.parts.get(key, {}))
        changed = {
            name: after["status"].get(name)
            for name in {*before, *after["status"]}
            if before.get(name) != after["status"].get(name)
        }
        if not changed:
            return
        try:
            await self.api.patch(
                CATALOG_SOURCE,
                key.name,
                key.namespace,
                {"status": changed},
                subresource="status",
            )
        except NotFound:
            log.info("catalogue source gone while it was read", extra={"source": str(key)})


def write_status(source: RawObject, parts: dict[str, Part]) -> None:
    """Pure: what the parts come to, as the source's status."""
    status = source["status"]
    refs = sorted({ref for part in parts.values() for ref in part.refs})
    count = sum(part.count for part in parts.values())
    errors = [error for name in sorted(parts) for error in parts[name].errors]
    status["observedGeneration"] = source["metadata"].get("generation", 0)
    status["count"] = count
    status["entities"] = refs[:ENTITIES_SHOWN_MAX]
    status["errors"] = [
        {"entity": error.entity, "field": error.field, "message": error.message}
        for error in errors[:ERRORS_SHOWN_MAX]
    ]
    if len(parts) == 1:
        (part,) = parts.values()
        status["commit"], status["version"] = part.commit or None, part.version or None
    else:
        status.pop("commit", None)
        status.pop("version", None)
    _write_times(status, parts.values())
    _write_quarantine(source, parts)
    _write_ready(source, parts, count, errors)


def _write_times(status: RawObject, parts: Collection[Part]) -> None:
    last = max(parts, key=lambda part: part.changed_at, default=Part())
    if last.changed_at > (status.get("lastChange") or ""):
        status["lastChange"] = last.changed_at
        status["changes"] = dict(zip(("added", "updated", "removed"), last.changes, strict=True))
    status["lastRead"] = max((part.read_at for part in parts), default="") or None
    status["nextRead"] = min((part.next_at for part in parts if part.next_at), default=None)
    status["failures"] = max((part.failures for part in parts), default=0) or None


def _write_quarantine(source: RawObject, parts: dict[str, Part]) -> None:
    held = {name: part for name, part in sorted(parts.items()) if part.loss is not None}
    source["status"]["quarantine"] = [
        {
            "part": name,
            "version": part.version,
            "removed": part.loss.removed,
            "of": part.loss.of,
            "examples": list(part.loss.examples),
        }
        for name, part in held.items()
        if part.loss is not None
    ]
    undone = [name for name, part in sorted(parts.items()) if part.undone]
    if held:
        message = "; ".join(f"{name}: {part.loss}" for name, part in held.items())[:1000]
        set_condition(source, QUARANTINED, status=True, reason="LossTooGreat", message=message)
    elif undone:
        message = (
            f"What {', '.join(undone[:3])} says was undone; the catalogue has what was there "
            "before until it says something else."
        )
        set_condition(source, QUARANTINED, status=True, reason="Undone", message=message)
    else:
        set_condition(
            source,
            QUARANTINED,
            status=False,
            reason="NothingHeldBack",
            message="All that it says is in the catalogue.",
        )


def _write_ready(
    source: RawObject, parts: dict[str, Part], count: int, errors: Sequence[EntityError]
) -> None:
    held = next((part for part in parts.values() if part.loss is not None), None)
    problem = next((parts[name].problem for name in sorted(parts) if parts[name].problem), None)
    ready, reason = False, ""
    if problem is not None:
        reason, message = problem.reason, f"{problem.message}. The catalogue keeps what it had."
    elif held is not None:
        reason, message = QUARANTINED, "Too much would go; accept it, or put it right."
    elif errors:
        first = errors[0]
        what = " ".join(word for word in (first.entity, first.field) if word)
        wrong = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        reason, message = "EntitiesInvalid", f"{wrong}; {what}: {first.message}"
    else:
        ready, reason = True, "Ready"
        entities = "1 entity is" if count == 1 else f"{count} entities are"
        message = f"{entities} in the catalogue."
    set_condition(source, "Ready", status=ready, reason=reason, message=message)


def at(later_s: float) -> str:
    """The time that it is then."""
    return timestamp(datetime.now(UTC) + timedelta(seconds=later_s))

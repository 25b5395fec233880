"""A store with nothing on disk, for tests: the whole contract, its own log, commits at once.

A write is still acknowledged in a later turn of the loop than it was accepted in, as with a disk:
what only works when commits are instantaneous must not pass here.
"""

import asyncio
from bisect import bisect_right
from collections import deque

from towpath.store.contract import (
    AuditRow,
    Compacted,
    Event,
    FutureRevision,
    Observer,
    RevisionMismatch,
    Stored,
    Write,
)
from towpath.store.pending import PendingWrite, PendingWrites
from towpath.store.state import CurrentState, Undo, scan_with_undo
from towpath.store.subscriptions import BufferedSubscription, FanOut


class MemoryStore:
    def __init__(self) -> None:
        self._state = CurrentState()
        self._fan_out = FanOut()
        self._pending = PendingWrites()
        self._log: list[Event] = []
        self._replaced: dict[int, int] = {}
        self._audit: deque[AuditRow] = deque()
        self._assigned = 0
        self._closed = False

    @property
    def revision(self) -> int:
        return self._fan_out.revision

    def get(self, collection: str, key: str) -> Stored | None:
        return self._state.get(collection, key)

    def scan(
        self, collection: str, prefix: str = "", *, after: str = "", limit: int = 0
    ) -> list[tuple[str, Stored]]:
        return self._state.scan(collection, prefix, after=after, limit=limit)

    def scan_at(
        self, revision: int, collection: str, prefix: str = "", *, after: str = "", limit: int = 0
    ) -> list[tuple[str, Stored]]:
        self._check_kept(revision)
        undo: Undo = {}
        for event in self._events_after(revision):
            if event.collection == collection and event.key not in undo:
                previous, replaced = event.previous, self._replaced[event.revision]
                undo[event.key] = Stored(replaced, previous) if previous is not None else None
        return scan_with_undo(self._state, undo, collection, prefix, after=after, limit=limit)

    def count(self, collection: str, prefix: str = "", *, after: str = "") -> int:
        return self._state.count(collection, prefix, after=after)

    def collections(self) -> list[str]:
        return self._state.collections()

    async def settled(self, collection: str, key: str) -> Stored | None:
        await self._pending.wait_for((collection, key))
        return self._state.get(collection, key)

    async def commit(self, write: Write) -> Stored:
        await self._pending.wait_for((write.collection, write.key))
        assert not self._closed, "the store is closed"
        current = self._state.get(write.collection, write.key)
        if (current.revision if current is not None else 0) != write.expected:
            raise RevisionMismatch(current)
        self._assigned += 1
        event = Event(
            self._assigned,
            write.collection,
            write.key,
            write.encode(self._assigned),
            current.value if current is not None else None,
            write.deleted,
        )
        loop = asyncio.get_running_loop()
        pending = PendingWrite(write, event, write.expected, loop.create_future())
        self._pending.add(pending)
        loop.call_soon(self._finish, pending)
        return await pending.acknowledged

    def observe(self, collection: str, observer: Observer) -> None:
        self._fan_out.observe(collection, observer)

    def watch(self, collection: str, prefix: str = "", *, since: int) -> BufferedSubscription:
        self._check_kept(since)

        def read_log(after: int, until: int, limit: int) -> list[Event]:
            found = [
                event
                for event in self._events_after(after)
                if event.revision <= until
                and collection in ("", event.collection)
                and event.key.startswith(prefix)
            ]
            return found[:limit]

        subscription = BufferedSubscription(self._fan_out, collection, prefix, since, read_log)
        self._fan_out.add(subscription)
        return subscription

    async def compact(self, revision: int) -> None:
        revision = min(revision, self.revision)
        if revision > self._fan_out.compacted:
            self._fan_out.compacted = revision
            self._log = self._events_after(revision)
            self._replaced = {event.revision: self._replaced[event.revision] for event in self._log}

    async def writers(self, collection: str, key: str, *, limit: int = 20) -> list[AuditRow]:
        rows = [row for row in self._audit if (row.collection, row.key) == (collection, key)]
        return rows[::-1][:limit]

    async def audit_since(self, revision: int, *, limit: int = 1000) -> list[AuditRow]:
        return [row for row in self._audit if row.revision > revision][:limit]

    async def forget_audit(self, revision: int) -> None:
        while self._audit and self._audit[0].revision <= revision:
            self._audit.popleft()

    async def close(self) -> None:
        self._closed = True
        self._fan_out.drop_all()

    def _finish(self, pending: PendingWrite) -> None:
        event, audit = pending.event, pending.write.audit
        if event.deleted:
            self._state.remove(event.collection, event.key)
        else:
            self._state.put(event.collection, event.key, Stored(event.revision, event.value))
        self._log.append(event)
        self._replaced[event.revision] = pending.replaces
        if audit is not None:
            self._audit.append(AuditRow(event.revision, event.collection, event.key, audit))
        self._fan_out.publish(event)
        self._fan_out.revision = event.revision
        self._pending.succeed(pending)

    def _events_after(self, revision: int) -> list[Event]:
        start = bisect_right(self._log, revision, key=lambda event: event.revision)
        return self._log[start:]

    def _check_kept(self, revision: int) -> None:
        if revision < self._fan_out.compacted:
            raise Compacted(f"history before {self._fan_out.compacted} is gone")
        if revision > self.revision:
            raise FutureRevision(f"revision {revision} is ahead of {self.revision}")

"""A store with nothing on disk, for tests: the whole contract, its own log, commits at once.

A write is still acknowledged in a later turn of the loop than it was accepted in, as with a disk:
what only works when commits are instantaneous must not pass here.
"""

import asyncio
from bisect import bisect_right
from collections import deque

from towpath.store.contract import AuditRow, Event, Stored, Write
from towpath.store.live import LiveStore
from towpath.store.pending import PendingWrite
from towpath.store.state import Undo, scan_with_undo
from towpath.store.subscriptions import BufferedSubscription


class MemoryStore(LiveStore):
    def __init__(self) -> None:
        super().__init__()
        self._log: list[Event] = []
        self._replaced: dict[int, int] = {}
        self._audit: deque[AuditRow] = deque()

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

    async def commit(self, write: Write) -> Stored:
        pending = await self._accept(write)
        asyncio.get_running_loop().call_soon(self._finish, pending)
        return await pending.acknowledged

    def watch(self, collection: str, prefix: str = "", *, since: int) -> BufferedSubscription:
        def read_log(after: int, until: int, limit: int) -> list[Event]:
            found = [
                event
                for event in self._events_after(after)
                if event.revision <= until
                and collection in ("", event.collection)
                and event.key.startswith(prefix)
            ]
            return found[:limit]

        return self._subscribe(collection, prefix, since, read_log)

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
        self._log.append(event)
        self._replaced[event.revision] = pending.replaces
        if audit is not None:
            self._audit.append(AuditRow(event.revision, event.collection, event.key, audit))
        self._publish([pending])
        self._pending.succeed(pending)

    def _events_after(self, revision: int) -> list[Event]:
        start = bisect_right(self._log, revision, key=lambda event: event.revision)
        return self._log[start:]

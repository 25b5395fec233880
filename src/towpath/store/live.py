"""What every open store is: the objects in memory, who waits for a commit, and who watches.

A store adds where its log is kept and when a write has become durable.
"""

import asyncio

from towpath.store.contract import (
    Compacted,
    Event,
    FutureRevision,
    Observer,
    RevisionMismatch,
    Stored,
    Write,
)
from towpath.store.pending import PendingWrite, PendingWrites
from towpath.store.state import CurrentState
from towpath.store.subscriptions import BufferedSubscription, FanOut, ReadLog


class LiveStore:
    def __init__(self) -> None:
        self._state = CurrentState()
        self._fan_out = FanOut()
        self._pending = PendingWrites()
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

    def count(self, collection: str, prefix: str = "", *, after: str = "") -> int:
        return self._state.count(collection, prefix, after=after)

    def collections(self) -> list[str]:
        return self._state.collections()

    async def settled(self, collection: str, key: str) -> Stored | None:
        await self._pending.wait_for((collection, key))
        return self._state.get(collection, key)

    def observe(self, collection: str, observer: Observer) -> None:
        self._fan_out.observe(collection, observer)

    async def _accept(self, write: Write) -> PendingWrite:
        """Give the write its revision, if what it stands on is current. Raises RevisionMismatch."""
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
        acknowledged = asyncio.get_running_loop().create_future()
        pending = PendingWrite(write, event, write.expected, acknowledged)
        self._pending.add(pending)
        return pending

    def _publish(self, batch: list[PendingWrite]) -> None:
        """The writes are durable: they become what is, then their watchers hear of them."""
        for pending in batch:
            event = pending.event
            if event.deleted:
                self._state.remove(event.collection, event.key)
            else:
                self._state.put(event.collection, event.key, Stored(event.revision, event.value))
        for pending in batch:
            self._fan_out.publish(pending.event)
        self._fan_out.revision = batch[-1].event.revision

    def _subscribe(
        self, collection: str, prefix: str, since: int, read_log: ReadLog
    ) -> BufferedSubscription:
        self._check_kept(since)
        subscription = BufferedSubscription(self._fan_out, collection, prefix, since, read_log)
        self._fan_out.add(subscription)
        return subscription

    def _check_kept(self, revision: int) -> None:
        if revision < self._fan_out.compacted:
            raise Compacted(f"history before {self._fan_out.compacted} is gone")
        if revision > self.revision:
            raise FutureRevision(f"revision {revision} is ahead of {self.revision}")

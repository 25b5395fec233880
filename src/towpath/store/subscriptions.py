"""Committed changes on their way to watchers: replay from the log, then live, bounded in bytes.

A subscriber registers before it replays, and what is committed meanwhile waits in its buffer, so
nothing falls between the two. A buffer that overflows is thrown away and its owner told.
"""

import asyncio
from collections.abc import Callable

from towpath.store.contract import Compacted, Event, Observer

BUFFER_BYTES_MAX = 8 * 1024 * 1024
EVENT_OVERHEAD_BYTES = 256
REPLAY_ROWS = 256

ReadLog = Callable[[int, int, int], list[Event]]
"""(after, until, limit) -> the subscriber's first events in that range of revisions, in order.

An empty list: there are no more in it.
"""


class BufferedSubscription:
    """One watcher's place in the log. Small: there may be ten thousand that nothing happens to."""

    __slots__ = (
        "_buffer",
        "_buffered_bytes",
        "_dropped",
        "_fan_out",
        "_handed_out",
        "_read_log",
        "_replay_until",
        "_wake",
        "collection",
        "prefix",
    )

    def __init__(
        self,
        fan_out: "FanOut",
        collection: str,
        prefix: str,
        since: int,
        read_log: ReadLog,
    ) -> None:
        self.collection = collection
        self.prefix = prefix
        self._fan_out = fan_out
        self._read_log = read_log
        self._handed_out = since
        self._replay_until = max(since, fan_out.revision)
        self._buffer: list[Event] = []
        self._buffered_bytes = 0
        self._dropped = False
        self._wake: asyncio.Future[None] | None = None

    @property
    def position(self) -> int:
        if self._buffer or self._handed_out < self._replay_until:
            return self._handed_out
        return max(self._handed_out, self._fan_out.revision)

    async def batch(self) -> list[Event]:
        while self._handed_out < self._replay_until:
            if events := self._replay():
                return events
        while not self._buffer:
            if self._dropped:
                raise Compacted("the watcher did not keep up")
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        events, self._buffer = self._buffer, []
        self._buffered_bytes = 0
        self._handed_out = events[-1].revision
        return events

    def close(self) -> None:
        self._fan_out.remove(self)

    def push(self, event: Event) -> None:
        if self._dropped or event.revision <= self._replay_until:
            return
        self._buffered_bytes += len(event.value) + EVENT_OVERHEAD_BYTES
        if self._buffered_bytes > BUFFER_BYTES_MAX:
            self.drop()
            return
        self._buffer.append(event)
        self._wake_up()

    def drop(self) -> None:
        self._dropped = True
        self._buffer = []
        self._wake_up()

    def _replay(self) -> list[Event]:
        if self._dropped or self._fan_out.compacted > self._handed_out:
            raise Compacted("compacted during replay")
        events = self._read_log(self._handed_out, self._replay_until, REPLAY_ROWS)
        self._handed_out = events[-1].revision if events else self._replay_until
        return events

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class FanOut:
    """Who watches which collection, and how far the log has come."""

    def __init__(self) -> None:
        self.revision = 0
        self.compacted = 0
        self._by_collection: dict[str, set[BufferedSubscription]] = {}
        self._observers: dict[str, list[Observer]] = {}

    def observe(self, collection: str, observer: Observer) -> None:
        self._observers.setdefault(collection, []).append(observer)

    def add(self, subscription: BufferedSubscription) -> None:
        self._by_collection.setdefault(subscription.collection, set()).add(subscription)

    def remove(self, subscription: BufferedSubscription) -> None:
        self._by_collection.get(subscription.collection, set()).discard(subscription)

    def publish(self, event: Event) -> None:
        for collection in (event.collection, ""):
            for observer in self._observers.get(collection, ()):
                observer(event)
            for subscription in self._by_collection.get(collection, ()):
                if event.key.startswith(subscription.prefix):
                    subscription.push(event)

    def drop_all(self) -> None:
        for subscriptions in self._by_collection.values():
            for subscription in subscriptions:
                subscription.drop()

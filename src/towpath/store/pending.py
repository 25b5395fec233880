"""Writes that are accepted and not yet durable: at most one per key, the others wait in line."""

import asyncio

from msgspec import Struct, field

from towpath.store.contract import Event, Stored, Write

Slot = tuple[str, str]


class PendingWrite(Struct):
    write: Write
    event: Event
    replaces: int
    """The revision of the live entry that this write replaces; 0 when there was none."""
    acknowledged: asyncio.Future[Stored]
    followers: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def slot(self) -> Slot:
        return (self.write.collection, self.write.key)


class PendingWrites:
    def __init__(self) -> None:
        self._by_slot: dict[Slot, PendingWrite] = {}

    def add(self, pending: PendingWrite) -> None:
        assert pending.slot not in self._by_slot
        self._by_slot[pending.slot] = pending

    async def wait_for(self, slot: Slot) -> None:
        """Return once nothing is under way for the key. The caller must not wait after that."""
        while (pending := self._by_slot.get(slot)) is not None:
            # A future of one's own: cancelling one waiter must not disturb the write or the others.
            follower: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            pending.followers.append(follower)
            await follower

    def succeed(self, pending: PendingWrite) -> None:
        del self._by_slot[pending.slot]
        if not pending.acknowledged.done():
            event = pending.event
            pending.acknowledged.set_result(Stored(event.revision, event.value))
        self._release(pending)

    def fail(self, pending: PendingWrite, error: Exception) -> None:
        del self._by_slot[pending.slot]
        if not pending.acknowledged.done():
            pending.acknowledged.set_exception(error)
        self._release(pending)

    @staticmethod
    def _release(pending: PendingWrite) -> None:
        for follower in pending.followers:
            if not follower.done():
                follower.set_result(None)

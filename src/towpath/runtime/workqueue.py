"""A queue of keys: each at most once, never two workers on the same key, failures with backoff."""

import asyncio
from collections import deque

from towpath.machinery.objects import Key

BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 60.0


class WorkQueue:
    """Keys to be looked at. Bounded by the number of existing objects, for it holds no duplicates.

    A key added while it is being processed is processed once more afterwards.
    """

    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._processing: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._wakeup = asyncio.Event()

    def add(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._queued:
            return
        self._queued.add(key)
        if key not in self._processing:
            self._ready.append(key)
            self._wakeup.set()

    def add_after(self, key: Key, delay_s: float) -> None:
        """Add the key when `delay_s` has passed, unless something adds it sooner."""
        if key in self._queued:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + delay_s
        if timer := self._timers.get(key):
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self.add, key)

    def add_after_failure(self, key: Key) -> float:
        """Add the key after its exponential backoff; returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay_s = float(min(BACKOFF_FIRST_S * 2 ** min(failures, 20), BACKOFF_MAX_S))
        self.add_after(key, delay_s)
        return delay_s

    def forget_failures(self, key: Key) -> None:
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """The next key; the caller must call `done` with it."""
        while not self._ready:
            self._wakeup.clear()
            await self._wakeup.wait()
        key = self._ready.popleft()
        self._queued.discard(key)
        self._processing.add(key)
        return key

    def done(self, key: Key) -> None:
        self._processing.discard(key)
        if key in self._queued:
            self._ready.append(key)
            self._wakeup.set()

    def __len__(self) -> int:
        return len(self._queued)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

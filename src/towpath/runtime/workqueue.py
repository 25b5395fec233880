"""A queue of keys: each at most once, never two workers on the same key, failures with backoff."""

import asyncio
import time
from collections import deque

from towpath.machinery.objects import Key
from towpath.runtime.measures import Histogram

BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 60.0
BOUNDS_S = (1e-08, 1e-07, 1e-06, 1e-05, 0.0001, 0.001, 0.01, 0.1, 1.0, 10.0)
"""As the queues of Kubernetes' controllers have them."""


class WorkQueue:
    """Keys to be looked at. Bounded by the number of existing objects, for it holds no duplicates.

    A key added while it is being processed is processed once more afterwards.
    """

    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._queued: dict[Key, float] = {}
        self._processing: dict[Key, float] = {}
        """Both with the moment in which that began."""
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._wakeup = asyncio.Event()
        self.adds = self.retries = 0
        self.waited, self.worked = Histogram(BOUNDS_S), Histogram(BOUNDS_S)

    @property
    def depth(self) -> int:
        """How many wait for a worker."""
        return len(self._ready)

    def unfinished_s(self) -> list[float]:
        """For how long each key has been processed by now."""
        now = time.perf_counter()
        return [now - began for began in self._processing.values()]

    def add(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._queued:
            return
        self._queued[key] = time.perf_counter()
        self.adds += 1
        if key not in self._processing:
            self._ready.append(key)
            self._wakeup.set()

    def add_after(self, key: Key, delay_s: float) -> None:
        """Add the key when `delay_s` has passed, unless something adds it sooner."""
        self.retries += 1
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
        began = time.perf_counter()
        self.waited.note(began - self._queued.pop(key))
        self._processing[key] = began
        return key

    def done(self, key: Key) -> None:
        self.worked.note(time.perf_counter() - self._processing.pop(key))
        if key in self._queued:
            self._ready.append(key)
            self._wakeup.set()

    def __len__(self) -> int:
        return len(self._queued)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

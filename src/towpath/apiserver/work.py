"""A set of things to do, each known by its name: adding one twice does it once.

What the server does by itself (garbage collection, emptying namespaces) is told of by observers
inside a commit, where nothing may wait; it is done here, by a few workers, and done again later
when it fails.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from towpath.machinery.errors import StatusError

log = logging.getLogger(__name__)

Item = TypeVar("Item", bound=Hashable)

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 60.0


class WorkSet(Generic[Item]):
    def __init__(self, name: str, handle: Callable[[Item], Awaitable[None]]) -> None:
        self._name = name
        self._handle = handle
        self._waiting: dict[Item, None] = {}
        self._active: set[Item] = set()
        self._again: set[Item] = set()
        self._failures: dict[Item, int] = {}
        self._news = asyncio.Event()

    def add(self, item: Item) -> None:
        """Do it soon; once more if it is being done right now."""
        if item in self._active:
            self._again.add(item)
        elif item not in self._waiting:
            self._waiting[item] = None
            self._news.set()

    async def run(self, workers: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._work(), name=self._name)

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            item = next(iter(self._waiting))
            del self._waiting[item]
            self._active.add(item)
            try:
                await self._handle(item)
            except Exception as error:  # noqa: BLE001 - whatever failed is tried again
                self._retry_later(item, error)
            else:
                self._failures.pop(item, None)
            finally:
                self._active.discard(item)
            if item in self._again:
                self._again.discard(item)
                self.add(item)

    def _retry_later(self, item: Item, error: Exception) -> None:
        failures = self._failures[item] = self._failures.get(item, 0) + 1
        delay_s = min(RETRY_FIRST_S * 2 ** (failures - 1), RETRY_MAX_S)
        log.warning(
            "will be tried again",
            extra={"work": self._name, "item": str(item), "error": str(error), "retry_s": delay_s},
            # What the API answers explains itself; anything else is a fault of ours.
            exc_info=None if isinstance(error, StatusError) else error,
        )
        asyncio.get_running_loop().call_later(delay_s, self.add, item)

"""A controller: sources of keys, a queue, a bounded number of workers, one reconcile function."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from towpath.machinery.errors import Conflict
from towpath.machinery.objects import Key
from towpath.runtime.sources import Source
from towpath.runtime.workqueue import WorkQueue

log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[float | None]]
"""Look at one object and act. Returns seconds until it wants to be called again, or None.

Any exception is retried with exponential backoff. It is called for deleted objects too.
"""

SOURCE_RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Controller:
    name: str
    reconcile: Reconcile
    sources: Sequence[Source]
    concurrency: int = 4
    queue: WorkQueue = field(default_factory=WorkQueue)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        queue = self.queue
        try:
            async with asyncio.TaskGroup() as tasks:
                for source in self.sources:
                    tasks.create_task(self._read(source, queue), name=f"{self.name}-source")
                for _ in range(self.concurrency):
                    tasks.create_task(self._work(queue), name=f"{self.name}-worker")
        finally:
            queue.close()

    async def _read(self, source: Source, queue: WorkQueue) -> None:
        while True:
            try:
                await source.run(queue.add)
                return
            except Exception:
                log.exception("source failed", extra={"controller": self.name})
                await asyncio.sleep(SOURCE_RETRY_S)

    async def _work(self, queue: WorkQueue) -> None:
        while True:
            key = await queue.get()
            try:
                await self._reconcile_once(key, queue)
            finally:
                queue.done(key)

    async def _reconcile_once(self, key: Key, queue: WorkQueue) -> None:
        try:
            again_s = await self.reconcile(key)
        except Conflict:
            # Somebody wrote first; what they wrote is on its way here. Not worth a word.
            queue.add_after_failure(key)
        except Exception:
            delay_s = queue.add_after_failure(key)
            log.exception(
                "reconcile failed",
                extra={"controller": self.name, "key": str(key), "retry_s": delay_s},
            )
        else:
            queue.forget_failures(key)
            if again_s is not None:
                queue.add_after(key, again_s)

"""Work that goes on as long as the platform does. When one part of it fails, the platform ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """`async with Background() as background: background.start(name, work())`.

    Leaving cancels everything, newest first, and waits until it has ended.
    """

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Holds the first error of any part; awaiting it raises that."""

    async def __aenter__(self) -> "Background":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.failed.done() and not self.failed.cancelled():
            self.failed.exception()
        self.failed.cancel()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.failed.done():
            return
        error = task.exception() or RuntimeError(f"{task.get_name()} ended by itself")
        self.failed.set_exception(error)

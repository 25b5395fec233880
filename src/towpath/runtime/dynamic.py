"""Controllers and watches that come and go at run time, for kinds learnt at run time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from towpath.client.protocols import Client
from towpath.machinery.kinds import Resource
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Enqueue, KeysOf, Watch


class _Tasks:
    """Named tasks in a group that `hold` owns; those asked for before it runs start with it."""

    def __init__(self) -> None:
        self._wanted: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._wanted

    def start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._wanted[name] = work
        if self._group is not None:
            self._running[name] = self._group.create_task(work(), name=name)

    def stop(self, name: str) -> None:
        self._wanted.pop(name, None)
        if task := self._running.pop(name, None):
            task.cancel()

    async def hold(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for name, work in self._wanted.items():
                    self._running[name] = group.create_task(work(), name=name)
                await asyncio.Event().wait()
            finally:
                self._group = None


class DynamicControllers:
    """A source without keys of its own: it runs the controllers that somebody starts."""

    def __init__(self) -> None:
        self._tasks = _Tasks()

    def __contains__(self, name: str) -> bool:
        return name in self._tasks

    def start(self, controller: Controller) -> None:
        """Run it until `stop`; nothing happens when a controller of that name runs already."""
        if controller.name not in self._tasks:
            self._tasks.start(controller.name, controller.run)

    def stop(self, name: str) -> None:
        self._tasks.stop(name)

    async def run(self, enqueue: Enqueue) -> None:
        await self._tasks.hold()


class DynamicWatches:
    """A source that watches one more kind whenever `ensure` names a new one."""

    def __init__(self, client: Client, keys: KeysOf) -> None:
        self._client = client
        self._keys = keys
        self._tasks = _Tasks()
        self._enqueue: Enqueue | None = None

    def ensure(self, resource: Resource) -> None:
        name = f"{resource.plural}.{resource.version}.{resource.group}"
        if name not in self._tasks:
            watch = Watch(self._client, resource, self._keys)
            self._tasks.start(name, lambda: watch.run(self._enqueued))

    def _enqueued(self, key: Any) -> None:
        if self._enqueue is not None:
            self._enqueue(key)

    async def run(self, enqueue: Enqueue) -> None:
        self._enqueue = enqueue
        await self._tasks.hold()

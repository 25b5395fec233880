"""A local, always current copy of one collection: list once, then watch for ever.

When the watch is too old (Gone) or breaks, the informer lists again and works out by itself what
was added, changed and deleted meanwhile; subscribers never see the difference.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from towpath.client.protocols import EventType, Reader, Watcher
from towpath.machinery.errors import Gone, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, key_of

log = logging.getLogger(__name__)

RETRY_FIRST_S = 0.1
RETRY_MAX_S = 30.0

Handler = Callable[[RawObject], None]
"""Called with the new object; for a deletion with the last known one."""


class ReaderWatcher(Reader, Watcher, Protocol): ...


class Line(Protocol):
    """Hears how the connection is, where somebody waits in front of it."""

    def interrupted(self, resource: Resource, error: Exception) -> None:
        """The watch broke, or could not be begun anew; it is tried again."""
        ...

    def restored(self, resource: Resource) -> None:
        """It could be listed again after that."""
        ...


class LoggedLine:
    """For a platform that runs by itself: its log."""

    def interrupted(self, resource: Resource, error: Exception) -> None:
        log.warning("watch interrupted", extra={"resource": resource.plural, "error": str(error)})

    def restored(self, resource: Resource) -> None:
        log.info("watch restored", extra={"resource": resource.plural})


class Informer:
    """One collection in memory. Objects handed out are shared: never change them."""

    def __init__(
        self,
        client: ReaderWatcher,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        line: Line | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._labels = labels
        self._line = line or LoggedLine()
        self._objects: dict[Key, RawObject] = {}
        self._handlers: list[Handler] = []
        self.synced = asyncio.Event()

    def get(self, key: Key) -> RawObject | None:
        return self._objects.get(key)

    def list(self, namespace: str = "") -> Iterable[RawObject]:
        if not namespace:
            return self._objects.values()
        return (obj for key, obj in self._objects.items() if key.namespace == namespace)

    def subscribe(self, handler: Handler) -> None:
        """Call `handler` for every object known now and for every change from now on."""
        self._handlers.append(handler)
        for obj in self._objects.values():
            handler(obj)

    async def run(self) -> None:
        """List and watch until cancelled."""
        retry_s = RETRY_FIRST_S
        broken = False
        while True:
            try:
                version = await self._relist()
                if broken:
                    broken = False
                    self._line.restored(self._resource)
                retry_s = RETRY_FIRST_S
                while True:
                    version = await self._follow(version)
            except Gone:
                continue
            except (StatusError, OSError) as error:
                broken = True
                self._line.interrupted(self._resource, error)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MAX_S)

    async def _relist(self) -> str:
        listed = await self._client.list(self._resource, self._namespace, labels=self._labels)
        current = {key_of(obj): obj for obj in listed.items}
        vanished = [obj for key, obj in self._objects.items() if key not in current]
        changed = [obj for key, obj in current.items() if self._is_news(key, obj)]
        self._objects = current
        for obj in [*vanished, *changed]:
            self._notify(obj)
        self.synced.set()
        return listed.resource_version

    def _is_news(self, key: Key, obj: RawObject) -> bool:
        known = self._objects.get(key)
        if known is None:
            return True
        version: str = obj["metadata"]["resourceVersion"]
        return bool(known["metadata"]["resourceVersion"] != version)

    async def _follow(self, version: str) -> str:
        events = self._client.watch(
            self._resource, self._namespace, since=version, labels=self._labels
        )
        try:
            async for event in events:
                version = event.object["metadata"]["resourceVersion"]
                if event.type is EventType.BOOKMARK:
                    continue
                key = key_of(event.object)
                if event.type is EventType.DELETED:
                    self._objects.pop(key, None)
                else:
                    self._objects[key] = event.object
                self._notify(event.object)
        finally:
            await events.aclose()
        return version

    def _notify(self, obj: RawObject) -> None:
        for handler in self._handlers:
            handler(obj)

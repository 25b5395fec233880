"""Where a controller's keys come from: watched objects, streams of happenings, the clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from towpath.client.protocols import Client
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, key_of, owners_of
from towpath.runtime.informer import Handler, Informer

Enqueue = Callable[[Key], None]
KeysOf = Callable[[RawObject], Iterable[Key]]


class Source(Protocol):
    async def run(self, enqueue: Enqueue) -> None:
        """Enqueue keys until cancelled."""
        ...


def own_key(obj: RawObject) -> Iterable[Key]:
    return (key_of(obj),)


def owner_keys(owner: Resource) -> KeysOf:
    """Map an owned object to the keys of its owners of that kind."""
    return lambda obj: owners_of(obj, owner.api_version, owner.kind)


def _enqueues(keys: KeysOf, enqueue: Enqueue) -> Handler:
    def handle(obj: RawObject) -> None:
        for key in keys(obj):
            enqueue(key)

    return handle


@dataclass(frozen=True, slots=True)
class Watch:
    """Keys for every object of `resource` now and at every change; `keys` maps object to keys."""

    client: Client
    resource: Resource
    keys: KeysOf = own_key
    namespace: str = ""
    labels: str = ""

    async def run(self, enqueue: Enqueue) -> None:
        informer = Informer(self.client, self.resource, self.namespace, labels=self.labels)
        await Running(informer, self.keys).run(enqueue)


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Keys from an informer that somebody else runs and reads."""

    informer: Informer
    keys: KeysOf = own_key

    async def run(self, enqueue: Enqueue) -> None:
        self.informer.subscribe(_enqueues(self.keys, enqueue))
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Stream:
    """Keys from anything that yields them, such as the pushes of a Git host."""

    open: Callable[[], AsyncIterator[Key]]

    async def run(self, enqueue: Enqueue) -> None:
        async for key in self.open():
            enqueue(key)


@dataclass(frozen=True, slots=True)
class Periodic:
    """All of `keys()` again every `every_s` seconds, the first time at once."""

    every_s: float
    keys: Callable[[], Awaitable[Iterable[Key]]]

    async def run(self, enqueue: Enqueue) -> None:
        while True:
            for key in await self.keys():
                enqueue(key)
            await asyncio.sleep(self.every_s)


@dataclass(frozen=True, slots=True)
class Running:
    """Keys from an informer that this source runs, and that the controller also reads."""

    informer: Informer
    keys: KeysOf = own_key

    async def run(self, enqueue: Enqueue) -> None:
        self.informer.subscribe(_enqueues(self.keys, enqueue))
        await self.informer.run()


@dataclass(frozen=True, slots=True)
class SpecWatch:
    """As Watch, but silent about status: keys when an object comes, goes, begins to go, or has a
    new generation. For kinds that one reads but whose health is somebody else's affair.
    """

    client: Client
    resource: Resource
    keys: KeysOf = own_key
    namespace: str = ""

    async def run(self, enqueue: Enqueue) -> None:
        informer = Informer(self.client, self.resource, self.namespace)
        seen: dict[Key, tuple[object, ...]] = {}

        def handle(obj: RawObject) -> None:
            key, metadata = key_of(obj), obj["metadata"]
            if informer.get(key) is None:
                seen.pop(key, None)
            else:
                state = (
                    metadata["uid"],
                    metadata.get("generation"),
                    metadata.get("deletionTimestamp"),
                )
                if seen.get(key) == state:
                    return
                seen[key] = state
            for found in self.keys(obj):
                enqueue(found)

        informer.subscribe(handle)
        await informer.run()

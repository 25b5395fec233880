"""When a source is to be read again because of itself: it came, went, changed, or was asked to.

What is written to its status is no reason: a source that looks through a thousand repositories
would look again whenever one of them had been read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.client.protocols import Client
from towpath.machinery.objects import Key, RawObject, annotations_of, key_of
from towpath.records.contract import CatalogIndex
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue


@dataclass(frozen=True, slots=True)
class SourcesWatched:
    api: Client
    keys: Callable[[RawObject], Awaitable[Iterable[Key]]]

    async def run(self, enqueue: Enqueue) -> None:
        informer = Informer(self.api, CATALOG_SOURCE)
        waiting: asyncio.Queue[RawObject] = asyncio.Queue()
        seen: dict[Key, tuple[object, ...]] = {}

        def handle(source: RawObject) -> None:
            key = key_of(source)
            if informer.get(key) is None:
                seen.pop(key, None)
            elif seen.get(key) == (state := _state(source)):
                return
            else:
                seen[key] = state
            waiting.put_nowait(source)

        async def pass_on() -> None:
            while True:
                for key in await self.keys(await waiting.get()):
                    enqueue(key)

        informer.subscribe(handle)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(informer.run())
            tasks.create_task(pass_on())


def _state(source: RawObject) -> tuple[object, ...]:
    metadata = source["metadata"]
    return (
        metadata["uid"],
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        annotations_of(source).get(REFRESH_ANNOTATION),
    )


@dataclass(frozen=True, slots=True)
class Indexed:
    """Once: what the index holds, for what has gone while nobody looked."""

    index: CatalogIndex
    prefix: str

    async def run(self, enqueue: Enqueue) -> None:
        for name in await self.index.sources():
            if name.startswith(self.prefix):
                namespace, _, rest = name.removeprefix(self.prefix).rpartition("/")
                enqueue(Key(namespace, rest))

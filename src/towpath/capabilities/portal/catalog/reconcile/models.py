"""What descriptors are judged by: the catalogue's own kinds and those of EntityKind objects.

When one comes, goes or changes, every source is read again with the new kinds; until then what was
right stays as it was.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from towpath.capabilities.portal.catalog.custom_kinds import (
    custom_kind,
    model_of,
    properties_of,
)
from towpath.capabilities.portal.catalog.entity_kinds import STANDARD, Model
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, ENTITY_KIND
from towpath.client.protocols import Client
from towpath.machinery.conditions import set_condition
from towpath.machinery.objects import Key, RawObject
from towpath.records.contract import CatalogIndex
from towpath.runtime.sources import Enqueue


@dataclass(slots=True)
class Models:
    current: Model = STANDARD
    version: int = 0
    _news: list[asyncio.Queue[None]] = field(default_factory=list)

    def become(self, model: Model) -> None:
        if model != self.current:
            self.current = model
            self.version += 1
            for queue in self._news:
                queue.put_nowait(None)

    async def changes(self) -> AsyncIterator[None]:
        queue: asyncio.Queue[None] = asyncio.Queue()
        self._news.append(queue)
        try:
            while True:
                await queue.get()
                yield
        finally:
            self._news.remove(queue)


@dataclass(frozen=True, slots=True)
class Kinds:
    """The reconciler of EntityKinds: all of them make one model."""

    api: Client
    index: CatalogIndex
    models: Models

    async def __call__(self, key: Key) -> None:
        del key
        objects = (await self.api.list(ENTITY_KIND)).items
        self.models.become(model_of(objects))
        await self.index.compute(properties_of(objects))
        for obj in objects:
            await self._report(obj)

    async def _report(self, obj: RawObject) -> None:
        custom = custom_kind(obj)
        before = obj.get("status") or {}
        after = {**obj, "status": {"conditions": [dict(c) for c in before.get("conditions") or ()]}}
        if custom.problems:
            message = "; ".join(custom.problems)[:1000]
            set_condition(after, "Ready", status=False, reason="Invalid", message=f"{message}.")
        else:
            message = f"Entities of the kind {custom.kind} are read by it."
            set_condition(after, "Ready", status=True, reason="Ready", message=message)
        if after["status"]["conditions"] != before.get("conditions"):
            status = {"status": after["status"]}
            name = obj["metadata"]["name"]
            await self.api.patch(ENTITY_KIND, name, "", status, subresource="status")


ALL = Key("", "kinds")


async def at_first() -> AsyncIterator[Key]:
    """The last of them may have gone while nobody looked."""
    yield ALL


@dataclass(frozen=True, slots=True)
class Judged:
    """Keys of everything that is to be read again, for what it is judged by has changed."""

    api: Client
    models: Models
    keys: Callable[[RawObject], Awaitable[Iterable[Key]]]

    async def run(self, enqueue: Enqueue) -> None:
        async for _ in self.models.changes():
            for source in (await self.api.list(CATALOG_SOURCE)).items:
                for key in await self.keys(source):
                    enqueue(key)

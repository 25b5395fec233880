"""Moments that an outside client can see: something becomes visible in an API, a folder, a server.

Moments are awaited by watching, or by looking every millisecond where nothing can be watched.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from tests.platform import PlatformProcess
from tests.support import eventually
from tests.world import connect

from towpath.client.protocols import EventType
from towpath.machinery.conditions import is_true
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, is_deleting, uid_of

EFFECT_DEADLINE_S = 30.0

Predicate = Callable[[RawObject], bool]


@dataclass(frozen=True, slots=True)
class Effect:
    name: str
    seen: Callable[[PlatformProcess], Awaitable[None]]
    """Returns at the moment when the effect is visible."""


@asynccontextmanager
async def watching(platform: PlatformProcess, effect: Effect) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when the effect is seen."""

    async def seen() -> None:
        await asyncio.wait_for(effect.seen(platform), EFFECT_DEADLINE_S)

    task = asyncio.create_task(seen())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def of_objects(
    name: str,
    resource: Resource,
    predicate: Callable[[Collection[RawObject]], bool],
    *,
    context: str = "platform",
) -> Effect:
    """The predicate holds for all objects of the kind together."""

    async def seen(platform: PlatformProcess) -> None:
        async with platform.client(context) as client:
            listed = await client.list(resource)
            known = {uid_of(obj): obj for obj in listed.items}
            events = client.watch(resource, since=listed.resource_version)
            async with aclosing(events):
                while not predicate(known.values()):
                    event = await anext(events)
                    if event.type is EventType.DELETED:
                        known.pop(uid_of(event.object), None)
                    elif event.type is not EventType.BOOKMARK:
                        known[uid_of(event.object)] = event.object

    return Effect(name, seen)


def is_there(_: RawObject) -> bool:
    return True


def of_object(
    name: str, resource: Resource, predicate: Predicate = is_there, *, context: str = "platform"
) -> Effect:
    """The predicate holds for one object of the kind."""
    return of_objects(name, resource, lambda objects: any(map(predicate, objects)), context=context)


def gone(
    name: str, resource: Resource, predicate: Predicate = is_there, *, context: str = "platform"
) -> Effect:
    """The predicate holds for no object of the kind (any more)."""
    return of_objects(
        name, resource, lambda objects: not any(map(predicate, objects)), context=context
    )


def named(name: str, resource: Resource, wanted: str, *, context: str = "platform") -> Effect:
    return of_object(name, resource, lambda obj: obj["metadata"]["name"] == wanted, context=context)


def phase(name: str, resource: Resource, wanted: str, *, of: str = "") -> Effect:
    """An object, the one called `of` where it is given, is in the phase."""

    def is_in_it(obj: RawObject) -> bool:
        return of in ("", obj["metadata"]["name"]) and phase_of(obj) == wanted

    return of_object(name, resource, is_in_it)


def phase_of(obj: RawObject) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


def ready(name: str, resource: Resource, *, context: str = "platform") -> Effect:
    return of_object(name, resource, lambda obj: is_true(obj, "Ready"), context=context)


def leaving(name: str, resource: Resource, *, context: str = "platform") -> Effect:
    """An object of the kind is being deleted."""
    return of_object(name, resource, is_deleting, context=context)


def of_file(name: str, pattern: str, *, there: bool = True) -> Effect:
    """Files or folders of the data directory match, or none does any more."""

    async def seen(platform: PlatformProcess) -> None:
        async def found() -> bool:
            return any(platform.data_dir.glob(pattern)) == there

        await eventually(found, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)

    return Effect(name, seen)


def of_database(name: str, query: str) -> Effect:
    """The query gives a true value on the database server."""

    async def seen(platform: PlatformProcess) -> None:
        connection = await connect(platform.data_dir)
        try:

            async def true() -> bool:
                return bool(await connection.fetchval(query))

            await eventually(true, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)
        finally:
            await connection.close()

    return Effect(name, seen)

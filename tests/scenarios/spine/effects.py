"""Moments that an outside client can see: something becomes visible in an API, a folder, a server.

Moments are awaited by watching, or by looking every millisecond where nothing can be watched.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from asyncpg import PostgresError
from tests.platform import PlatformProcess
from tests.support import eventually
from tests.world import connect

from towpath.client.protocols import EventType
from towpath.machinery.conditions import is_true
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, is_deleting, uid_of

EFFECT_DEADLINE_S = 90.0
"""The start of a platform may be part of it."""

Predicate = Callable[[RawObject], bool]


@dataclass(frozen=True, slots=True)
class Effect:
    name: str
    seen: Callable[[PlatformProcess], Awaitable[None]]
    """Returns at the moment when the effect is visible."""
    lasts: bool = True
    """It can be seen to the end of the story."""


def fleeting(effect: Effect) -> Effect:
    """It can be seen for a moment only."""
    return replace(effect, lasts=False)


def _listens(platform: PlatformProcess) -> bool:
    """Whether the API's port is open: asked often, and so in the cheapest way."""
    port = json.loads((platform.data_dir / "settings.json").read_text())["api"]
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


NOT_YET = (OSError, PostgresError, StatusError, StopAsyncIteration)
"""What asking a platform ends with that has not come up yet: no connection, no kind, no file."""


@asynccontextmanager
async def watching(platform: PlatformProcess, effect: Effect) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when the effect is seen, also while the platform is only starting."""
    met: list[Exception] = []

    async def is_seen() -> bool:
        if not _listens(platform):
            return False
        try:
            await effect.seen(platform)
        except NOT_YET as error:
            met[:] = [error]
            return False
        return True

    async def seen() -> None:
        try:
            await eventually(is_seen, deadline_s=EFFECT_DEADLINE_S)
        except TimeoutError as error:
            raise AssertionError(f"not seen: {effect.name} {met}") from error

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
    """Files or folders of the data directory match, and are no drafts; or none does any more."""

    async def seen(platform: PlatformProcess) -> None:
        async def as_wanted() -> bool:
            found = platform.data_dir.glob(pattern)
            return any(not path.name.startswith(".") for path in found) == there

        await eventually(as_wanted, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)

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

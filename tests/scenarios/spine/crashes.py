"""Kill -9 at a moment that an outside client can see, and what must be true afterwards.

An Effect is something that becomes visible in an API, in a folder or in the database server. Moments
are awaited by watching, or by looking every millisecond where nothing can be watched.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx2
from tests.platform import PlatformProcess
from tests.support import eventually
from tests.world import World, connect, end_processes_of, look, processes_of

from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.client.protocols import EventType
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

SERVICE = "order-service"
PROJECT = "demo"
EFFECT_DEADLINE_S = 30.0
CONVERGED_DEADLINE_S = 30.0

Seen = Callable[[PlatformProcess], Awaitable[None]]
"""Returns at the moment when the effect is visible."""


@dataclass(frozen=True, slots=True)
class Effect:
    name: str
    seen: Seen


# -- the story -------------------------------------------------------------------------------


@asynccontextmanager
async def platform_at(data: Path) -> AsyncIterator[PlatformProcess]:
    """A started platform whose every process is gone at the end, whatever happened in between."""
    platform = PlatformProcess(data)
    try:
        await platform.start()
        yield platform
        await platform.stop()
        assert [process.role for process in processes_of(data)] == []
    finally:
        end_processes_of(data)
        await platform.forget_killed()


async def ask_for_service(platform: PlatformProcess, name: str = SERVICE) -> None:
    """What `towpath new` creates; returns when the platform has acknowledged it."""
    run = TEMPLATE_RUN.object(
        f"{name}-run",
        PROJECT,
        spec={
            "template": {"name": "python-service"},
            "parameters": {"name": name, "owner": "team-a"},
            "requestedBy": "admin",
        },
    )
    async with platform.client() as client:
        await client.create(TEMPLATE_RUN, run)


async def visits(platform: PlatformProcess, stage: str = "staging") -> int | None:
    """What the service has counted in its database; None while it does not answer."""
    try:
        answer = await platform.service(f"{SERVICE}.{stage}.{PROJECT}.localhost")
    except httpx2.TransportError:
        return None
    return int(answer.json()["visits"]) if answer.status_code == 200 else None


async def answers(platform: PlatformProcess, stage: str = "staging") -> None:
    """Wait until the service answers through the gateway, with what its database knows."""

    async def it_does() -> bool:
        return await visits(platform, stage) is not None

    await eventually(it_does, deadline_s=CONVERGED_DEADLINE_S)


async def converges(platform: PlatformProcess, expected: World) -> None:
    """Wait until the world is as expected, and say what is not when it never becomes so."""
    differences: list[str] = []

    async def it_is() -> bool:
        differences[:] = (await look(platform)).differences(expected)
        return not differences

    try:
        await eventually(it_is, deadline_s=CONVERGED_DEADLINE_S, every_s=0.1)
    except TimeoutError:
        raise AssertionError("\n".join(["the world is not the same:", *differences])) from None


async def crash_and_restart(platform: PlatformProcess) -> None:
    await platform.kill()
    await platform.start()


# -- effects ---------------------------------------------------------------------------------


def is_there(_: RawObject) -> bool:
    return True


def of_object(
    name: str,
    resource: Resource,
    predicate: Callable[[RawObject], bool] = is_there,
    *,
    context: str = "platform",
) -> Effect:
    """An object of the kind exists for which the predicate holds."""

    async def seen(platform: PlatformProcess) -> None:
        async with platform.client(context) as client:
            listed = await client.list(resource)
            if any(predicate(obj) for obj in listed.items):
                return
            events = client.watch(resource, since=listed.resource_version)
            async with aclosing(events):
                async for event in events:
                    if event.type in (EventType.ADDED, EventType.MODIFIED) and predicate(
                        event.object
                    ):
                        return
        raise AssertionError(f"the watch for {name} ended")

    return Effect(name, seen)


def gone(name: str, resource: Resource, is_it: Callable[[RawObject], bool]) -> Effect:
    """An object that was there is deleted."""

    async def seen(platform: PlatformProcess) -> None:
        async with platform.client() as client:
            listed = await client.list(resource)
            if not any(is_it(obj) for obj in listed.items):
                return
            async with aclosing(client.watch(resource, since=listed.resource_version)) as events:
                async for event in events:
                    if event.type is EventType.DELETED and is_it(event.object):
                        return
        raise AssertionError(f"the watch for {name} ended")

    return Effect(name, seen)


def of_file(name: str, pattern: str, *, count: int = 1) -> Effect:
    """So many files or folders match in the data directory."""

    async def seen(platform: PlatformProcess) -> None:
        async def there() -> bool:
            return len(list(platform.data_dir.glob(pattern))) >= count

        await eventually(there, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)

    return Effect(name, seen)


def of_file_gone(name: str, pattern: str) -> Effect:
    async def seen(platform: PlatformProcess) -> None:
        async def there() -> bool:
            return not list(platform.data_dir.glob(pattern))

        await eventually(there, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)

    return Effect(name, seen)


def of_database(name: str, query: str) -> Effect:
    """The query gives a true value on the database server."""

    async def seen(platform: PlatformProcess) -> None:
        connection: asyncpg.Connection = await connect(platform.data_dir)
        try:

            async def true() -> bool:
                return bool(await connection.fetchval(query))

            await eventually(true, deadline_s=EFFECT_DEADLINE_S, every_s=0.001)
        finally:
            await connection.close()

    return Effect(name, seen)


@asynccontextmanager
async def watching(platform: PlatformProcess, effect: Effect) -> AsyncIterator[asyncio.Task[None]]:
    """The watch has begun when the block is entered; the task ends when the effect is seen."""
    task = asyncio.create_task(asyncio.wait_for(effect.seen(platform), EFFECT_DEADLINE_S))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""Platforms that are killed, what people ask of them, and what must be true afterwards.

One platform is killed several times, at moments that lie apart (`in_a_row`), for a crash on a
platform of its own costs four times as much. It hides nothing that lasts: what a crash has made
twice, lost or left over is still so at the end, unless a later start of the same program puts right
what the first one did not. CRASHES_IN_A_ROW=1 gives every crash a platform of its own.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
from tests.platform import PlatformProcess
from tests.scenarios.spine.effects import Effect, watching
from tests.support import eventually
from tests.world import World, end_processes_of, look, processes_of

from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.client.kubeconfig import from_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

SERVICE = "order-service"
PROJECT = "demo"
CONVERGED_DEADLINE_S = 60.0

CASE_S_MAX = 400
"""Seconds for a row of crashes, which takes twenty where nobody else works."""
CRASHES_IN_A_ROW = int(os.environ.get("CRASHES_IN_A_ROW", "6"))


Telling = Callable[[], Awaitable[None]]
"""What people do and wait for; it can be begun again at any time."""


def in_a_row(effects: Sequence[Effect]) -> list[tuple[Effect, ...]]:
    """A row of effects for each platform: in the story's order, and far apart.

    One that is soon over begins its row: what comes after a restart might be over before we look.
    """
    fleeting = [(effect,) for effect in effects if not effect.lasts]
    others = max(-(-len(effects) // CRASHES_IN_A_ROW) - len(fleeting), effects[0].lasts)
    rows = [*fleeting, *[()] * others]
    place = {effect: number for number, effect in enumerate(effects)}
    for effect in effects:
        if effect.lasts:
            open_rows = [row for row in rows if not row or place[row[-1]] < place[effect]]
            row = min(open_rows, key=len)
            rows[rows.index(row)] = (*row, effect)
    return rows


def names_of(effects: Sequence[Effect]) -> str:
    return ", ".join(effect.name for effect in effects)


@asynccontextmanager
async def platform_at(data: Path) -> AsyncIterator[PlatformProcess]:
    """A started platform. Ctrl-C at the end must leave no process; a failed test leaves none."""
    platform = PlatformProcess(data)
    try:
        await platform.start()
        yield platform
        await platform.stop()
        assert [process.role for process in processes_of(data)] == []
    finally:
        end_processes_of(data)
        await platform.forget()


async def killed_at_each(
    platform: PlatformProcess, effects: Sequence[Effect], tell: Telling, *, again: bool
) -> None:
    """Kill it as soon as each effect is seen, and start it; at the end it runs.

    The next effect is watched for from the first moment of a start. With `again`, people tell their
    story anew after each start, for their commands have ended with the platform.
    """
    for number, effect in enumerate(effects):
        async with watching(platform, effect) as seen:
            life = asyncio.create_task(
                _live(platform, tell, start=number > 0, tells=again or number == 0)
            )
            await asyncio.wait({seen, life}, return_when=asyncio.FIRST_COMPLETED)
            if not seen.done():
                await life  # raises what went wrong before the kill
            await seen
            await platform.kill()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
    await _live(platform, tell, start=True, tells=again)


async def _live(platform: PlatformProcess, tell: Telling, *, start: bool, tells: bool) -> None:
    if start:
        await platform.start()
    if tells:
        await tell()


async def ask_for_service(platform: PlatformProcess) -> None:
    """What `towpath new` creates; returns when the platform has acknowledged it."""
    run = TEMPLATE_RUN.object(
        f"{SERVICE}-run",
        PROJECT,
        spec={
            "template": {"name": "python-service"},
            "parameters": {"name": SERVICE, "owner": "team-a"},
            "requestedBy": "admin",
        },
    )
    async with platform.client() as client:
        await create_once(client, TEMPLATE_RUN, run)


async def create_once(client: KubernetesClient, resource: Resource, obj: RawObject) -> None:
    """As somebody does who got no answer the first time."""
    with suppress(AlreadyExists):
        await client.create(resource, obj)


@asynccontextmanager
async def clone_of(platform: PlatformProcess, folder: Path) -> AsyncIterator[Path]:
    """A clone of the service's repository; what is changed in it is pushed at the end.

    The same change from the same folder is the same commit: pushing it again is no change.
    """
    token = from_kubeconfig(platform.kubeconfig).token
    address = f"http://admin:{token}@127.0.0.1:{platform.port}/git/{PROJECT}/{SERVICE}.git"

    async def git(*arguments: str) -> str:
        done = await platform.run("git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments)
        assert done.code == 0, done.stderr
        return done.stdout

    if not folder.exists():
        await git("clone", "-q", address, str(folder))
    yield folder
    await git("-C", str(folder), "add", "-A")
    if await git("-C", str(folder), "status", "--porcelain"):
        await git("-C", str(folder), "commit", "-q", "-m", "Change it")
    await git("-C", str(folder), "push", "-q", address, "main")


async def greeting(platform: PlatformProcess, stage: str = "staging") -> RawObject | None:
    """What the service says, with what it has counted in its database; None: no answer yet."""
    try:
        answer = await platform.service(f"{SERVICE}.{stage}.{PROJECT}.localhost")
    except httpx2.TransportError:
        return None
    said: RawObject = answer.json() if answer.status_code == 200 else {}
    return said if "visits" in said else None


async def answers(platform: PlatformProcess, stage: str = "staging", says: str = "") -> None:
    """Wait until the service answers through the gateway, with what its database knows."""

    async def it_does() -> bool:
        said = await greeting(platform, stage)
        return said is not None and says in ("", said["greeting"])

    await eventually(it_does, deadline_s=CONVERGED_DEADLINE_S, every_s=0.05)


async def settled(platform: PlatformProcess) -> World:
    """The world when nothing is on its way out any more, and it has been the same twice."""
    seen = [World()]

    async def it_is() -> bool:
        seen.append(await look(platform))
        return seen[-1].is_settled and not seen[-1].differences(seen[-2])

    await eventually(it_is, deadline_s=CONVERGED_DEADLINE_S, every_s=0.2)
    return seen[-1]


async def converges(platform: PlatformProcess, expected: World) -> None:
    """Wait until the world is as expected, and say what is not when it never becomes so."""
    differences: list[str] = []

    async def it_is() -> bool:
        differences[:] = (await look(platform)).differences(expected)
        return not differences

    try:
        await eventually(it_is, deadline_s=CONVERGED_DEADLINE_S, every_s=0.3)
    except TimeoutError:
        raise AssertionError("\n".join(["the world is not the same:", *differences])) from None

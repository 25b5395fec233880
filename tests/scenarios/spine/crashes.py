"""Platforms that are killed, what people ask of them, and what must be true afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
from tests.platform import PlatformProcess
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
CONVERGED_DEADLINE_S = 30.0


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

    await eventually(it_does, deadline_s=CONVERGED_DEADLINE_S)


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
        await eventually(it_is, deadline_s=CONVERGED_DEADLINE_S, every_s=0.1)
    except TimeoutError:
        raise AssertionError("\n".join(["the world is not the same:", *differences])) from None

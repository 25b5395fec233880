"""Worlds to see pages in: what people have made and broken, the way it really comes about.

    async with open_world("failing", folder) as platform:
        visitor = await sign_in(platform, WORLDS["failing"].visitor)

What is there is asked for as people ask for it: commands, pushes, decisions. A crowd, which nobody
could ask for within minutes, is made as its controllers would have left it; see `tests.crowd`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crowd import fill
from tests.platform import PlatformProcess, running_platform_process
from tests.worlds import failing, normal

CROWD = 5000
CROWD_START_S = 300.0
"""A platform looks through all that it has when it starts."""


async def _nothing(platform: PlatformProcess, folder: Path) -> None:
    """A first start: a project, its people and stages, and nothing in it."""


@dataclass(frozen=True, slots=True)
class World:
    fill: Callable[[PlatformProcess, Path], Awaitable[None]] = _nothing
    """Does what has been done there, on a platform that has just been started; `folder` is for
    people's homes."""
    services: int = 0
    """So many are there before it starts."""
    visitor: str = "alice"
    """Who sees most of it."""
    telling: tuple[str, ...] = ()
    """Addresses that tell more than others of their sort."""


WORLDS: Mapping[str, World] = {
    "empty": World(),
    "normal": World(normal.fill),
    "failing": World(failing.fill, telling=failing.TELLING),
    "crowded": World(services=CROWD, visitor="admin"),
}


@asynccontextmanager
async def open_world(name: str, folder: Path) -> AsyncIterator[PlatformProcess]:
    """A running platform in that state."""
    world = WORLDS[name]
    async with running_platform_process(folder / "data", "--demo") as platform:
        if world.services:
            await platform.stop()
            await fill(platform.data_dir, services=world.services)
            await platform.start(deadline_s=CROWD_START_S)
        homes = folder / "homes"
        homes.mkdir(exist_ok=True)
        await world.fill(platform, homes)
        yield platform

"""Worlds to see pages in: what people have made and broken, the way it really comes about.

    async with open_world("failing", folder) as platform:
        ...

What is there is asked for as people ask for it: commands, pushes, decisions. Whoever looks does so
as alice of the project `demo`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tests.platform import PlatformProcess, running_platform_process
from tests.worlds import failing, normal


async def _nothing(platform: PlatformProcess, folder: Path) -> None:
    """A first start: a project, its people and stages, and nothing in it."""


Fill = Callable[[PlatformProcess, Path], Awaitable[None]]

WORLDS: Mapping[str, Fill] = {
    "empty": _nothing,
    "normal": normal.fill,
    "failing": failing.fill,
}


@asynccontextmanager
async def open_world(world: str, folder: Path) -> AsyncIterator[PlatformProcess]:
    """A running platform in that state; `folder` is for its data and for people's homes."""
    async with running_platform_process(folder / "data", "--demo") as platform:
        await WORLDS[world](platform, folder / "homes")
        yield platform

"""Worlds that all tests of this folder look at: one platform each, for as long as they run."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from tests.browser.looks.looking import Look
from tests.worlds import WORLDS, open_world
from tests.worlds.addresses import follow_links
from tests.worlds.visiting import sign_in


@pytest.fixture(scope="package")
def bad_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """All that goes wrong, on one platform for every test that only looks."""
    yield from _look_at("failing", tmp_path_factory.mktemp("failing"))


@pytest.fixture(scope="package")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """Nothing yet."""
    yield from _look_at("empty", tmp_path_factory.mktemp("empty"))


def _look_at(world: str, folder: Path) -> Iterator[Look]:
    """The platform lives in a loop of its own, whatever loops tests have."""
    with (
        start_blocking_portal("asyncio") as loop,
        loop.wrap_async_context_manager(_opened(world, folder)) as look,
    ):
        yield look


@asynccontextmanager
async def _opened(world: str, folder: Path) -> AsyncIterator[Look]:
    async with open_world(world, folder) as platform:
        visitor = await sign_in(platform, "alice")
        yield Look(visitor, await follow_links(visitor, WORLDS[world].telling))

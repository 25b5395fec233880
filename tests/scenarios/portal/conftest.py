"""One platform for all tests of this folder: two projects, and people who see one of them."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.chromium import chromium
from tests.platform import PlatformProcess
from tests.scenarios.portal.world import World, world_of


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def world() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="towpath-portal-") as name:
        platform = PlatformProcess(Path(name) / "data")
        await platform.start()
        try:
            async with world_of(platform) as made:
                yield made
        finally:
            await platform.stop()


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched

"""A real Chromium on a real platform."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from tests.chromium import chromium
from tests.platform import PlatformProcess, running_platform_process


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[PlatformProcess]:
    """One of its own, for a test that needs everything as it is at first."""
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        yield platform


@pytest.fixture(scope="module")
async def shared_platform(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[PlatformProcess]:
    """One for all tests of a file: each keeps to services of its own."""
    folder = tmp_path_factory.mktemp("platform")
    async with running_platform_process(folder / "data", "--demo") as platform:
        yield platform

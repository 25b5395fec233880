"""A real Chromium on a real platform."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright
from tests.platform import PlatformProcess, running_platform_process


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    executable = os.environ.get("TOWPATH_CHROMIUM")
    if not executable:
        pytest.skip("no Chromium: `make test` finds or installs one and sets TOWPATH_CHROMIUM")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=executable, args=arguments)
        yield launched
        await launched.close()


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[PlatformProcess]:
    async with running_platform_process(tmp_path / "data", "--demo") as platform:
        yield platform

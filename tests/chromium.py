"""The Chromium that tests look through; `make test` finds or installs one."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright, expect

EXPECT_MS = 15_000
"""How long to wait for what a page is to show: on a machine that has other things to do."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    executable = os.environ.get("TOWPATH_CHROMIUM")
    if not executable:
        pytest.skip("no Chromium: `make test` finds or installs one and sets TOWPATH_CHROMIUM")
    expect.set_options(timeout=EXPECT_MS)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=executable, args=arguments)
        yield launched
        await launched.close()

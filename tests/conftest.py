"""Fixtures for every test: asyncio is the loop that the platform runs on."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"

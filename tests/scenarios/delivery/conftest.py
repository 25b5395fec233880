"""A running world for each scenario."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.delivery.world import World, running_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path) as running:
        yield running

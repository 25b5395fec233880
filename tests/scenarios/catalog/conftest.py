from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.catalog.world import World, standing_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with standing_world(tmp_path) as standing:
        yield standing

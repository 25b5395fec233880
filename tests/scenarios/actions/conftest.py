"""A running world for each scenario, with and without its controllers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.kube import KubeFront
from tests.scenarios.actions.world import World, actions_world


@pytest.fixture
async def still(tmp_path: Path, kube_api: KubeFront | None) -> AsyncIterator[World]:
    """No controller of actions runs; a test starts them, and lets them die."""
    async with actions_world(tmp_path, kube_api) as world:
        yield world


@pytest.fixture
async def world(still: World) -> AsyncIterator[World]:
    async with still.running():
        yield still

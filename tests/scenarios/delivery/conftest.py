"""A running world for each scenario."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.engines.kube import KubeFront
from tests.scenarios.delivery.world import World, running_world


@pytest.fixture
async def world(tmp_path: Path, kube_api: KubeFront | None) -> AsyncIterator[World]:
    async with running_world(tmp_path, kube_api=kube_api) as running:
        yield running

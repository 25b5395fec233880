"""A short assault of the hostile client in client.py; run it by hand for an hour."""

from pathlib import Path

import pytest

from tests.hostile.client import assault


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_the_server_lives_and_tells_nothing(tmp_path: Path) -> None:
    report = await assault(tmp_path, seconds=8, seed=20261121)
    assert report.attacks.total() > 0
    assert report.bystander_s

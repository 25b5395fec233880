"""A few kills of the campaign in kills.py; run it by hand for many."""

from pathlib import Path

import pytest

from tests.durability.kills import campaign


async def test_nothing_acknowledged_is_lost_by_kill_9_under_load(tmp_path: Path) -> None:
    report = await campaign(tmp_path, kills=2, seed=20261121)
    assert report.writes > 0
    assert report.events > 0


@pytest.mark.slow
async def test_nothing_is_lost_by_many_kills(tmp_path: Path) -> None:
    report = await campaign(tmp_path, kills=5, seed=5)
    assert report.writes > 0
    assert report.resumed > 0

"""Every implementation of the records, one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from towpath.records.sqlite import SqliteRecords


@pytest.fixture(params=["sqlite"])
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    async with SqliteRecords(tmp_path / "records.db") as records:
        yield records

"""The SQLite door: groups, failures, migrations and what a killed process leaves."""

import asyncio
from pathlib import Path

import apsw
import pytest

from towpath.records import logs
from towpath.records.contract import RecordsUnavailable
from towpath.records.database import Database, connect, migrate
from towpath.records.sqlite import SqliteRecords

INSERT = "INSERT INTO log_stream (name, lines, began_s) VALUES (?, 0, 0)"


async def test_one_failing_write_takes_nobody_along(tmp_path: Path) -> None:
    async with Database(tmp_path / "records.db") as database:
        results = await asyncio.gather(
            database.execute(INSERT, [("a",)]),
            database.execute("INSERT INTO no_such_table VALUES (1)"),
            database.execute(INSERT, [("b",)]),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), RecordsUnavailable, type(None)]
        assert await database.fetch("SELECT name FROM log_stream ORDER BY 1") == [("a",), ("b",)]


async def test_readers_cannot_write(tmp_path: Path) -> None:
    async with Database(tmp_path / "records.db") as database:
        with pytest.raises(RecordsUnavailable):
            await database.fetch(INSERT, ("a",))


async def test_a_file_of_a_later_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    migrate(path)
    connection = connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(RecordsUnavailable, match="999"):
        async with SqliteRecords(path):
            pass


async def test_what_was_settled_is_there_after_opening_again(tmp_path: Path) -> None:
    async with SqliteRecords(tmp_path / "records.db") as records:
        records.logs.append("s/demo/x", ["one"])
    async with SqliteRecords(tmp_path / "records.db") as records:
        records.logs.append("s/demo/x", ["two"])
        await records.logs.settled()
        lines = await records.logs.read("s/demo/x")
        assert [(line.number, line.text) for line in lines] == [(1, "one"), (2, "two")]


async def test_lines_beyond_the_bound_are_counted_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PENDING_BYTES_MAX", 1000)
    async with SqliteRecords(tmp_path / "records.db") as records:
        for _ in range(100):
            records.logs.append("s/demo/x", ["x" * 100])
        await records.logs.settled()
        lines = [line.text for line in await records.logs.read("s/demo/x")]
        assert len(lines) < 20
        assert "lines dropped" in lines[-1]


async def test_lines_wait_for_a_disk_that_refuses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "RETRY_S", 0.01)
    path = tmp_path / "records.db"
    async with SqliteRecords(path) as records:
        other = connect(path)
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON log_line"
            " BEGIN SELECT raise(ABORT, 'disk is full'); END"
        )
        records.logs.append("s/demo/x", ["kept"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(records.logs.settled(), 0.1)
        other.execute("DROP TRIGGER full")
        other.close()
        await asyncio.wait_for(records.logs.settled(), 10)
        assert [line.text for line in await records.logs.read("s/demo/x")] == ["kept"]


def test_migrations_leave_a_whole_database(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    migrate(path)
    migrate(path)
    connection = apsw.Connection(str(path))
    assert next(connection.execute("PRAGMA integrity_check")) == ("ok",)
    connection.close()

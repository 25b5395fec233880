"""What the SQLite store promises about the disk: kill -9, a full disk, formats, reopening."""

import asyncio
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from towpath.machinery.errors import StorageFull
from towpath.store import database
from towpath.store.contract import Compacted, UnsealError, UnsupportedFormat, Write
from towpath.store.sealing import Sealing
from towpath.store.sqlite import SqliteStore

WRITER = """
import asyncio, sys
from pathlib import Path
from towpath.store.contract import Audit, Write
from towpath.store.sqlite import SqliteStore

async def write(store, worker):
    number = 0
    while True:
        number += 1
        name = f"{worker}-{number}"
        audit = Audit(name, "create", "now")
        await store.commit(Write("things", name, 0, lambda r: name.encode(), audit=audit))
        sys.stdout.write(name + "\\n")
        sys.stdout.flush()

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    await asyncio.gather(*(write(store, worker) for worker in range(16)))

asyncio.run(main())
"""
ACKNOWLEDGED_MIN = 300


async def put(store: SqliteStore, key: str, size: int = 10, *, expected: int = 0) -> int:
    value = b"x" * size
    return (await store.commit(Write("things", key, expected, lambda _rev: value))).revision


async def test_no_acknowledged_write_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    acknowledged: list[str] = []

    def write_until_killed() -> None:
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                acknowledged.append(line.strip())
                if len(acknowledged) >= ACKNOWLEDGED_MIN:
                    child.kill()
                    break
            # What was in the pipe when it died was acknowledged as well.
            rest = child.stdout.read().split("\n")
            acknowledged.extend(line for line in rest[:-1] if line)

    await asyncio.to_thread(write_until_killed)
    assert len(acknowledged) >= ACKNOWLEDGED_MIN
    store = await SqliteStore.open(path)
    try:
        kept = {key for key, _ in store.scan("things")}
        assert set(acknowledged) <= kept
        audited = {row.key for row in await store.audit_since(0, limit=1_000_000)}
        assert audited == kept
    finally:
        await store.close()


async def test_a_batch_of_any_size_is_stored_whole(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s")
    # The first is a batch of its own; the others gather while it is committed.
    revisions = await asyncio.gather(*(put(store, str(number)) for number in range(200)))
    await store.close()
    store = await SqliteStore.open(tmp_path / "s")
    assert {key: found.revision for key, found in store.scan("things")} == {
        str(number): revision for number, revision in enumerate(revisions)
    }
    await store.close()


async def test_everything_is_there_again_after_reopening(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s")
    first = await put(store, "a")
    await put(store, "b")
    await store.commit(Write("things", "a", first, lambda _rev: b"gone", deleted=True))
    last = store.revision
    await store.close()
    store = await SqliteStore.open(tmp_path / "s")
    assert [key for key, _ in store.scan("things")] == ["b"]
    assert store.revision == last
    assert len(await store.watch("things", since=0).batch()) == 3
    assert await put(store, "c") > last
    await store.compact(store.revision)
    await store.close()
    store = await SqliteStore.open(tmp_path / "s")
    with pytest.raises(Compacted):
        store.watch("things", since=0)
    assert [key for key, _ in store.scan("things")] == ["b", "c"]
    await store.close()


async def test_compaction_removes_what_was_replaced_or_deleted(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s")
    revision = 0
    for _ in range(10):
        revision = await put(store, "a", expected=revision)
    gone = await put(store, "b")
    await store.commit(Write("things", "b", gone, lambda _rev: b"", deleted=True))
    await store.compact(store.revision)
    rows = apsw.Connection(str(tmp_path / "s")).execute("SELECT key FROM log").fetchall()
    assert rows == [("a",)]
    await store.close()


async def test_a_full_disk_fails_writes_only_until_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = await SqliteStore.open(path)
    first = await put(store, "a")
    # SQLite's own limit on pages answers as a full disk does, and can be lifted again.
    limited = store._writer.pragma("page_count")
    store._writer.pragma("max_page_count", limited)
    with pytest.raises(StorageFull):
        await put(store, "big", size=1_000_000)
    assert store.get("things", "big") is None
    assert store.get("things", "a") is not None
    assert store.revision == first
    store._writer.pragma("max_page_count", 1_000_000)
    assert await put(store, "big", size=1_000_000) > first
    await store.close()
    store = await SqliteStore.open(path)
    assert [key for key, _ in store.scan("things")] == ["a", "big"]
    await store.close()


async def test_a_file_of_another_format_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s"
    await (await SqliteStore.open(path)).close()
    connection = apsw.Connection(str(path))
    connection.execute(database.SET_META, ("format", 99))
    connection.close()
    with pytest.raises(UnsupportedFormat):
        await SqliteStore.open(path)


async def test_sealed_collections_are_unreadable_on_disk_and_plain_in_memory(
    tmp_path: Path,
) -> None:
    path, key = tmp_path / "s", bytes(range(32))
    store = await SqliteStore.open(path, sealing=Sealing(key, ["secrets"]))
    for collection in ("secrets", "others"):
        await store.commit(Write(collection, "a", 0, lambda _rev: b"{plain words}"))
    assert [event.value for event in await store.watch("", since=0).batch()] == (
        [b"{plain words}"] * 2
    )
    await store.close()
    rows = apsw.Connection(str(path)).execute("SELECT res, json FROM log").fetchall()
    assert {res: b"plain words" in value for res, value in rows} == {
        "secrets": False,
        "others": True,
    }
    store = await SqliteStore.open(path, sealing=Sealing(key, ["secrets"]))
    stored = store.get("secrets", "a")
    assert stored is not None
    assert stored.value == b"{plain words}"
    await store.close()
    with pytest.raises(UnsealError):
        await SqliteStore.open(path, sealing=Sealing(bytes(32), ["secrets"]))

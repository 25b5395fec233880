"""Disks that fail: a log that is torn, a disk that is full, cannot be written, or heals."""

import asyncio
import os
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import apsw
import httpx2
import orjson
import pytest

from tests.durability.load import MAPS, lines
from tests.durability.process import ApiProcess
from tests.support import eventually
from towpath.store.contract import Audit, DiskNotWritable, Write
from towpath.store.sqlite import SqliteStore

WRITES = 60
DISK = "24m"
WAL_HEADER_BYTES = 32


async def written(path: Path) -> list[tuple[str, bytes]]:
    """The file and its log as they lie on disk while the store is open; every write in order."""
    store = await SqliteStore.open(path)
    history: list[tuple[str, bytes]] = []
    for number in range(WRITES):
        key, value = f"k{number % 7}", f"{number}".encode() * 50
        current = store.get("things", key)
        await store.commit(
            Write(
                "things",
                key,
                current.revision if current is not None else 0,
                partial(_always, value),
                audit=Audit("somebody", "update", "now"),
            )
        )
        history.append((key, value))
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(path.with_name(name), path.with_name(f"torn-{name}"))
    await store.close()
    return history


def _always(value: bytes, _revision: int) -> bytes:
    return value


def tear(log: Path, choose: random.Random) -> None:
    """What a power cut may leave of the last pages: nothing, half, or something else."""
    data = bytearray(log.read_bytes())
    last = choose.randrange(WAL_HEADER_BYTES, len(data))
    match choose.randrange(3):
        case 0:
            del data[last:]
        case 1:
            data[last:] = bytes(len(data) - last)
        case _:
            for _ in range(20):
                data[choose.randrange(last, len(data))] ^= choose.randrange(1, 256)
    log.write_bytes(data)


@pytest.mark.parametrize("seed", range(12))
async def test_a_torn_log_is_a_shorter_history_and_a_whole_one(tmp_path: Path, seed: int) -> None:
    history = await written(tmp_path / "s")
    torn = tmp_path / "torn-s"
    tear(torn.with_name("torn-s-wal"), random.Random(seed))
    store = await SqliteStore.open(torn)
    kept = store.revision
    assert 0 <= kept <= WRITES
    assert {key: entry.value for key, entry in store.scan("things")} == dict(history[:kept])
    assert [row.revision for row in await store.audit_since(0)] == list(range(1, kept + 1))
    if kept:
        events = await store.watch("things", since=0).batch()
        assert [(one.key, one.value) for one in events] == history[:kept]
    made = await store.commit(Write("things", "new", 0, lambda _revision: b"new"))
    assert made.revision == kept + 1
    await store.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    with tempfile.TemporaryDirectory(prefix="towpath-disk-") as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", name]
        if subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("this machine mounts no tmpfs")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ApiProcess]:
    process = ApiProcess(tmp_path / "data")
    await process.start()
    yield process
    await process.kill()


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


async def write(client: httpx2.AsyncClient, name: str, size: int = 20_000) -> httpx2.Response:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"text": "x" * size},
    }
    return await client.post(MAPS, content=orjson.dumps(body))


async def until_refused(client: httpx2.AsyncClient) -> tuple[list[str], httpx2.Response]:
    """Names that were acknowledged, and the first refusal."""
    names: list[str] = []
    for number in range(200):
        answer = await write(client, f"filling-{number}")
        if answer.status_code != 201:
            return names, answer
        names.append(f"filling-{number}")
    raise AssertionError("the disk does not become full")


class Following:
    """A watch that stays open over it all, and the names that it has told of."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.names: list[str] = []
        self.task = asyncio.create_task(self._run(client))

    async def _run(self, client: httpx2.AsyncClient) -> None:
        query = {"watch": "true"}
        async with client.stream("GET", MAPS, params=query, timeout=None) as answer:
            async for line in lines(answer):
                self.names.append(orjson.loads(line)["object"]["metadata"]["name"])

    async def has_told_of(self, name: str) -> None:
        async def told() -> bool:
            return name in self.names

        await eventually(told, deadline_s=20)


async def there(client: httpx2.AsyncClient) -> set[str]:
    answer = await client.get(MAPS)
    assert answer.status_code == 200
    return {item["metadata"]["name"] for item in answer.json()["items"]}


async def test_a_full_disk_refuses_writes_and_nothing_else(small_disk: Path) -> None:
    process = ApiProcess(small_disk / "data")
    await process.start()
    try:
        async with process.client() as client:
            following = Following(client)
            assert (await write(client, "first")).status_code == 201
            fill(small_disk)
            names, refused = await until_refused(client)
            status = refused.json()
            assert (refused.status_code, status["kind"]) == (507, "Status")
            assert status["reason"] == "InsufficientStorage"
            assert "disk" in status["message"]
            assert {"first", *names} <= await there(client)
            assert not following.task.done()
            (small_disk / "ballast").unlink()
            assert (await write(client, "there-is-room-again")).status_code == 201
            await following.has_told_of("there-is-room-again")
            told = [name for name in following.names if not name.startswith("kube-")]
            assert told == ["first", *names, "there-is-room-again"]
            following.task.cancel()
            before = await there(client)
        await process.kill()
        await process.start()
        async with process.client() as client:
            assert await there(client) == before
    finally:
        (small_disk / "ballast").unlink(missing_ok=True)
        await process.kill()


async def test_a_disk_that_fails_to_write_refuses_writes_until_it_heals(
    process: ApiProcess,
) -> None:
    """The file may not grow: the system answers a write with an error, not with a full disk."""
    async with process.client() as client:
        following = Following(client)
        assert (await write(client, "first")).status_code == 201
        log = process.database.with_name("store.db-wal")
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
        names, refused = await until_refused(client)
        assert refused.status_code in (503, 507)
        assert "could not write" in refused.json()["message"] or refused.status_code == 507
        assert {"first", *names} <= await there(client)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert (await write(client, "healed")).status_code == 201
        await following.has_told_of("healed")
        following.task.cancel()
        before = await there(client)
    await process.kill()
    await process.start()
    async with process.client() as client:
        assert await there(client) == before


async def test_a_disk_that_is_mounted_read_only_is_named(small_disk: Path) -> None:
    path = small_disk / "store.db"
    store = await SqliteStore.open(path)
    await store.commit(Write("things", "a", 0, lambda _revision: b"a"))
    await store.close()
    remount(small_disk, "ro")
    with pytest.raises(DiskNotWritable, match=str(path)):
        await SqliteStore.open(path)
    remount(small_disk, "rw")
    store = await SqliteStore.open(path)
    assert store.get("things", "a") is not None
    await store.close()


async def test_a_failed_write_is_gone_after_a_kill_too(process: ApiProcess) -> None:
    """What was refused because of the disk must not come back from what was half written."""
    async with process.client() as client:
        assert (await write(client, "first")).status_code == 201
        log = process.database.with_name("store.db-wal")
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 5000, hard))
        names, _ = await until_refused(client)
        before = await there(client)
        assert {"first", *names} <= before
    await process.kill()
    connection = apsw.Connection(str(process.database))
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    await process.start()
    async with process.client() as client:
        assert await there(client) == before

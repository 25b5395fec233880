"""A disk that is full: reads go on, writes are refused with what to do, nothing is damaged.

The data directory is a small tmpfs, which takes root to mount.
"""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest
from tests.platform import PlatformProcess
from tests.scenarios.spine.estate import Estate, make_service
from tests.support import eventually

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.machinery.errors import StatusError, StorageFull
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

CONFIG_MAP = Resource("", "v1", "ConfigMap", "configmaps")
SIZE = "192m"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    with tempfile.TemporaryDirectory(prefix="towpath-full-") as name:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", name], check=False
        )
        if mounted.returncode != 0:
            pytest.skip("this machine mounts no tmpfs")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


@pytest.fixture
async def estate(small_disk: Path) -> AsyncIterator[Estate]:
    platform = PlatformProcess(small_disk / "data")
    await platform.start()
    try:
        await make_service(platform, "order-service", "demo")
        yield Estate(platform)
    finally:
        (small_disk / "fill").unlink(missing_ok=True)
        assert await platform.stop() == 0


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "fill").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 65536)


def config_map(name: str) -> RawObject:
    return CONFIG_MAP.object(name, "demo", data={"text": "a" * 8000})


async def test_a_full_disk_refuses_writes_and_heals(
    estate: Estate, small_disk: Path, tmp_path: Path
) -> None:
    fill(small_disk)
    async with estate.platform.client() as client:
        with pytest.raises(StorageFull):
            for number in range(100):
                await client.create(CONFIG_MAP, config_map(f"one-too-many-{number}"))
        assert [one["metadata"]["name"] for one in (await client.list(WORKLOAD, "demo")).items] == [
            "order-service"
        ]
        before = (await client.list(CONFIG_MAP, "demo")).items
    listed = await estate.platform.towpath("list", "--project", "demo")
    assert (listed.code, "order-service" in listed.stdout) == (0, True)
    for command in (
        ("new", "python-service", "late-service", "--project", "demo", "--set", "owner=team-a"),
        ("new", "python-service", "late-service", "--project", "demo", "--wait"),
        ("login-link", "--user", "alice"),
        ("delete", "order-service", "--project", "demo", "--yes"),
    ):
        answer = await estate.platform.towpath(*command)
        assert answer.code != 0, command
        assert "Traceback" not in answer.stderr, answer.stderr
        assert "full" in answer.stderr, answer.stderr
    clone = await estate.git(
        *("clone", "-q", estate.repository("demo/order-service"), str(tmp_path / "clone")),
        cwd=tmp_path,
    )
    assert clone.code == 0, clone.stderr

    (small_disk / "fill").unlink()
    async with estate.platform.client() as client:

        async def writes_again() -> bool:
            with contextlib.suppress(StatusError):
                await client.create(CONFIG_MAP, config_map("afterwards"))
                return True
            return False

        await eventually(writes_again, deadline_s=10)
        after = (await client.list(CONFIG_MAP, "demo")).items
    assert {one["metadata"]["uid"] for one in before} < {one["metadata"]["uid"] for one in after}
    await make_service(estate.platform, "late-service", "demo")
    for name in ("order-service", "late-service"):
        answered = await estate.platform.service(f"{name}.staging.demo.localhost")
        assert answered.status_code == 200, answered.text
    _nothing_is_damaged(estate.data)


def _nothing_is_damaged(data: Path) -> None:
    for path in (data / "platform" / "store.db", data / "clusters" / "local" / "store.db"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        connection.close()
    for repository in (data / "git").glob("*/*.git"):
        checked = subprocess.run(
            ["git", "-C", repository, "fsck", "--strict"], capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


async def test_a_platform_that_was_killed_on_a_full_disk_starts_when_there_is_room(
    small_disk: Path,
) -> None:
    platform = PlatformProcess(small_disk / "data")
    await platform.start()
    fill(small_disk)
    async with platform.client() as client:
        with pytest.raises(StorageFull):
            for number in range(100):
                await client.create(CONFIG_MAP, config_map(f"one-too-many-{number}"))
    await platform.kill()
    refused = await platform.towpath("up", "--no-browser", "--data-dir", str(platform.data_dir))
    assert refused.code == 3, refused.stderr
    assert "Traceback" not in refused.stderr
    (small_disk / "fill").unlink()
    await platform.start()
    assert await platform.stop() == 0
    _nothing_is_damaged(platform.data_dir)

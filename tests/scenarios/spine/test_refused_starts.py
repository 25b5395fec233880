"""`towpath up` where it cannot start: one sentence with the remedy, exit code 3, no traceback."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.platform import TOWPATH, Finished, PlatformProcess

from towpath.store.database import connect

REFUSED, USAGE = 3, 2


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that a platform has used and left."""
    platform = PlatformProcess(tmp_path_factory.mktemp("refused") / "data")
    await platform.start()
    assert await platform.stop() == 0
    return platform.data_dir


async def up(data: Path, *arguments: str, path: str = os.environ["PATH"]) -> Finished:
    process = await asyncio.create_subprocess_exec(
        TOWPATH,
        *("up", "--no-browser", "--data-dir", str(data), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": path},
    )
    try:
        async with asyncio.timeout(30):
            stdout, stderr = await process.communicate()
    except TimeoutError:
        process.send_signal(signal.SIGINT)
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Finished(process.returncode, stdout.decode(), stderr.decode())


def sentence(finished: Finished, *, code: int = REFUSED) -> str:
    assert "Traceback" not in finished.stderr, finished.stderr
    assert finished.code == code, finished.stdout + finished.stderr
    said = [line for line in finished.stderr.splitlines() if line.lower().startswith("error: ")]
    assert len(said) == 1, finished.stderr
    return said[0]


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999"])
async def test_a_port_that_is_none(tmp_path: Path, port: str) -> None:
    said = sentence(await up(tmp_path / "data", "--port", port))
    assert f"--port is {port}" in said
    assert "1 to 65535" in said


async def test_a_port_that_somebody_has(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = sentence(await up(tmp_path / "data", "--port", str(port)))
    assert f"port {port} is in use" in said
    assert "for example --port" in said


async def test_two_wishes_that_exclude_each_other(tmp_path: Path) -> None:
    said = sentence(await up(tmp_path / "data", "--demo", "--empty"), code=USAGE)
    assert "--demo" in said
    assert "--empty" in said


async def test_without_git(tmp_path: Path) -> None:
    assert "git is not on the PATH" in sentence(await up(tmp_path / "data", path=str(tmp_path)))


async def test_a_folder_that_is_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    said = sentence(await up(tmp_path))
    assert "letter.txt" in said
    assert tmp_path.stat().st_mode & 0o777 != 0 or os.geteuid() == 0


async def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "--data-dir" in (await up(tmp_path / "file")).stderr


async def test_a_place_that_may_not_be_written(tmp_path: Path) -> None:
    assert "choose another with --data-dir" in sentence(await up(Path("/proc/towpath")))


def _overwrite(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        (data / name).write_bytes(content)

    return damage


def _truncate(name: str, size: int) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        os.truncate(data / name, size)

    return damage


def _remove(name: str) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        (data / name).unlink()

    return damage


def _newer_store(data: Path) -> None:
    connection = connect(data / "platform" / "store.db")
    connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    connection.close()


def _newer_records(data: Path) -> None:
    connection = connect(data / "records.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        pytest.param(_overwrite("version", b"99\n"), "format 99", id="a later release's data"),
        pytest.param(_newer_store, "format 99", id="a later release's store"),
        pytest.param(_newer_records, "format 99", id="a later release's records"),
        pytest.param(_overwrite("settings.json", b"{"), "settings.json", id="settings no JSON"),
        pytest.param(_overwrite("settings.json", b"[1]"), "settings.json", id="settings a list"),
        pytest.param(
            _overwrite("settings.json", b'{"http": "x"}'), 'http is "x"', id="a port no number"
        ),
        pytest.param(_truncate("platform/store.db", 20_000), "store.db", id="a store cut off"),
        pytest.param(
            _overwrite("clusters/local/store.db", b"\1" * 9000), "store.db", id="no store at all"
        ),
        pytest.param(_truncate("records.db", 10_000), "records.db", id="records cut off"),
        pytest.param(_remove("pki/secrets.key"), "secrets.key", id="the Secrets' key is gone"),
        pytest.param(_overwrite("pki/secrets.key", b"x"), "secrets.key", id="a key cut off"),
        pytest.param(_overwrite("pki/tokens.key", b"x"), "tokens.key", id="no key for tokens"),
        pytest.param(
            _overwrite("run/project-uids.json", b"{"), "project-uids.json", id="no user numbers"
        ),
        pytest.param(_remove("postgres/password"), "postgres/password", id="no password"),
        pytest.param(
            _remove("postgres/data/global/pg_control"), "server.log", id="no database server"
        ),
    ],
)
async def test_data_that_is_damaged(
    used: Path, tmp_path: Path, damage: Callable[[Path], None], named: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(used, data)
    damage(data)
    assert named in sentence(await up(data))


async def test_what_can_be_made_again_is_made_again(used: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(used, data)
    for name in ("pki/ca.crt", "pki/server.crt", "pki/admin.token"):
        (data / name).write_text("")
    platform = PlatformProcess(data)
    await platform.start()
    try:
        assert (await platform.towpath("status")).code == 0
    finally:
        await platform.stop()


async def test_a_directory_in_use_names_the_platform_that_has_it(used: Path) -> None:
    platform = PlatformProcess(used)
    await platform.start()
    try:
        said = sentence(await up(used))
        assert f"process {platform.pid} (http://localhost:{platform.port}" in said
    finally:
        await platform.stop()

"""A backup's form: what is damaged, foreign or somebody else's leaves nothing behind."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from towpath.app.backup import BackupError, parts
from towpath.app.backup.archive import FORMAT, HEADER, MANIFEST, ArchiveWriter
from towpath.app.backup.passphrase import CHUNK_BYTES, EncryptedWriter
from towpath.app.backup.restoring import look_into, restore
from towpath.app.backup.taking import new_file
from towpath.app.datadir import StartRefused, kept_stopped, open_data_dir
from towpath.engines.databases.copying import server_version
from towpath.store.contract import Compacted, Write
from towpath.store.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes guessing a passphrase dear makes tests slow."""
    monkeypatch.setattr("towpath.app.backup.passphrase.SCRYPT_COST", 2)


def nobody_to_ask() -> str:
    raise BackupError("it is encrypted")


def ignored(_: int) -> None: ...


def put_back(content: bytes, target: Path, passphrase: str = "") -> None:
    ask: Callable[[], str] = (lambda: passphrase) if passphrase else nobody_to_ask
    restore(io.BytesIO(content), target, ask, ignored)


def backup_of(
    files: dict[str, bytes], *, header: dict[str, object] | None = None, finish: bool = True
) -> bytes:
    out = io.BytesIO()
    about = {"made": "now", "towpath": "0", "dataFormat": 1, "postgres": server_version()}
    with ArchiveWriter(out, {**about, **(header or {})}) as archive:
        for name, content in files.items():
            archive.add(name, len(content), 0o600, io.BytesIO(content))
        if finish:
            archive.finish({})
    return out.getvalue()


def whole(*, size: int = 100, **header: object) -> bytes:
    files = {"version": b"1\n", "postgres/data/PG_VERSION": os.urandom(size)}
    return backup_of(files, header=header)


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(out.getvalue())


def encrypted(content: bytes, passphrase: str) -> bytes:
    out = io.BytesIO()
    writer = EncryptedWriter(out, passphrase)
    writer.write(content)
    writer.close()
    return out.getvalue()


def refused(content: bytes, folder: Path, *words: str, passphrase: str = "") -> None:
    with pytest.raises((BackupError, StartRefused)) as caught:
        put_back(content, folder / "target", passphrase)
    for word in words:
        assert word in str(caught.value)
    assert list(folder.iterdir()) == [], "nothing is left"


def test_what_was_written_is_put_back_privately(tmp_path: Path) -> None:
    put_back(whole(), tmp_path / "target")
    assert (tmp_path / "target" / "version").read_text() == "1\n"
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_damaged_backup_is_refused_or_means_the_same(tmp_path: Path) -> None:
    """Some bits of compressed data mean nothing."""
    content = whole()
    put_back(content, tmp_path / "sound")
    sound = (tmp_path / "sound" / "postgres" / "data" / "PG_VERSION").read_bytes()
    refusals = 0
    places = range(0, len(content), 17)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0x20
        target = tmp_path / str(place)
        try:
            put_back(bytes(damaged), target)
        except (BackupError, StartRefused):
            refusals += 1
            assert not target.exists()
        else:
            assert (target / "postgres" / "data" / "PG_VERSION").read_bytes() == sound
    assert refusals > len(places) / 2
    assert not list(tmp_path.glob(".*")), "nothing is left"


def test_a_part_of_a_backup_is_no_backup(tmp_path: Path) -> None:
    content = whole()
    for length in range(0, len(content), 11):
        refused(content[:length], tmp_path)
    refused(backup_of({"version": b"1\n"}, finish=False), tmp_path)


def test_formats_of_other_releases_are_refused_by_name(tmp_path: Path) -> None:
    refused(whole(format=FORMAT + 1), tmp_path, f"format {FORMAT + 1}", f"format {FORMAT}")
    refused(whole(dataFormat=7), tmp_path, "format 7", "format 1")
    refused(whole(postgres="9.6"), tmp_path, "PostgreSQL 9.6", "TOWPATH_POSTGRES_BIN")
    refused(backup_of({"version": b"1\n"}), tmp_path, "no whole data directory")


def test_a_strangers_archive_writes_nowhere_else(tmp_path: Path) -> None:
    header = orjson.dumps({"format": FORMAT, "dataFormat": 1, "postgres": server_version()})
    first = (tarfile.TarInfo(HEADER), header)
    link = tarfile.TarInfo("postgres")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    for member in (
        tarfile.TarInfo("../outside"),
        tarfile.TarInfo("/tmp/outside"),
        tarfile.TarInfo("git/../../outside"),
        link,
    ):
        refused(tar_of(first, (member, b"")), tmp_path, "holds")
    refused(tar_of((tarfile.TarInfo("anything"), b"x")), tmp_path, "no backup of Towpath")
    refused(tar_of(first, (tarfile.TarInfo(MANIFEST), b"[]")), tmp_path, "holds no object")


def test_an_encrypted_backup_needs_its_passphrase_and_all_of_its_chunks(tmp_path: Path) -> None:
    plain = whole(size=3 * CHUNK_BYTES)
    content = encrypted(plain, "right")
    refused(content, tmp_path, "it is encrypted")
    refused(content, tmp_path, "passphrase is another", passphrase="wrong")
    refused(content[: -CHUNK_BYTES // 2], tmp_path, "cut off", passphrase="right")
    body = len(content) - len(encrypted(b"", "")) + 16
    chunk, start = CHUNK_BYTES + 16, len(content) - body
    swapped = bytearray(content)
    swapped[start : start + chunk] = content[start + chunk : start + 2 * chunk]
    swapped[start + chunk : start + 2 * chunk] = content[start : start + chunk]
    refused(bytes(swapped), tmp_path, "passphrase", passphrase="right")
    put_back(content, tmp_path / "target", "right")
    assert (tmp_path / "target" / "version").exists()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_a_chunk_may_end_anywhere(size: int) -> None:
    archive = look_into(
        io.BytesIO(encrypted(backup_of({"a": os.urandom(size)}), "x")), lambda: "x", ignored
    )
    assert archive.members["a"][0] == size


def test_a_restore_never_writes_over_anything(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    put_back(whole(), target)
    with pytest.raises(BackupError, match="not empty"):
        put_back(whole(), target)


def test_what_a_killed_backup_left_goes_with_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "backup.dead").mkdir()
    (tmp_path / ".b.tar.gz.draft.dead").write_bytes(b"half")
    with parts.staging(tmp_path, "backup.") as alive, new_file(tmp_path / "b.tar.gz") as out:
        parts.sweep(tmp_path, "backup.")
        assert alive.is_dir(), "a living one stays"
        out.write(b"all of it")
    assert {path.name for path in tmp_path.iterdir()} == {"b.tar.gz"}
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="exists"), new_file(tmp_path / "b.tar.gz"):
        pass


def test_a_stopped_platform_is_not_started_while_it_is_backed_up(tmp_path: Path) -> None:
    with open_data_dir(tmp_path), kept_stopped(tmp_path, "taking a backup") as stopped:
        assert not stopped
    with kept_stopped(tmp_path, "taking a backup") as stopped:
        assert stopped
        with (
            pytest.raises(StartRefused, match=r"in use by process \d+ \(taking a backup"),
            open_data_dir(tmp_path),
        ):
            pass


async def test_a_restored_store_is_above_every_revision_that_was_given_out(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    for number in range(5):
        expected = store.revision if number else 0
        await store.commit(Write("things", "a", expected, lambda _: b"{}"))
    await store.close()
    content = backup_of(
        {
            "version": b"1\n",
            "postgres/data/PG_VERSION": b"18",
            "platform/store.db": path.read_bytes(),
            "clusters/local/store.db": path.read_bytes(),
        }
    )
    put_back(content, tmp_path / "target")
    for name in ("platform", "clusters/local"):
        again = await SqliteStore.open(tmp_path / "target" / name / "store.db")
        assert again.revision == 10**12
        with pytest.raises(Compacted):
            again.watch("things", since=7)
        put = await again.commit(Write("things", "a", 5, lambda _: b"{}"))
        assert put.revision == 10**12 + 1
        await again.close()

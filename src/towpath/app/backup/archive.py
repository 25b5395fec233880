"""A backup's form: a gzipped tar whose first member says what it is, and its last what it held.

    backup.json      format and circumstances; enough to refuse it
    ...              the files
    manifest.json    size and SHA-256 of each; without it the backup is incomplete

Written and read from the beginning to the end, so that both may be a pipe.
"""

import gzip
import hashlib
import io
import tarfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import orjson

from towpath.app.backup import BackupError

FORMAT = 1
HEADER = "backup.json"
MANIFEST = "manifest.json"
COMPRESSION = 1
CHUNK_BYTES = 1 << 20
SMALL_BYTES_MAX = 64 << 20
"""Of header and manifest, which are read into memory."""

Written = Callable[[int], None]
"""Told of the bytes of a file that have passed."""


def _nobody(_: int) -> None: ...


class ArchiveWriter:
    """`with ArchiveWriter(...) as archive`: `add` the files, then `finish`.

    What was begun and not finished cannot be restored.
    """

    def __init__(self, out: IO[bytes], header: dict[str, Any], passed: Written = _nobody) -> None:
        self._zipped = gzip.GzipFile(
            filename="", fileobj=out, mode="wb", compresslevel=COMPRESSION, mtime=0
        )
        self._tar = tarfile.TarFile(fileobj=self._zipped, mode="w", format=tarfile.PAX_FORMAT)
        self._members: dict[str, list[Any]] = {}
        self._passed = passed
        self._add_small(HEADER, orjson.dumps({"format": FORMAT, **header}))

    def __enter__(self) -> "ArchiveWriter":
        return self

    def __exit__(self, *_: object) -> None:
        """What is not finished stays so: nothing more is written, whenever Python tidies up."""
        self._zipped.fileobj = None  # type: ignore[assignment]

    def add_folder(self, name: str) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o700, int(time.time())
        self._tar.addfile(member)

    def add(self, name: str, size: int, mode: int, content: IO[bytes]) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, mode & 0o777, int(time.time())
        hashed = _Hashed(content, self._passed)
        self._tar.addfile(member, cast(IO[bytes], hashed))
        self._members[name] = [size, hashed.digest()]

    def add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            about = path.stat()
            self.add(name, about.st_size, about.st_mode, file)

    def finish(self, about: dict[str, Any]) -> None:
        self._add_small(MANIFEST, orjson.dumps({**about, "members": self._members}))
        self._tar.close()
        self._zipped.close()

    def _add_small(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(member, io.BytesIO(content))


@dataclass(slots=True)
class Archive:
    """What was read; the manifest is known at the end."""

    header: dict[str, Any]
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def members(self) -> dict[str, list[Any]]:
        """Size and checksum by name."""
        members: dict[str, list[Any]] = self.manifest["members"]
        return members


Take = Callable[[str, int, IO[bytes] | None], None]
"""Given a member's name, its mode, and its content to read; a folder has none."""


def read_archive(
    source: IO[bytes], accept: Callable[[dict[str, Any]], None], take: Take, passed: Written
) -> Archive:
    """All of it, member by member. Raises BackupError for what is damaged or no backup of ours.

    `accept` is given the header and may refuse. What was taken counts when this returns.
    """
    try:
        with (
            gzip.GzipFile(fileobj=source, mode="rb") as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|") as tar,
        ):
            archive = _read_members(tar, accept, take, passed)
            while unzipped.read(CHUNK_BYTES):  # its own checksum is at its end
                pass
            return archive
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupError(
            f"the backup is damaged or cut off, or is none of Towpath ({error}); take another copy"
        ) from error


def _read_members(
    tar: tarfile.TarFile, accept: Callable[[dict[str, Any]], None], take: Take, passed: Written
) -> Archive:
    archive: Archive | None = None
    seen: dict[str, list[Any]] = {}
    for member in tar:
        _check_name(member)
        content = tar.extractfile(member) if member.isreg() else None
        if archive is None:
            archive = Archive(_header(member, content))
            accept(archive.header)
        elif member.name == MANIFEST:
            archive.manifest = _small(member, content)
            if not isinstance(archive.manifest.get("members"), dict):
                raise BackupError(f"the backup is damaged: {MANIFEST} names no members")
        elif archive.manifest:
            raise BackupError(f"the backup is damaged: {member.name} comes after its end")
        elif content is None:
            take(member.name, 0o700, None)
        else:
            hashed = _Hashed(content, passed)
            take(member.name, member.mode & 0o777, cast(IO[bytes], hashed))
            seen[member.name] = [member.size, hashed.digest()]
    if archive is None or not archive.manifest:
        raise BackupError(
            "the backup ends too early: whoever made it was interrupted; take another"
        )
    _compare(seen, archive.members)
    return archive


def _compare(seen: dict[str, list[Any]], expected: dict[str, list[Any]]) -> None:
    for name in sorted(seen.keys() | expected.keys()):
        if seen.get(name) != expected.get(name):
            fault = "has another content than" if name in seen else "is missing, and"
            raise BackupError(
                f"the backup is damaged: {name} {fault} its manifest says; take another copy"
            )


def _header(member: tarfile.TarInfo, content: IO[bytes] | None) -> dict[str, Any]:
    if member.name != HEADER:
        raise BackupError(f"this is no backup of Towpath: it begins with {member.name!r}")
    header = _small(member, content)
    found = header.get("format")
    if found != FORMAT:
        raise BackupError(
            f"the backup has format {found}, and this release reads format {FORMAT}; restore it "
            "with the release that made it, or a later one"
        )
    return header


def _small(member: tarfile.TarInfo, content: IO[bytes] | None) -> dict[str, Any]:
    if content is None or member.size > SMALL_BYTES_MAX:
        raise BackupError(f"the backup is damaged: {member.name} is too large, or no file")
    try:
        read = orjson.loads(content.read())
    except orjson.JSONDecodeError as error:
        raise BackupError(f"the backup is damaged: {member.name} is not JSON") from error
    if not isinstance(read, dict):
        raise BackupError(f"the backup is damaged: {member.name} holds no object")
    return read


def _check_name(member: tarfile.TarInfo) -> None:
    """Files and folders below where one puts them: a backup may come from a stranger."""
    parts = PurePosixPath(member.name).parts
    if not (member.isreg() or member.isdir()) or member.name.startswith("/") or ".." in parts:
        raise BackupError(f"this is no backup of Towpath: it holds {member.name!r}")


class _Hashed:
    """A file to read whose content is hashed as it passes."""

    def __init__(self, file: IO[bytes], passed: Written) -> None:
        self._file = file
        self._passed = passed
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self._passed(len(data))
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()

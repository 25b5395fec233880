"""From an archive into a new data directory: checked to its end, and then there at once.

Everything is laid beside the target, and becomes it by one rename. What was put back is another
life of the platform: what it had given out after the backup must not be taken for its own, so the
revisions of its APIs go on far above; whoever watched the former life has to list anew.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from towpath.app.backup import BackupError, parts
from towpath.app.backup.archive import CHUNK_BYTES, Archive, read_archive
from towpath.app.backup.passphrase import MARK, DecryptingReader
from towpath.app.datadir import holder_of, require_known_format
from towpath.engines.databases.copying import server_version
from towpath.files import sync_folder
from towpath.store.copying import begin_another_life

Passphrase = Callable[[], str]
"""Asked for when the backup is encrypted. Raises BackupError where nobody can be asked."""

Passed = Callable[[int], None]


def restore(source: IO[bytes], target: Path, passphrase: Passphrase, passed: Passed) -> Archive:
    """Raises BackupError, StartRefused, DatabaseError, CopyFailed, OSError; then nothing is there.

    Blocks.
    """
    _require_room(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with parts.staging(target.parent, f".{target.name}.restoring.") as place:
        archive = read_archive(
            _opened(source, passphrase), _accept, lambda *member: _lay(place, *member), passed
        )
        for store in parts.stores_in(place):
            begin_another_life(store)
        if not (place / "version").is_file() or not (place / parts.POSTGRES).is_dir():
            raise BackupError("the backup is damaged: it holds no whole data directory")
        _sync(place)
        _put(place, target)
    return archive


def look_into(source: IO[bytes], passphrase: Passphrase, passed: Passed) -> Archive:
    """Read it to its end, and check it, but lay nothing anywhere. Raises BackupError. Blocks."""
    return read_archive(_opened(source, passphrase), lambda header: None, _skip, passed)


def contents(archive: Archive) -> list[dict[str, Any]]:
    """What it holds, part by part."""
    found: dict[str, dict[str, Any]] = {}
    for name, (size, _) in archive.members.items():
        label = parts.LABELS.get(name.split("/")[0])
        if name == "postgres/password":
            label = parts.LABELS["pki"]
        part = found.setdefault(label or "settings", {"files": 0, "bytes": 0})
        part["files"] += 1
        part["bytes"] += size
    return [{"part": label, **part} for label, part in found.items()]


def _require_room(target: Path) -> None:
    """Raises BackupError unless the target is absent or an empty folder."""
    if holder := holder_of(target):
        raise BackupError(
            f"the data directory {target} is in use by {holder}; restore into a new one with "
            "--data-dir"
        )
    try:
        held = sorted(child.name for child in target.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackupError(f"{target} cannot be used: {error.strerror}") from error
    if held:
        raise BackupError(
            f"{target} is not empty (it holds {', '.join(held[:3])}), and a restore never writes "
            "over anything; name a new folder with --data-dir, or move this one away"
        )


def _accept(header: dict[str, Any]) -> None:
    require_known_format(header.get("dataFormat"), "what was backed up")
    theirs, ours = str(header.get("postgres", "")), server_version()
    major = theirs.partition(".")[0]
    if major != ours.partition(".")[0]:
        raise BackupError(
            f"the databases of the backup are PostgreSQL {theirs}, and here is {ours}; set "
            f"TOWPATH_POSTGRES_BIN to the programs of PostgreSQL {major}"
        )


def _lay(place: Path, name: str, mode: int, content: IO[bytes] | None) -> None:
    path = place / name
    if content is None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, CHUNK_BYTES)


def _skip(_name: str, _mode: int, content: IO[bytes] | None) -> None:
    while content is not None and content.read(CHUNK_BYTES):
        pass


def _sync(place: Path) -> None:
    """All of it on disk before it has its name: one call for the whole file system."""
    os.sync()
    sync_folder(place)


def _put(place: Path, target: Path) -> None:
    place.chmod(0o700)
    try:
        place.rename(target)
    except OSError as error:
        raise BackupError(
            f"{target} cannot become the data directory: {error.strerror}; where it is a mounted "
            "volume, or something has been put into it just now, name a folder in it with "
            "--data-dir"
        ) from error
    sync_folder(target.parent)


def _opened(source: IO[bytes], passphrase: Passphrase) -> IO[bytes]:
    start = b""
    while len(start) < len(MARK) and (more := source.read(len(MARK) - len(start))):
        start += more
    if start == MARK:
        return DecryptingReader(source, passphrase())  # type: ignore[return-value]
    return _Again(start, source)  # type: ignore[return-value]


class _Again:
    """A stream whose beginning has been looked at."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start = start
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        taken, self._start = self._start[:size], self._start[size:]
        return taken or self._rest.read(size)

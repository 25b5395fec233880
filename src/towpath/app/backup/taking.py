"""From a data directory into an archive, while the platform runs, or while it does not.

What names something comes before what is named. First the databases, as they are when their copy
ends. Then one moment in which nobody writes to an API store or to the records: their copies begin,
and repositories and images get second names that outlive whatever is deleted afterwards.
"""

import importlib.metadata
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from towpath.app.backup import BackupError, parts
from towpath.app.backup.archive import ArchiveWriter
from towpath.app.datadir import FORMAT, database_port_for, kept_stopped
from towpath.engines.databases.copying import base_copy, server_version
from towpath.engines.databases.embedded import ADMINISTRATOR, EmbeddedPostgres
from towpath.engines.databases.port import ServerAddress
from towpath.engines.git.copying import link_repositories
from towpath.engines.registry.copying import link_images
from towpath.files import link_living, sync_folder
from towpath.store.copying import moment_of


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears how far it is."""

    part: Callable[[str, float], None]
    """A part is done; it took so many seconds."""
    passed: Callable[[int], None]
    """So many more bytes have been read."""


async def take(data: Path, cache: Path, out: IO[bytes], told: Told) -> None:
    """Write the backup to `out`. Raises BackupError, DatabaseError, CopyFailed, OSError.

    Blocks the loop: it is the only thing that its process does.
    """
    if not (data / "version").is_file():
        raise BackupError(
            f"{data} is no data directory of Towpath whose first start has come to its end; name "
            "one with --data-dir, or start one there with `towpath up`"
        )
    with (
        kept_stopped(data, "taking a backup") as stopped,
        parts.staging(data, parts.STAGING) as staged,
    ):
        server = _own_server(data, cache) if stopped else _running_server(data)
        async with server as address:
            _take(data, address, staged, out, told)


@contextmanager
def new_file(target: Path) -> Iterator[IO[bytes]]:
    """A private file that has its name when it is whole. Raises BackupError when it is taken."""
    prefix = f".{target.name}.draft."
    if target.exists():
        raise _taken(target)
    try:
        parts.sweep(target.parent, prefix)
        descriptor, draft = tempfile.mkstemp(prefix=prefix, dir=target.parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            parts.hold(descriptor)
            yield file
            file.flush()
            os.fsync(descriptor)
            _give_name(Path(draft), target)
    finally:
        Path(draft).unlink(missing_ok=True)
    sync_folder(target.parent)


def _give_name(draft: Path, target: Path) -> None:
    try:
        os.link(draft, target)
    except FileExistsError as error:
        raise _taken(target) from error
    except OSError:  # a file system that knows no second name
        draft.rename(target)


def _taken(target: Path) -> BackupError:
    return BackupError(f"{target} exists, and a backup never replaces anything; give a new name")


def _take(data: Path, address: ServerAddress, staged: Path, out: IO[bytes], told: Told) -> None:
    began = time.monotonic()

    def done(part: str) -> None:
        nonlocal began
        now = time.monotonic()
        told.part(part, now - began)
        began = now

    header = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "towpath": importlib.metadata.version("towpath"),
        "dataFormat": FORMAT,
        "postgres": server_version(),
    }
    with ArchiveWriter(out, header, told.passed) as archive:
        _add_databases(archive, address)
        done("databases")
        databases = [*parts.stores_in(data), data / parts.RECORDS]
        with moment_of(databases, lambda: _link(data, staged)) as moment:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            held_s = time.monotonic() - began
            for path in databases:
                copied = staged / "copied.db"
                moment.copy(path, copied)
                archive.add_file(path.relative_to(data).as_posix(), copied)
                copied.unlink()
        done(f"objects and records (writers waited {held_s:.2f} s)")
        for path in parts.files_in(data):
            archive.add_file(path.relative_to(data).as_posix(), path)
        for part in parts.LIVING:
            _add_tree(archive, staged, staged / part)
        done("repositories and images")
        archive.finish({"moment": at})


def _link(data: Path, staged: Path) -> None:
    link_repositories(data / parts.GIT, staged / parts.GIT)
    link_images(data / parts.REGISTRY, staged / parts.REGISTRY)
    link_living(data / "runs", staged / "runs")


def _add_databases(archive: ArchiveWriter, address: ServerAddress) -> None:
    with base_copy(address) as copy:
        for member in copy:
            name = f"{parts.POSTGRES}/{member.name}".removesuffix("/.")
            if member.isdir():
                archive.add_folder(name)
            elif member.isreg():
                content = copy.extractfile(member)
                assert content is not None, "a regular file has content"
                archive.add(name, member.size, member.mode, content)
            else:
                raise BackupError(
                    f"the database server keeps {member.name} outside of its folder; move the "
                    "tablespace back into it, for a backup would not hold it"
                )


def _add_tree(archive: ArchiveWriter, root: Path, folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            continue
        if path.is_dir():
            archive.add_folder(name)
        else:
            archive.add_file(name, path)


@asynccontextmanager
async def _running_server(data: Path) -> AsyncIterator[ServerAddress]:
    password = (data / "postgres" / "password").read_text()
    yield ServerAddress("127.0.0.1", database_port_for(data), ADMINISTRATOR, password)


@asynccontextmanager
async def _own_server(data: Path, cache: Path) -> AsyncIterator[ServerAddress]:
    """The platform's, started for us alone."""
    port = database_port_for(data, free=True)
    async with EmbeddedPostgres(data / "postgres", cache=cache, port=port) as server:
        yield server.address

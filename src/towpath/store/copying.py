"""SQLite files copied while others write: all of one moment, and given on to another life.

Whoever copies is another process than the platform. For the moment in which the copies begin it
holds the write lock of every file; writers wait for it as they wait for each other. What is copied
then is that moment's, however long it takes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import apsw

from towpath.store import database

LOCK_TIMEOUT_MS = 30_000
STEP_PAGES = 2_000

LIFE_REVISIONS = 10**12
"""A restored store goes on at the next multiple: no revision means two things, and whoever watched
the former life is told that it is gone."""


class CopyFailed(Exception):
    """A file could not be copied; `str()` says which and why."""


class Moment:
    """Every file as it was at one moment."""

    def __init__(self, readers: dict[Path, apsw.Connection]) -> None:
        self._readers = readers

    def copy(self, path: Path, target: Path) -> None:
        """The file as it was then, as one whole file. Raises CopyFailed."""
        with _told(path):
            copied = apsw.Connection(str(target))
            try:
                copied.pragma("synchronous", "off")
                with copied.backup("main", self._readers[path], "main") as backup:
                    while not backup.done:
                        backup.step(STEP_PAGES)
            finally:
                copied.close()


@contextmanager
def moment_of(paths: Sequence[Path], meanwhile: Callable[[], None]) -> Iterator[Moment]:
    """All the files of one moment; `meanwhile` is done while nobody writes to any of them.

    Raises CopyFailed.
    """
    with ExitStack() as open_files:
        readers: dict[Path, apsw.Connection] = {}
        with ExitStack() as held:
            for path in paths:
                with _told(path):
                    writer = _open(path)
                    held.callback(writer.close)
                    writer.execute("BEGIN IMMEDIATE")
            for path in paths:
                with _told(path):
                    readers[path] = reader = _open(path)
                    open_files.callback(reader.close)
                    reader.execute("BEGIN; SELECT count(*) FROM sqlite_master").fetchall()
            meanwhile()
        yield Moment(readers)


def begin_another_life(path: Path) -> int:
    """Raise the revision of a store that was put back, and forget its history; the new revision.

    The former life went on after the copy was taken: its later revisions are known to clients.
    Raises CopyFailed.
    """
    with _told(path):
        return _begin_another_life(path)


def _begin_another_life(path: Path) -> int:
    connection = database.connect(path)
    try:
        revision = database.last_revision(connection)
        revision = (revision // LIFE_REVISIONS + 1) * LIFE_REVISIONS
        database.compact(connection, revision)
        return revision
    finally:
        connection.close()


def _open(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(LOCK_TIMEOUT_MS)
    return connection


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise CopyFailed(f"{path} could not be copied: {error}") from error

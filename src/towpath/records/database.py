"""The one door to SQLite: a writer thread that commits in groups, and a few reading threads.

Work for the writer is a function of the connection. Whatever has queued up while a commit was under
way goes into the next one, each function in its own savepoint, so that one that fails takes nobody
along. `synchronous=NORMAL`: a commit survives the death of the process; after a power cut the
newest evidence may be missing, and the database is whole.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import apsw

from towpath.records.contract import RecordsUnavailable

T = TypeVar("T")
Row = tuple[Any, ...]
Value = str | int | float | None

READERS = 2
QUEUE_MAX = 10_000
BUSY_TIMEOUT_MS = 5_000


class Database:
    """`async with Database(path) as database`; every table's file reads and writes through it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.Queue[_Job | None] = queue.Queue(QUEUE_MAX)
        self._thread = threading.Thread(target=self._write_until_closed, name="records-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="records-reader")
        self._local = threading.local()
        self._open_readers: list[apsw.Connection] = []
        self._open = False

    async def __aenter__(self) -> "Database":
        await asyncio.to_thread(migrate, self._path)
        self._open = True
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        await asyncio.to_thread(self._close)

    def submit(self, work: Callable[[apsw.Connection], T]) -> Future[T]:
        """Queue work for the next commit; the future is done when it is durable, or has failed.

        From any thread. Raises RecordsUnavailable when too much is waiting already.
        """
        job = _Job(work)
        if not self._open:
            raise RecordsUnavailable("the records are closed")
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            raise RecordsUnavailable(f"{QUEUE_MAX} writes are waiting for the disk") from None
        return job.future

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do work in the next commit and wait until it is durable."""
        return await asyncio.wrap_future(self.submit(work))

    async def execute(self, sql: str, rows: Sequence[Sequence[Value]] = ((),)) -> None:
        await self.write(lambda connection: _run_many(connection, sql, rows))

    async def fetch(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        return await self.read(lambda connection: list(connection.execute(sql, tuple(parameters))))

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Several queries on one snapshot."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_in_thread, work)

    def read_now(self, work: Callable[[apsw.Connection], T]) -> T:
        """On the loop itself: for a few rows by their keys, quicker than another thread's turn.

        A reader never waits for the writer (WAL).
        """
        return self._read_in_thread(work)

    def _read_in_thread(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            connection: apsw.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = connect(self._path, read_only=True)
                self._local.connection = connection
                self._open_readers.append(connection)
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("COMMIT")
        except apsw.Error as error:
            raise RecordsUnavailable(f"the records could not be read: {error}") from error

    def _write_until_closed(self) -> None:
        connection = connect(self._path)
        try:
            while (jobs := self._next_group()) is not None:
                _commit_group(connection, jobs)
        finally:
            connection.close()

    def _next_group(self) -> "list[_Job] | None":
        jobs = [self._queue.get()]
        while True:
            try:
                jobs.append(self._queue.get_nowait())
            except queue.Empty:
                break
        if None not in jobs:
            return [job for job in jobs if job is not None]
        self._queue.put(None)
        remaining = [job for job in jobs if job is not None]
        return remaining or None

    def _close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._readers.shutdown()
        for connection in self._open_readers:
            connection.close()


class _Job:
    def __init__(self, work: Callable[[apsw.Connection], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: apsw.Connection) -> None:
        try:
            with connection:  # a savepoint
                self.result = self.work(connection)
        except apsw.Error as error:
            self.error = _not_written(error)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
            self.error = error

    def finish(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def _commit_group(connection: apsw.Connection, jobs: list[_Job]) -> None:
    running = [job for job in jobs if job.future.set_running_or_notify_cancel()]
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in running:
            job.run(connection)
        connection.execute("COMMIT")
    except apsw.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for job in running:
            job.error = _not_written(error)
    for job in running:
        job.finish()


def _not_written(error: apsw.Error) -> RecordsUnavailable:
    remedy = ". Free some space and repeat" if isinstance(error, apsw.FullError) else ""
    unavailable = RecordsUnavailable(f"the records could not be written: {error}{remedy}")
    unavailable.__cause__ = error
    return unavailable


def _run_many(connection: apsw.Connection, sql: str, rows: Sequence[Sequence[Value]]) -> None:
    connection.executemany(sql, rows)


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    flags = (
        apsw.SQLITE_OPEN_READWRITE
        if read_only
        else (apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    )
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def migrate(path: Path) -> None:
    """Bring the file to this release's form. Refuses one that a later release has written."""
    try:
        _migrate(path)
    except apsw.Error as error:
        raise RecordsUnavailable(
            f"{path} cannot be read: {error}. Put the file back from a copy, together with its "
            "-wal file, or move it away: logs, catalogue and sign-ins then begin anew"
        ) from error


def _migrate(path: Path) -> None:
    scripts = _migrations()
    connection = connect(path)
    try:
        (version,) = next(connection.execute("PRAGMA user_version"))
        if version > len(scripts):
            raise RecordsUnavailable(
                f"{path} has format {version} and this release knows up to {len(scripts)}: "
                "start it with the release that wrote it, or a later one"
            )
        for number, script in enumerate(scripts[version:], start=version + 1):
            with connection:
                connection.execute(script)
                connection.execute(f"PRAGMA user_version = {number}")
    finally:
        connection.close()


def _migrations() -> list[str]:
    folder = resources.files("towpath.records.migrations")
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    for number, entry in enumerate(files, start=1):
        assert entry.name.startswith(f"{number:04}_"), f"{entry.name}: migrations are 1, 2, 3..."
    return [entry.read_text("utf-8") for entry in files]

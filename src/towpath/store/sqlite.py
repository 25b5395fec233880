"""The durable store: SQLite in WAL mode, one writer thread, group commit.

The loop's thread accepts writes, gives them revisions and encodes them; while the writer thread
commits one batch (one fsync), the next one gathers. What is committed is then applied to the state
in memory, published and acknowledged, in that order and in one step of the loop.
"""

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import apsw

from towpath.store import database
from towpath.store.contract import AuditRow, Event, Stored, Write
from towpath.store.live import LiveStore
from towpath.store.pending import PendingWrite
from towpath.store.state import CurrentState, scan_with_undo
from towpath.store.subscriptions import BufferedSubscription

if TYPE_CHECKING:
    from towpath.store.sealing import Sealing

T = TypeVar("T")

BATCH_WRITES_MAX = 512


class SqliteStore(LiveStore):
    """Open with `await SqliteStore.open(path)`; use from one event loop only."""

    def __init__(
        self, writer: apsw.Connection, reader: apsw.Connection, sealing: "Sealing | None"
    ) -> None:
        super().__init__()
        self._seal = sealing.seal if sealing is not None else database.no_seal
        self._unseal = sealing.unseal if sealing is not None else database.no_seal
        self._loop = asyncio.get_running_loop()
        self._reader = reader
        self._writer = writer
        self._gathering: list[PendingWrite] = []
        self._committing = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)

    @classmethod
    async def open(cls, path: Path, *, sealing: "Sealing | None" = None) -> "SqliteStore":
        """Open or make the file.

        Raises UnsupportedFormat, UnsealError, DamagedStore, DiskNotWritable, StorageFull.
        """
        try:
            writer, reader = await asyncio.to_thread(_connect, path)
        except apsw.Error as error:
            raise database.unreadable(path, error) from error
        store = cls(writer, reader, sealing)
        try:
            await asyncio.to_thread(store._load)
        except BaseException as error:
            writer.close()
            reader.close()
            if isinstance(error, apsw.Error):
                raise database.unreadable(path, error) from error
            raise
        store._thread.start()
        return store

    # Reading

    def scan_at(
        self, revision: int, collection: str, prefix: str = "", *, after: str = "", limit: int = 0
    ) -> list[tuple[str, Stored]]:
        self._check_kept(revision)
        undo = database.changed_since(self._reader, self._unseal, collection, revision)
        if not undo:
            return self.scan(collection, prefix, after=after, limit=limit)
        return scan_with_undo(self._state, undo, collection, prefix, after=after, limit=limit)

    # Writing

    async def commit(self, write: Write) -> Stored:
        pending = await self._accept(write)
        self._gathering.append(pending)
        if not self._committing:
            self._committing = True
            # Not at once: tasks that are ready in this turn of the loop join the same batch.
            self._loop.call_soon(self._start_batch)
        return await pending.acknowledged

    def _start_batch(self) -> None:
        if not self._gathering:
            self._committing = False
            return
        batch = self._gathering[:BATCH_WRITES_MAX]
        del self._gathering[:BATCH_WRITES_MAX]
        self._jobs.put(lambda: self._write(batch))

    def _write(self, batch: list[PendingWrite]) -> None:
        """Runs in the writer thread."""
        error: Exception | None = None
        try:
            database.write_batch(self._writer, batch, self._seal)
        except Exception as failure:  # noqa: BLE001 - whoever waits must get an answer
            error = database.translate(failure)
        self._loop.call_soon_threadsafe(self._finish_batch, batch, error)

    def _finish_batch(self, batch: list[PendingWrite], error: Exception | None) -> None:
        if error is not None:
            for pending in batch:
                self._pending.fail(pending, error)
        else:
            self._publish(batch)
            for pending in batch:
                self._pending.succeed(pending)
        self._start_batch()

    # History

    def watch(self, collection: str, prefix: str = "", *, since: int) -> BufferedSubscription:
        def read_log(after: int, until: int, limit: int) -> list[Event]:
            span = (after, until)
            return database.replay(self._reader, self._unseal, collection, prefix, span, limit)

        return self._subscribe(collection, prefix, since, read_log)

    async def compact(self, revision: int) -> None:
        revision = min(revision, self.revision)
        if revision > self._fan_out.compacted:
            # Readers are refused first, so that nobody reads a history that is half gone.
            self._fan_out.compacted = revision
            await self._in_writer(lambda: database.compact(self._writer, revision))

    async def writers(self, collection: str, key: str, *, limit: int = 20) -> list[AuditRow]:
        where = "WHERE res = ? AND key = ? ORDER BY rev DESC LIMIT ?"
        return database.audit_rows(self._reader, where, (collection, key, limit))

    async def audit_since(self, revision: int, *, limit: int = 1000) -> list[AuditRow]:
        where = "WHERE rev > ? AND rev <= ? ORDER BY rev LIMIT ?"
        return database.audit_rows(self._reader, where, (revision, self.revision, limit))

    async def forget_audit(self, revision: int) -> None:
        statement = "DELETE FROM audit WHERE rev <= ?"
        await self._in_writer(lambda: self._writer.execute(statement, (revision,)))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        while self._committing:
            await self._in_writer(lambda: None)
        self._fan_out.drop_all()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reader.close()
        self._writer.close()

    # Inside

    def _load(self) -> None:
        collections: defaultdict[str, dict[str, Stored]] = defaultdict(dict)
        for collection, key, entry in database.load(self._reader, self._unseal):
            if entry is None:
                collections[collection].pop(key, None)
            else:
                collections[collection][key] = entry
        self._state = CurrentState.of(collections)
        self._fan_out.compacted = database.read_meta(self._reader, "compacted")
        self._fan_out.revision = self._assigned = database.last_revision(self._reader)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    async def _in_writer(self, job: Callable[[], T]) -> T:
        """Run between two batches in the writer thread."""
        done: asyncio.Future[T] = self._loop.create_future()

        def finish(result: T | None, error: Exception | None) -> None:
            if done.cancelled():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            try:
                result = job()
            except Exception as failure:  # noqa: BLE001 - goes to the caller
                self._loop.call_soon_threadsafe(finish, None, database.translate(failure))
            else:
                self._loop.call_soon_threadsafe(finish, result, None)

        self._jobs.put(run)
        return await done


def _connect(path: Path) -> tuple[apsw.Connection, apsw.Connection]:
    writer = database.connect(path)
    try:
        database.prepare(writer, path)
        return writer, database.connect(path)
    except BaseException:
        writer.close()
        raise

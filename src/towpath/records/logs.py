"""The LogBook over SQLite.

`append` only puts lines into memory; at most one batch is on its way to the disk, and what comes
meanwhile is the next one. Followers are woken by the commit and read from the table, so that what
somebody has seen is what is stored. Memory is bounded: beyond `PENDING_BYTES_MAX` lines are dropped
and one line tells how many; a writer of much awaits `settled` and never gets there.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import apsw

from towpath.records.contract import LogLine, RecordsUnavailable
from towpath.records.database import Database

log = logging.getLogger(__name__)

PENDING_BYTES_MAX = 32 * 1024 * 1024
LINE_CHARS_MAX = 64 * 1024
FOLLOW_PAGE = 1000
RETRY_S = 1.0
LINE_OVERHEAD_BYTES = 100


@dataclass(slots=True)
class _Pending:
    """What one stream has not stored yet."""

    lines: list[tuple[float, str]] = field(default_factory=list)
    dropped: int = 0
    ended: bool = False


@dataclass(slots=True, eq=False)
class _Follower:
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    forgotten: bool = False


class SqliteLogBook:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._pending: dict[str, _Pending] = {}
        self._pending_bytes = 0
        self._storing = False
        self._settled: list[asyncio.Future[None]] = []
        self._followers: dict[str, set[_Follower]] = {}

    def append(self, stream: str, lines: Sequence[str]) -> None:
        if not lines:
            return
        now_s = time.time()
        size = sum(len(line) + LINE_OVERHEAD_BYTES for line in lines)
        with self._lock:
            pending = self._pending.setdefault(stream, _Pending())
            pending.ended = False
            if self._pending_bytes + size > PENDING_BYTES_MAX:
                pending.dropped += len(lines)
            else:
                self._pending_bytes += size
                pending.lines.extend((now_s, line) for line in lines)
        self._wake()

    def end(self, stream: str) -> None:
        with self._lock:
            self._pending.setdefault(stream, _Pending()).ended = True
        self._wake()

    async def settled(self) -> None:
        with self._lock:
            idle = not self._storing and not self._pending
        if idle:
            return
        waiter = self._loop.create_future()
        self._settled.append(waiter)
        await waiter

    async def read(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[LogLine]:
        lines, _ = await self._page(stream, after, limit)
        return lines

    async def tail(self, stream: str, limit: int = 1000) -> list[LogLine]:
        rows = await self._database.fetch(
            "SELECT number, time_s, text FROM log_line"
            " WHERE stream = (SELECT id FROM log_stream WHERE name = ?)"
            " ORDER BY number DESC LIMIT ?",
            (stream, limit),
        )
        return [LogLine(*row) for row in reversed(rows)]

    async def follow(self, stream: str, *, after: int = 0) -> AsyncGenerator[LogLine, None]:
        follower = _Follower()
        self._followers.setdefault(stream, set()).add(follower)
        try:
            while not follower.forgotten:
                follower.changed.clear()
                lines, ended = await self._page(stream, after, FOLLOW_PAGE)
                for line in lines:
                    after = line.number
                    yield line
                if len(lines) == FOLLOW_PAGE:
                    continue
                if ended:
                    return
                await follower.changed.wait()
        finally:
            followers = self._followers[stream]
            followers.discard(follower)
            if not followers:
                del self._followers[stream]

    async def streams(self, prefix: str) -> list[str]:
        rows = await self._database.fetch(
            "SELECT name FROM log_stream WHERE name >= ? AND name < ? ORDER BY id",
            _range_of(prefix),
        )
        return [name for (name,) in rows]

    async def forget(self, prefix: str) -> None:
        await self.settled()

        def delete(connection: apsw.Connection) -> None:
            connection.execute(
                "DELETE FROM log_stream WHERE name >= ? AND name < ?", _range_of(prefix)
            )

        await self._database.write(delete)
        for stream, followers in self._followers.items():
            if stream.startswith(prefix):
                for follower in followers:
                    follower.forgotten = True
                    follower.changed.set()

    async def _page(self, stream: str, after: int, limit: int) -> tuple[list[LogLine], bool]:
        def select(connection: apsw.Connection) -> tuple[list[LogLine], bool]:
            known = connection.execute(
                "SELECT id, ended_s FROM log_stream WHERE name = ?", (stream,)
            ).fetchone()
            if known is None:
                return [], False
            stream_id, ended_s = known
            rows = connection.execute(
                "SELECT number, time_s, text FROM log_line"
                " WHERE stream = ? AND number > ? ORDER BY number LIMIT ?",
                (stream_id, after, limit),
            )
            return [LogLine(*row) for row in rows], ended_s is not None

        return await self._database.read(select)

    def _wake(self) -> None:
        """Start storing unless it is under way. One call into the loop per batch, not per line."""
        with self._lock:
            if self._storing:
                return
            self._storing = True
        self._loop.call_soon_threadsafe(self._store)

    def _store(self) -> None:
        with self._lock:
            batch, self._pending = self._pending, {}
            size, self._pending_bytes = self._pending_bytes, 0
        if not batch:
            self._finish_settled()
            return
        try:
            future = self._database.submit(lambda connection: _insert(connection, batch))
        except RecordsUnavailable as error:
            self._put_back(batch, size, error)
            return
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._stored, batch, size, done)
        )

    def _stored(self, batch: dict[str, _Pending], size: int, done: Future[None]) -> None:
        if error := done.exception():
            self._put_back(batch, size, error)
            return
        for stream in batch:
            for follower in self._followers.get(stream, ()):
                follower.changed.set()
        self._store()

    def _finish_settled(self) -> None:
        with self._lock:
            self._storing = False
            more = bool(self._pending)
        if more:
            self._wake()
            return
        waiters, self._settled = self._settled, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _put_back(self, batch: dict[str, _Pending], size: int, error: BaseException) -> None:
        """The disk would not have it: keep the lines, within bounds, and try again."""
        log.warning("log lines not stored yet", extra={"error": str(error), "retry_s": RETRY_S})
        with self._lock:
            for stream, older in batch.items():
                newer = self._pending.get(stream)
                if newer is not None:
                    older.lines += newer.lines
                    older.dropped += newer.dropped
                    older.ended = newer.ended
                self._pending[stream] = older
            self._pending_bytes += size
        self._loop.call_later(RETRY_S, self._store)


def _range_of(prefix: str) -> tuple[str, str]:
    return prefix, prefix + "\U0010ffff"


def _insert(connection: apsw.Connection, batch: dict[str, _Pending]) -> None:
    for stream, pending in batch.items():
        stream_id, last = _open_stream(connection, stream)
        lines = pending.lines
        if pending.dropped:
            note = f"[towpath: {pending.dropped} lines dropped: they came faster than the disk]"
            lines = [*lines, (time.time(), note)]
        connection.executemany(
            "INSERT INTO log_line (stream, number, time_s, text) VALUES (?, ?, ?, ?)",
            (
                (stream_id, last + offset, time_s, _storable(text))
                for offset, (time_s, text) in enumerate(lines, start=1)
            ),
        )
        connection.execute(
            "UPDATE log_stream SET lines = ?, ended_s = ? WHERE id = ?",
            (last + len(lines), time.time() if pending.ended else None, stream_id),
        )


def _open_stream(connection: apsw.Connection, stream: str) -> tuple[int, int]:
    known = connection.execute(
        "SELECT id, lines FROM log_stream WHERE name = ?", (stream,)
    ).fetchone()
    if known is not None:
        return known[0], known[1]
    connection.execute(
        "INSERT INTO log_stream (name, lines, began_s) VALUES (?, 0, ?)", (stream, time.time())
    )
    return connection.last_insert_rowid(), 0


def _storable(text: str) -> str:
    """At most `LINE_CHARS_MAX` characters of valid Unicode: programs print anything."""
    if len(text) > LINE_CHARS_MAX:
        text = f"{text[:LINE_CHARS_MAX]}... ({len(text)} characters)"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()

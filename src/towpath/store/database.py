"""The SQLite file of a store: its schema, its statements, and nothing of its rules.

One log table in revision order. `prev` is the revision of the live row that a row replaces (0: the
key did not exist), which answers three questions without a search: was it created or changed, what
was it before, and which rows has compaction made superfluous.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache
from itertools import chain
from pathlib import Path

import apsw
import orjson

from towpath.machinery.errors import StorageFull, Unavailable
from towpath.store.contract import (
    Audit,
    AuditRow,
    DamagedStore,
    DiskNotWritable,
    Event,
    Stored,
    UnsupportedFormat,
)
from towpath.store.pending import PendingWrite

Seal = Callable[[str, str, bytes], bytes]
"""(collection, key, value): the value as it is on disk, or back."""

FORMAT_VERSION = 1
CHECKPOINT_PAGES = 4000
BUSY_TIMEOUT_MS = 5000
REPLAY_BYTES_MAX = 1024 * 1024
"""Of events are read at once, the last one beside: many may be replayed at the same time."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    rev INTEGER PRIMARY KEY,
    prev INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    res TEXT NOT NULL,
    key TEXT NOT NULL,
    json BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS log_res ON log (res, rev);
CREATE TABLE IF NOT EXISTS audit (
    rev INTEGER PRIMARY KEY,
    res TEXT NOT NULL,
    key TEXT NOT NULL,
    entry TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_key ON audit (res, key, rev);
"""

LOG_COLUMNS = ("rev", "prev", "deleted", "res", "key", "json")
AUDIT_COLUMNS = ("rev", "res", "key", "entry")
ROWS_AT_ONCE = 64
"""That one statement inserts. Before and after each statement the writer waits for the interpreter,
which the loop keeps busy: by one a row it would wait longer than SQLite takes."""
SET_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
REPLAY = """
SELECT log.rev, log.res, log.key, log.json, old.json, log.deleted
FROM log LEFT JOIN log AS old ON old.rev = log.prev
WHERE log.rev > ? AND log.rev <= ?
"""
CHANGED_SINCE = """
SELECT log.key, log.prev, old.json
FROM (SELECT key, min(rev) AS rev FROM log WHERE res = ? AND rev > ? GROUP BY key) AS first
JOIN log ON log.rev = first.rev LEFT JOIN log AS old ON old.rev = log.prev
"""
COMPACT = (
    "DELETE FROM log WHERE rev IN (SELECT prev FROM log WHERE rev > ?1 AND rev <= ?2 AND prev > 0)",
    "DELETE FROM log WHERE rev > ?1 AND rev <= ?2 AND deleted",
)


def connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
    return connection


def prepare(connection: apsw.Connection, path: Path) -> None:
    """Make the tables of a new file; refuse a file of another format by name."""
    exists = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").get
    found = read_meta(connection, "format") if exists else 0
    if found not in (0, FORMAT_VERSION):
        raise UnsupportedFormat(
            f"{path} has data format {found}; this release reads format {FORMAT_VERSION}. "
            f"Start it with the release that wrote it"
        )
    with connection:
        connection.execute(SCHEMA)
        connection.execute(SET_META, ("format", FORMAT_VERSION))


def read_meta(connection: apsw.Connection, name: str) -> int:
    value = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).get
    return int(value or 0)


def last_revision(connection: apsw.Connection) -> int:
    """The newest revision ever given out that reached the disk."""
    tables = (
        "SELECT max(rev) FROM (SELECT max(rev) AS rev FROM log UNION SELECT max(rev) FROM audit)"
    )
    in_tables = connection.execute(tables).get or 0
    return max(int(in_tables), read_meta(connection, "compacted"))


def no_seal(_collection: str, _key: str, value: bytes) -> bytes:
    return value


def load(connection: apsw.Connection, unseal: Seal) -> Iterator[tuple[str, str, Stored | None]]:
    """The log from its beginning: (collection, key, entry; None when deleted)."""
    rows = connection.execute("SELECT rev, res, key, json, deleted FROM log ORDER BY rev")
    for revision, collection, key, value, deleted in rows:
        entry = None if deleted else Stored(revision, unseal(collection, key, value))
        yield collection, key, entry


def write_batch(connection: apsw.Connection, batch: Iterable[PendingWrite], seal: Seal) -> None:
    """Insert and commit. On any failure nothing of the batch is stored."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _insert(connection, "log", LOG_COLUMNS, [_log_row(pending, seal) for pending in batch])
        _insert(connection, "audit", AUDIT_COLUMNS, list(_audit_rows(batch)))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(
    connection: apsw.Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[int | str | bytes, ...]],
) -> None:
    """In few statements, and few different ones: they are kept prepared."""
    at = 0
    while left := len(rows) - at:
        count = min(ROWS_AT_ONCE, 1 << (left.bit_length() - 1))
        values = tuple(chain.from_iterable(rows[at : at + count]))
        connection.execute(_insert_statement(table, columns, count), values)
        at += count


@cache
def _insert_statement(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    values = ", ".join([row] * rows)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values}"  # noqa: S608 - our own


def replay(
    connection: apsw.Connection,
    unseal: Seal,
    collection: str,
    prefix: str,
    span: tuple[int, int],
    limit: int,
) -> list[Event]:
    """The first of them: no more than `limit`, and no more than fit into REPLAY_BYTES_MAX."""
    after, until = span
    query, values = REPLAY, [after, until]
    parameters: list[int | str] = list(values)
    if collection:
        query += " AND log.res = ?"
        parameters.append(collection)
    if prefix:
        query += " AND substr(log.key, 1, ?) = ?"
        parameters += [len(prefix), prefix]
    query += " ORDER BY log.rev LIMIT ?"
    parameters.append(limit)
    events: list[Event] = []
    size = 0
    with closing(connection.execute(query, parameters)) as rows:
        for revision, res, key, value, previous, deleted in rows:
            before = unseal(res, key, previous) if previous is not None else None
            after_it = unseal(res, key, value)
            events.append(Event(revision, res, key, after_it, before, bool(deleted)))
            size += len(value) + len(previous or b"")
            if size > REPLAY_BYTES_MAX:
                break
    return events


def changed_since(
    connection: apsw.Connection, unseal: Seal, collection: str, revision: int
) -> dict[str, Stored | None]:
    """For every key that changed after `revision`: what it was then."""
    return {
        key: Stored(prev, unseal(collection, key, value)) if prev else None
        for key, prev, value in connection.execute(CHANGED_SINCE, (collection, revision))
    }


def compact(connection: apsw.Connection, revision: int) -> None:
    span = (read_meta(connection, "compacted"), revision)
    with connection:
        for statement in COMPACT:
            connection.execute(statement, span)
        connection.execute(SET_META, ("compacted", revision))


def audit_rows(
    connection: apsw.Connection, where: str, parameters: tuple[int | str, ...]
) -> list[AuditRow]:
    rows = connection.execute(f"SELECT rev, res, key, entry FROM audit {where}", parameters)  # noqa: S608
    return [AuditRow(rev, res, key, _decode_audit(entry)) for rev, res, key, entry in rows]


def translate(error: Exception) -> Exception:
    """What a driver's error means to whoever wrote."""
    if isinstance(error, apsw.FullError):
        return StorageFull(
            "the disk of the API's store is full; nothing was changed. Free some space and repeat"
        )
    if isinstance(error, apsw.Error):
        return Unavailable(f"the API's store could not write: {error}")
    return error


def unreadable(path: Path, error: apsw.Error) -> Exception:
    """Why the file cannot be opened, for the person who starts the platform."""
    if isinstance(error, apsw.FullError):
        return translate(error)
    if isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return DiskNotWritable(
            f"{path} cannot be opened for writing: {error}. Mount its disk read-write, and give "
            "whoever runs this the right to write in its folder"
        )
    return DamagedStore(
        f"{path} cannot be read: {error}. Put the file back from a copy, together with its -wal "
        "file, or start with another data directory"
    )


def _log_row(pending: PendingWrite, seal: Seal) -> tuple[int, int, int, str, str, bytes]:
    event = pending.event
    return (
        event.revision,
        pending.replaces,
        int(event.deleted),
        event.collection,
        event.key,
        seal(event.collection, event.key, event.value),
    )


def _audit_rows(batch: Iterable[PendingWrite]) -> Iterator[tuple[int, str, str, str]]:
    for pending in batch:
        event, audit = pending.event, pending.write.audit
        if audit is not None:
            entry = (
                audit.user,
                audit.verb,
                audit.at,
                audit.groups,
                audit.subresource,
                audit.manager,
            )
            yield event.revision, event.collection, event.key, orjson.dumps(entry).decode()


def _decode_audit(entry: str) -> Audit:
    user, verb, at, groups, subresource, manager = orjson.loads(entry)
    return Audit(user, verb, at, tuple(groups), subresource, manager)

"""The audit trail over SQLite: append once, query with the viewer, and who wrote last."""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

from collections.abc import Sequence
from typing import Any

import apsw
import orjson

from towpath.records.contract import AuditEntry, AuditFilter, AuditPage, Viewer
from towpath.records.database import Database, Row, Value

_COLUMNS = (
    "id, time_s, cluster, username, verb, resource, namespace, name, project, subresource, code, "
    "user_agent, detail"
)


MADE_MAX = 100


class SqliteAuditTrail:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        if not entries:
            return
        rows = [_row(entry) for entry in entries]

        def insert(connection: apsw.Connection) -> None:
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(
                f"INSERT INTO audit ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING",
                rows,
            )

        await self._database.write(insert)

    async def query(
        self, viewer: Viewer, where: AuditFilter, *, limit: int = 100, continue_token: str = ""
    ) -> AuditPage:
        conditions, parameters = _conditions(viewer, where)
        if continue_token:
            conditions.append("sequence < ?")
            parameters.append(int(continue_token))
        rows = await self._database.fetch(
            f"SELECT sequence, {_COLUMNS} FROM audit WHERE {' AND '.join(conditions) or '1 = 1'}"
            " ORDER BY sequence DESC LIMIT ?",
            [*parameters, limit + 1],
        )
        more = len(rows) > limit
        rows = rows[:limit]
        token = str(rows[-1][0]) if more and rows else ""
        return AuditPage([_entry(row[1:]) for row in rows], token)

    async def lately(self, viewer: Viewer, resource: str, *, limit: int) -> list[tuple[str, str]]:
        if viewer.projects is not None and not viewer.projects:
            return []
        # The index by time is named: by project is right for few entries, and slow for many.
        may_see, projects = _visibility(viewer)
        rows = await self._database.fetch(
            "SELECT namespace, name FROM audit INDEXED BY audit_created WHERE resource = ?"
            " AND cluster = '' AND verb = 'create' AND subresource = '' AND code < 400"
            f" AND {may_see} ORDER BY sequence DESC LIMIT ?",
            (resource, *projects, limit),
        )
        return list(dict.fromkeys((namespace, name) for namespace, name in rows))

    async def created(
        self, projects: Sequence[str], resource: str, prefix: str, *, limit: int
    ) -> list[tuple[str, str]]:
        marks = ", ".join("?" * len(projects))
        rows = await self._database.fetch(
            "SELECT namespace, name FROM audit WHERE cluster = '' AND resource = ?"
            f" AND namespace IN ({marks}) AND name >= ? AND name < ? AND verb = 'create'"
            " AND subresource = '' AND code < 400"
            " GROUP BY namespace, name ORDER BY max(sequence) DESC LIMIT ?",
            (resource, *projects, prefix, prefix + "\U0010ffff", limit),
        )
        return [(namespace, name) for namespace, name in rows]

    async def makers(
        self,
        viewer: Viewer,
        resource: str,
        named_after: Sequence[tuple[str, str]],
        *,
        since_s: float = 0.0,
    ) -> list[dict[str, int]]:
        may_see, projects = _visibility(viewer)
        sql = (
            "SELECT username, count(*) FROM (SELECT username FROM audit"
            " WHERE cluster = '' AND resource = ? AND namespace = ? AND verb = 'create'"
            f" AND {_NAMED_AFTER} AND code < 300 AND time_s >= ? AND {may_see}"
            " ORDER BY sequence DESC LIMIT ?) GROUP BY username"
        )

        def count(connection: apsw.Connection) -> list[dict[str, int]]:
            found: list[dict[str, int]] = []
            for project, name in named_after:
                where = (resource, project, *_named_after(name), since_s, *projects, MADE_MAX)
                rows: list[Row] = connection.execute(sql, where).fetchall()
                found.append(dict(rows))
            return found

        return await self._database.read(count)

    async def last_writer(
        self, cluster: str, resource: str, namespace: str, name: str
    ) -> str | None:
        rows = await self._database.fetch(
            "SELECT username FROM audit WHERE cluster = ? AND resource = ? AND namespace = ?"
            " AND name = ? AND code < 400 ORDER BY sequence DESC LIMIT 1",
            (cluster, resource, namespace, name),
        )
        return rows[0][0] if rows else None


def _visibility(viewer: Viewer) -> tuple[str, list[str]]:
    """The platform's own entries (project "") are for those who may see everything."""
    if viewer.projects is None:
        return "1 = 1", []
    projects = sorted(viewer.projects)
    return f"(project <> '' AND project IN ({', '.join('?' * len(projects))}))", projects


def _conditions(viewer: Viewer, where: AuditFilter) -> tuple[list[str], list[Value]]:
    conditions: list[str] = []
    parameters: list[Value] = []
    if viewer.projects is not None:
        may_see, projects = _visibility(viewer)
        conditions.append(may_see)
        parameters += projects
    if where.cluster is not None:
        conditions.append("cluster = ?")
        parameters.append(where.cluster)
    equal = {
        "username": where.user,
        "verb": where.verb,
        "resource": where.resource,
        "namespace": where.namespace,
        "name": where.name,
    }
    for column, value in equal.items():
        if value:
            conditions.append(f"{column} = ?")
            parameters.append(value)
    if where.named_after:
        conditions.append(_NAMED_AFTER)
        parameters += _named_after(where.named_after)
    if where.since_s:
        conditions.append("time_s >= ?")
        parameters.append(where.since_s)
    if where.until_s:
        conditions.append("time_s < ?")
        parameters.append(where.until_s)
    return conditions, parameters


_NAMED_AFTER = "(name = ? OR (name >= ? AND name < ?))"


def _named_after(name: str) -> list[Value]:
    """The name itself, and what begins with it and a dash: "." comes after "-"."""
    return [name, f"{name}-", f"{name}."]


def _row(entry: AuditEntry) -> tuple[Value, ...]:
    return (
        entry.id,
        entry.time_s,
        entry.cluster,
        entry.user,
        entry.verb,
        entry.resource,
        entry.namespace,
        entry.name,
        entry.project,
        entry.subresource,
        entry.code,
        entry.user_agent,
        orjson.dumps(entry.detail).decode(),
    )


def _entry(row: Row) -> AuditEntry:
    detail: dict[str, Any] = orjson.loads(row[12])
    return AuditEntry(
        id=row[0],
        time_s=row[1],
        cluster=row[2],
        user=row[3],
        verb=row[4],
        resource=row[5],
        namespace=row[6],
        name=row[7],
        project=row[8],
        subresource=row[9],
        code=row[10],
        user_agent=row[11],
        detail=detail,
    )

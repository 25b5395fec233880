"""What each person has been told, over SQLite.

A notice is known again by its person, subject and cause, so saying it twice, also after a crash,
changes nothing. How much is kept is bounded for each person; the time of what was let go is
remembered, so that a controller that looks at old objects again does not bring it back.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import math
import time
from collections.abc import Iterable, Sequence

import apsw

from towpath.machinery.errors import BadRequest
from towpath.records.changes import Changes
from towpath.records.contract import Notice, Notification, NotificationPage, Unread, Viewer
from towpath.records.database import Database, Row, Value

NEWS = "inbox"
"""The noun of its changes."""

KEPT_MAX = 500
"""For each person."""
KEPT_S = 90 * 24 * 3600.0
ID_MAX = 2**62
SAME_S = 600.0
"""Trouble that comes back this soon is the same trouble: nobody is told again."""

_TOLD = "status, title, text, href, who, why"
_COLUMNS = f"person, project, subject, cause, sort, asks, time_s, {_TOLD}"
_READ = "id, project, person, cause, sort, asks, time_s, status, title, text, href, who, why, "
_READ += "read_s, settled_s"


class SqliteInbox:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def settle(self, subject: str, project: str, notices: Sequence[Notice]) -> None:
        now_s = time.time()
        self._tell(
            await self._database.write(
                lambda connection: _settle(connection, subject, project, notices, now_s)
            )
        )

    async def forget(self, subject: str) -> None:
        def delete(connection: apsw.Connection) -> set[str]:
            rows: list[Row] = connection.execute(
                "DELETE FROM notification WHERE subject = ? RETURNING person", (subject,)
            ).fetchall()
            return {person for (person,) in rows}

        self._tell(await self._database.write(delete))

    async def subjects(self, prefix: str) -> list[str]:
        rows = await self._database.fetch(
            "SELECT DISTINCT subject FROM notification WHERE subject >= ? AND subject < ?",
            (prefix, prefix + "\U0010ffff"),
        )
        return [subject for (subject,) in rows]

    async def unread(self, viewer: Viewer) -> Unread:
        condition, parameters = _own(viewer)
        rows = await self._database.fetch(
            f"SELECT count(*), (SELECT max(id) FROM notification WHERE {condition})"
            f" FROM notification WHERE {condition} AND read_s IS NULL",
            [*parameters, *parameters],
        )
        return Unread(rows[0][0], rows[0][1] or 0)

    async def asking(self, viewer: Viewer, *, limit: int = 10) -> tuple[list[Notification], int]:
        condition, parameters = _own(viewer)
        condition += " AND asks = 1 AND settled_s IS NULL AND dismissed = 0"

        def select(connection: apsw.Connection) -> tuple[list[Notification], int]:
            (total,) = next(
                connection.execute(
                    f"SELECT count(*) FROM notification WHERE {condition}", parameters
                )
            )
            rows = connection.execute(
                f"SELECT {_READ} FROM notification WHERE {condition}"
                " ORDER BY time_s DESC, id DESC LIMIT ?",
                [*parameters, limit],
            )
            return [_notification(row) for row in rows], total

        return await self._database.read(select)

    async def page(
        self,
        viewer: Viewer,
        *,
        sorts: Sequence[str] = (),
        unread: bool = False,
        after: int = 0,
        limit: int = 50,
        continue_token: str = "",
    ) -> NotificationPage:
        condition, parameters = _own(viewer)
        if sorts:
            condition += f" AND sort IN ({', '.join('?' * len(sorts))})"
            parameters += sorts
        if unread:
            condition += " AND read_s IS NULL"
        if after:
            condition += " AND id > ?"
            parameters.append(after)
        if continue_token:
            condition += " AND (time_s, id) < (?, ?)"
            parameters += _place(continue_token)
        rows = await self._database.fetch(
            f"SELECT {_READ} FROM notification WHERE {condition}"
            " ORDER BY time_s DESC, id DESC LIMIT ?",
            [*parameters, limit + 1],
        )
        shown = [_notification(row) for row in rows[:limit]]
        token = f"{shown[-1].notice.time_s!r}/{shown[-1].id}" if len(rows) > limit else ""
        return NotificationPage(shown, token)

    async def mark(self, viewer: Viewer, ids: Sequence[int], *, read: bool) -> None:
        condition, parameters = _own(viewer)
        if ids:
            condition += f" AND id IN ({', '.join('?' * len(ids))})"
            parameters += ids
        condition += " AND read_s IS NULL" if read else " AND read_s IS NOT NULL"
        at_s = time.time() if read else None

        def put(connection: apsw.Connection) -> bool:
            connection.execute(
                f"UPDATE notification SET read_s = ? WHERE {condition}", [at_s, *parameters]
            )
            return connection.changes() > 0

        if await self._database.write(put):
            self._tell((viewer.user.name,))

    async def dismiss(self, viewer: Viewer, ids: Sequence[int]) -> None:
        condition, parameters = _own(viewer)
        at_s = time.time()

        def put(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE notification SET dismissed = 1, read_s = coalesce(read_s, ?)"
                f" WHERE {condition} AND id IN ({', '.join('?' * len(ids))})",
                [at_s, *parameters, *ids],
            )

        await self._database.write(put)
        self._tell((viewer.user.name,))

    def _tell(self, people: Iterable[str]) -> None:
        for person in people:
            self._changes.publish(NEWS, person)


def _place(token: str) -> tuple[float, int]:
    """The row that a page ended with: its time and its id."""
    time_s, _, number = token.partition("/")
    try:
        place = float(time_s), int(number)
    except ValueError:
        place = math.nan, 0
    if not math.isfinite(place[0]) or abs(place[1]) > ID_MAX:
        raise BadRequest("continue: it is not a page of this list; begin at its first page")
    return place


def _own(viewer: Viewer) -> tuple[str, list[Value]]:
    if viewer.projects is None:
        return "person = ?", [viewer.user.name]
    projects = sorted(viewer.projects)
    condition = f"person = ? AND project IN ({', '.join('?' * len(projects))})"
    return condition, [viewer.user.name, *projects]


def _settle(
    connection: apsw.Connection,
    subject: str,
    project: str,
    notices: Sequence[Notice],
    now_s: float,
) -> set[str]:
    """The people for whom something is different now."""
    open_now = {
        (row[1], row[2]): row
        for row in connection.execute(
            f"SELECT id, person, cause, {_TOLD} FROM notification"
            " WHERE subject = ? AND settled_s IS NULL",
            (subject,),
        )
    }
    told: set[str] = set()
    for notice in notices:
        known = open_now.pop((notice.person, notice.cause), None)
        if known is not None:
            changed = _retell(connection, known, notice)
        else:
            changed = _tell(connection, subject, project, notice, now_s)
        if changed:
            told.add(notice.person)
    for row in open_now.values():
        connection.execute(
            "UPDATE notification SET settled_s = ?, read_s = coalesce(read_s, ?) WHERE id = ?",
            (now_s, now_s, row[0]),
        )
        told.add(row[1])
    for person in told:
        _let_go(connection, person, now_s)
    return told


def _retell(connection: apsw.Connection, known: Row, notice: Notice) -> bool:
    said = (notice.status, notice.title, notice.text, notice.href, notice.who, notice.why)
    if known[3:] == said:
        return False
    connection.execute(
        "UPDATE notification SET status = ?, title = ?, text = ?, href = ?, who = ?, why = ?"
        " WHERE id = ?",
        (*said, known[0]),
    )
    return True


def _tell(
    connection: apsw.Connection, subject: str, project: str, notice: Notice, now_s: float
) -> bool:
    before = connection.execute(
        "SELECT id FROM notification WHERE person = ? AND subject = ? AND cause = ?"
        " AND settled_s >= ? ORDER BY id DESC LIMIT 1",
        (notice.person, subject, notice.cause, notice.time_s - SAME_S),
    ).fetchone()
    if before is not None:
        # What was read only because it was over, nobody has read.
        connection.execute(
            "UPDATE notification SET settled_s = NULL,"
            " read_s = CASE WHEN read_s = settled_s THEN NULL ELSE read_s END WHERE id = ?",
            before,
        )
        return True
    floor = connection.execute(
        "SELECT forgotten_until_s FROM inbox WHERE person = ?", (notice.person,)
    ).fetchone()
    if notice.time_s <= max(floor[0] if floor else 0.0, now_s - KEPT_S):
        return False
    connection.execute(
        f"INSERT INTO notification ({_COLUMNS}) VALUES ({', '.join('?' * 13)})",
        (
            notice.person,
            project,
            subject,
            notice.cause,
            notice.sort,
            notice.asks,
            notice.time_s,
            notice.status,
            notice.title,
            notice.text,
            notice.href,
            notice.who,
            notice.why,
        ),
    )
    return True


def _let_go(connection: apsw.Connection, person: str, now_s: float) -> None:
    """Of what is too much or too old, only until when it was is remembered."""
    gone: list[Row] = connection.execute(
        "DELETE FROM notification WHERE person = ? AND (time_s < ? OR id <= coalesce((SELECT id"
        " FROM notification WHERE person = ? ORDER BY id DESC LIMIT 1 OFFSET ?), 0))"
        " RETURNING time_s",
        (person, now_s - KEPT_S, person, KEPT_MAX),
    ).fetchall()
    if gone:
        connection.execute(
            "INSERT INTO inbox (person, forgotten_until_s) VALUES (?, ?) ON CONFLICT (person)"
            " DO UPDATE SET forgotten_until_s ="
            " max(inbox.forgotten_until_s, excluded.forgotten_until_s)",
            (person, max(time_s for (time_s,) in gone)),
        )


def _notification(row: Row) -> Notification:
    notice = Notice(
        person=row[2],
        cause=row[3],
        sort=row[4],
        asks=bool(row[5]),
        time_s=row[6],
        status=row[7],
        title=row[8],
        text=row[9],
        href=row[10],
        who=row[11],
        why=row[12],
    )
    return Notification(
        row[0], row[1], notice, read=row[13] is not None, settled=row[14] is not None
    )

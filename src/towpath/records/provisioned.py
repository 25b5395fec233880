"""People and groups as an identity provider pushed them, verbatim, over SQLite.

What was pushed is kept apart from the catalogue that is made of it: a push that would empty the
catalogue is held back there, and is no error for who pushed.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import apsw
import orjson

from towpath.records.browsing import chunks, marks
from towpath.records.changes import Changes
from towpath.records.database import Database, Row, Value
from towpath.records.provisioned_contract import NEWS, NameTaken, Provisioned, StaleVersion

T = TypeVar("T")

_COLUMNS = "kind, id, name, external, version, created_s, modified_s, json"
_FIELDS = {"id": "id", "name": "name", "external": "external"}


@dataclass(frozen=True, slots=True)
class SqliteProvisioned:
    database: Database
    changes: Changes

    async def get(self, source: str, kind: str, id: str) -> Provisioned | None:
        found = await self.find(source, kind, "id", id)
        return found[0] if found else None

    async def find(self, source: str, kind: str, by: str, value: str) -> list[Provisioned]:
        """By `id`, `name` or `external`."""
        meant = value.lower() if by == "name" else value
        return await self._read(source, kind, f"AND {_FIELDS[by]} = ?", (meant,))

    async def all(self, source: str, kind: str) -> list[Provisioned]:
        """In the order in which they came."""
        return await self._read(source, kind, "", ())

    async def page(
        self, source: str, kind: str, *, offset: int, limit: int
    ) -> tuple[list[Provisioned], int]:
        """In the same order, and how many there are in all."""
        rows = await self.database.fetch(
            "SELECT count(*) FROM provisioned WHERE source = ? AND kind = ?", (source, kind)
        )
        found = await self._read(source, kind, "", (limit, offset), "LIMIT ? OFFSET ?")
        return found, int(rows[0][0])

    async def names(self, source: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Kind and name of each that is there."""
        found: dict[str, tuple[str, str]] = {}
        for part in chunks(ids):
            rows = await self.database.fetch(
                "SELECT id, kind, name FROM provisioned WHERE source = ?"
                f" AND kind IN ('User', 'Group') AND id IN ({marks(part)})",
                (source, *part),
            )
            found.update((id, (kind, name)) for id, kind, name in rows)
        return found

    async def holders(self, source: str, member: str) -> list[tuple[str, str]]:
        """Id and name of the groups that it is in."""
        rows = await self.database.fetch(
            "SELECT id, name FROM provisioned WHERE source = ? AND kind = 'Group' AND id IN"
            " (SELECT holder FROM provisioned_member WHERE source = ? AND member = ?)"
            " ORDER BY name",
            (source, source, member),
        )
        return [(id, name) for id, name in rows]

    async def _read(
        self, source: str, kind: str, where: str, values: Sequence[Value], more: str = ""
    ) -> list[Provisioned]:
        chosen = (
            f"SELECT {_COLUMNS} FROM provisioned WHERE source = ? AND kind = ? {where}"
            f" ORDER BY created_s, id {more}"
        )
        rows = await self.database.fetch(chosen, (source, kind, *values))
        if kind != "Group":
            return [_provisioned(row) for row in rows]
        members: dict[str, set[str]] = {}
        for part in chunks([row[1] for row in rows]):
            told = await self.database.fetch(
                "SELECT holder, member FROM provisioned_member WHERE source = ?"
                f" AND holder IN ({marks(part)})",
                (source, *part),
            )
            for holder, member in told:
                members.setdefault(holder, set()).add(member)
        return [_provisioned(row, members.get(row[1], ())) for row in rows]

    async def add(self, source: str, new: Provisioned) -> Provisioned:
        """With an id and the time of its own. Raises NameTaken."""

        def write(connection: apsw.Connection) -> Provisioned:
            now_s = time.time()
            made = replace(new, id=str(uuid.uuid4()), version=1, created_s=now_s, modified_s=now_s)
            _put(connection, source, made)
            return made

        return await self._written(source, write)

    async def change(
        self, source: str, changed: Provisioned, *, seen: int | None = None
    ) -> Provisioned | None:
        """None when there is none of that id. Raises NameTaken, and StaleVersion unless it is the
        version that was seen."""

        def write(connection: apsw.Connection) -> Provisioned | None:
            row: Row | None = connection.execute(
                f"SELECT {_COLUMNS} FROM provisioned WHERE source = ? AND kind = ? AND id = ?",
                (source, changed.kind, changed.id),
            ).fetchone()
            if row is None:
                return None
            before = _provisioned(row, _members(connection, source, changed.id))
            if seen is not None and seen != before.version:
                raise StaleVersion
            if _said(before) == _said(changed):
                return before
            after = replace(
                changed,
                version=before.version + 1,
                created_s=before.created_s,
                modified_s=time.time(),
            )
            _put(connection, source, after)
            return after

        return await self._written(source, write)

    async def remove(self, source: str, kind: str, id: str, *, seen: int | None = None) -> bool:
        """Whether it was there. Raises StaleVersion."""

        def write(connection: apsw.Connection) -> bool:
            row = connection.execute(
                "SELECT version FROM provisioned WHERE source = ? AND kind = ? AND id = ?",
                (source, kind, id),
            ).fetchone()
            if row is None:
                return False
            if seen is not None and seen != row[0]:
                raise StaleVersion
            connection.execute(
                "DELETE FROM provisioned WHERE source = ? AND kind = ? AND id = ?",
                (source, kind, id),
            )
            connection.execute(
                "DELETE FROM provisioned_member WHERE source = ? AND (member = ? OR holder = ?)",
                (source, id, id),
            )
            return True

        return await self._written(source, write)

    async def forget(self, source: str) -> None:
        def write(connection: apsw.Connection) -> None:
            for table in ("provisioned", "provisioned_member"):
                connection.execute(f"DELETE FROM {table} WHERE source = ?", (source,))

        await self.database.write(write)

    async def _written(self, source: str, write: Callable[[apsw.Connection], T]) -> T:
        done = await self.database.write(write)
        self.changes.publish(NEWS, source)
        return done


def _said(one: Provisioned) -> tuple[object, ...]:
    return one.name.lower(), one.external, one.content, one.members


def _put(connection: apsw.Connection, source: str, one: Provisioned) -> None:
    taken = connection.execute(
        "SELECT 1 FROM provisioned WHERE source = ? AND kind = ? AND name = ? AND id <> ?",
        (source, one.kind, one.name.lower(), one.id),
    ).fetchone()
    if taken is not None and one.kind == "User":
        raise NameTaken
    connection.execute(
        f"INSERT OR REPLACE INTO provisioned (source, {_COLUMNS})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            source,
            one.kind,
            one.id,
            one.name.lower(),
            one.external,
            one.version,
            one.created_s,
            one.modified_s,
            orjson.dumps(one.content),
        ),
    )
    before = _members(connection, source, one.id)
    connection.executemany(
        "DELETE FROM provisioned_member WHERE source = ? AND member = ? AND holder = ?",
        [(source, member, one.id) for member in before - one.members],
    )
    connection.executemany(
        "INSERT INTO provisioned_member VALUES (?, ?, ?)",
        [(source, member, one.id) for member in one.members - before],
    )


def _members(connection: apsw.Connection, source: str, holder: str) -> frozenset[str]:
    rows = connection.execute(
        "SELECT member FROM provisioned_member WHERE source = ? AND holder = ?", (source, holder)
    )
    return frozenset(row[0] for row in rows)


def _provisioned(row: Sequence[Any], members: Iterable[str] = ()) -> Provisioned:
    kind, id, name, external, version, created_s, modified_s, content = row
    return Provisioned(
        kind,
        id,
        name,
        external,
        orjson.loads(content),
        version,
        created_s,
        modified_s,
        frozenset(members),
    )

"""People, their groups and the digests of their credentials. No secret is ever stored.

A credential's secret is 256 random bits, so a plain SHA-256 of it cannot be turned back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from towpath.records.database import Database


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    display_name: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()
    joined_s: float = 0.0
    deactivated_s: float | None = None
    """Since when nothing opens the platform in their name; None for most."""


@dataclass(frozen=True, slots=True)
class Credential:
    """`kind` is `link`, `session` or `token`; `expires_s` is a Unix time."""

    digest: str
    person: str
    kind: str
    label: str
    created_s: float
    expires_s: float


_PERSON = (
    "SELECT name, display_name, email, (SELECT group_concat(team, ' ') FROM memberships"
    " WHERE person = name), joined_s, deactivated_s FROM people"
)


def _person(row: Sequence[Any]) -> Person:
    return Person(row[0], row[1], row[2], tuple(sorted((row[3] or "").split())), row[4], row[5])


def _set_groups(connection: apsw.Connection, name: str, groups: Sequence[str]) -> None:
    connection.execute("DELETE FROM memberships WHERE person = ?", (name,))
    connection.executemany(
        "INSERT INTO memberships VALUES (?, ?)", [(name, group) for group in dict.fromkeys(groups)]
    )


class SqliteIdentityTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_people(self, people: Sequence[Person]) -> list[str]:
        """Add those that are not there, and say who that was: who is there stays as they are."""

        def put(connection: apsw.Connection) -> list[str]:
            added = []
            for person in people:
                new = connection.execute(
                    "INSERT OR IGNORE INTO people (name, display_name, email, joined_s)"
                    " VALUES (?, ?, ?, ?) RETURNING name",
                    (person.name, person.display_name, person.email, person.joined_s),
                )
                if list(new):
                    added.append(person.name)
                    _set_groups(connection, person.name, person.groups)
            return added

        return await self._database.write(put)

    async def people(self, *, text: str = "", after: str = "", limit: int = -1) -> list[Person]:
        """In the order of their names: those whose name, title or address holds the text."""
        rows = await self._database.fetch(
            f"{_PERSON} WHERE name > ? AND (? = '' OR instr(lower(name || ' ' || display_name"
            " || ' ' || email), lower(?)) > 0) ORDER BY name LIMIT ?",
            (after, text, text, limit),
        )
        return [_person(row) for row in rows]

    async def person(self, name: str) -> Person | None:
        rows = await self._database.fetch(f"{_PERSON} WHERE name = ?", (name,))
        return _person(rows[0]) if rows else None

    async def set_groups(self, name: str, groups: Sequence[str]) -> None:
        await self._database.write(lambda connection: _set_groups(connection, name, groups))

    async def deactivate(self, name: str, *, now_s: float) -> None:
        """Nothing opens the platform in that name any more; the name stays taken."""

        def close(connection: apsw.Connection) -> None:
            connection.execute("UPDATE people SET deactivated_s = ? WHERE name = ?", (now_s, name))
            connection.execute("DELETE FROM credentials WHERE person = ?", (name,))

        await self._database.write(close)

    async def activate(self, name: str) -> None:
        await self._database.execute(
            "UPDATE people SET deactivated_s = NULL WHERE name = ?", [(name,)]
        )

    async def groups_of(self, person: str) -> tuple[str, ...] | None:
        """The person's groups, or None when nobody who is active has that name."""
        rows = await self._database.fetch(
            "SELECT team FROM people LEFT JOIN memberships ON person = name"
            " WHERE name = ? AND deactivated_s IS NULL ORDER BY team",
            (person,),
        )
        if not rows:
            return None
        return tuple(row[0] for row in rows if row[0] is not None)

    async def add(self, credential: Credential) -> None:
        await self._database.execute(
            "INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    credential.digest,
                    credential.person,
                    credential.kind,
                    credential.label,
                    credential.created_s,
                    credential.expires_s,
                )
            ],
        )

    async def find(self, digest: str, kind: str, *, now_s: float) -> str | None:
        """Whose living credential that is."""
        rows = await self._database.fetch(
            "SELECT person FROM credentials WHERE digest = ? AND kind = ? AND expires_s > ?",
            (digest, kind, now_s),
        )
        return rows[0][0] if rows else None

    async def take(self, digest: str, kind: str, *, now_s: float) -> str | None:
        """Whose credential that is, and it is gone: of two who come at once, one gets it."""

        def take(connection: apsw.Connection) -> str | None:
            rows = list(
                connection.execute(
                    "DELETE FROM credentials WHERE digest = ? AND kind = ?"
                    " RETURNING person, expires_s",
                    (digest, kind),
                )
            )
            return rows[0][0] if rows and rows[0][1] > now_s else None

        return await self._database.write(take)

    async def held_by(self, person: str, kinds: Sequence[str], *, now_s: float) -> list[Credential]:
        """The person's living credentials of these kinds, newest first."""
        rows = await self._database.fetch(
            "SELECT digest, person, kind, label, created_s, expires_s FROM credentials"
            " WHERE person = ? AND expires_s > ? ORDER BY created_s DESC",
            (person, now_s),
        )
        return [Credential(*row) for row in rows if row[2] in kinds]

    async def remove_of(self, person: str, digest: str) -> bool:
        """Whether the person had it; what belongs to somebody else stays."""

        def remove(connection: apsw.Connection) -> bool:
            rows = connection.execute(
                "DELETE FROM credentials WHERE person = ? AND digest = ? RETURNING digest",
                (person, digest),
            )
            return bool(list(rows))

        return await self._database.write(remove)

    async def remove_all_of(self, person: str) -> bool:
        """Whether the person had anything."""

        def remove(connection: apsw.Connection) -> bool:
            rows = connection.execute(
                "DELETE FROM credentials WHERE person = ? RETURNING digest", (person,)
            )
            return bool(list(rows))

        return await self._database.write(remove)

    async def remove(self, digest: str) -> None:
        await self._database.execute("DELETE FROM credentials WHERE digest = ?", [(digest,)])

    async def remove_expired(self, now_s: float) -> None:
        await self._database.execute("DELETE FROM credentials WHERE expires_s <= ?", [(now_s,)])

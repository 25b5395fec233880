"""People, their groups and the digests of their credentials. No secret is ever stored.

A credential's secret is 256 random bits, so a plain SHA-256 of it cannot be turned back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from towpath.records.database import Database


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    display_name: str = ""
    email: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """`kind` is `link`, `session` or `token`; `expires_s` is a Unix time."""

    digest: str
    person: str
    kind: str
    label: str
    created_s: float
    expires_s: float


class SqliteIdentityTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_people(self, people: Sequence[Person]) -> None:
        def put(connection: apsw.Connection) -> None:
            for person in people:
                connection.execute(
                    "INSERT OR REPLACE INTO people VALUES (?, ?, ?)",
                    (person.name, person.display_name, person.email),
                )
                connection.execute("DELETE FROM memberships WHERE person = ?", (person.name,))
                connection.executemany(
                    "INSERT INTO memberships VALUES (?, ?)",
                    [(person.name, group) for group in person.groups],
                )

        await self._database.write(put)

    async def people(self) -> list[Person]:
        rows = await self._database.fetch(
            "SELECT name, display_name, email, (SELECT group_concat(team, ' ') FROM memberships"
            " WHERE person = name) FROM people ORDER BY name"
        )
        return [Person(row[0], row[1], row[2], tuple((row[3] or "").split())) for row in rows]

    async def groups_of(self, person: str) -> tuple[str, ...] | None:
        """The person's groups, or None when nobody has that name."""
        rows = await self._database.fetch(
            "SELECT team FROM people LEFT JOIN memberships ON person = name WHERE name = ?"
            " ORDER BY team",
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

    async def remove(self, digest: str) -> None:
        await self._database.execute("DELETE FROM credentials WHERE digest = ?", [(digest,)])

    async def remove_expired(self, now_s: float) -> None:
        await self._database.execute("DELETE FROM credentials WHERE expires_s <= ?", [(now_s,)])

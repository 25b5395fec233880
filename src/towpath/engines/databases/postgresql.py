"""Administration of a PostgreSQL server: databases, roles and grants, each with a known owner.

Every database and role that we make carries its owner's uid in its comment. What carries another
uid, or none, is not ours and is never touched. All names are quoted; values are parameters.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from towpath.engines.databases.port import DatabaseError, ServerAddress

CONNECT_TIMEOUT_S = 5.0
POOL_SIZE = 4
IDLE_S = 30.0


class NameTaken(DatabaseError):
    """The name belongs to something that we did not make."""


class RoleMissing(DatabaseError):
    """The role that is asked for does not exist yet."""


class DatabaseMissing(DatabaseError):
    """The database that is asked for does not exist, or no longer."""


class InUse(DatabaseError):
    """It cannot be dropped while something depends on it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What we wrote into the comment of a thing that we made."""

    owner_uid: str
    password_digest: str = ""

    def to_comment(self) -> str:
        return json.dumps({"towpath": {"owner": self.owner_uid, "password": self.password_digest}})

    @classmethod
    def from_comment(cls, comment: str | None) -> "Mark | None":
        try:
            content = json.loads(comment or "")["towpath"]
            return cls(content["owner"], content.get("password", ""))
        except (ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True, slots=True)
class DatabaseState:
    mark: Mark | None
    owner: str
    connection_limit: int


@dataclass(frozen=True, slots=True)
class RoleState:
    mark: Mark | None
    connection_limit: int
    privileges: dict[str, bool]


_PRIVILEGES = {
    "superUser": ("rolsuper", "SUPERUSER"),
    "createDb": ("rolcreatedb", "CREATEDB"),
    "createRole": ("rolcreaterole", "CREATEROLE"),
    "login": ("rolcanlogin", "LOGIN"),
    "inherit": ("rolinherit", "INHERIT"),
    "replication": ("rolreplication", "REPLICATION"),
    "bypassRls": ("rolbypassrls", "BYPASSRLS"),
}


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class PostgresServer:
    """One server through its administrator. `close()` it when done."""

    def __init__(self, address: ServerAddress, *, ssl_mode: str, database: str) -> None:
        self._address = address
        self._ssl_mode = ssl_mode
        self._database = database
        self._pool: asyncpg.Pool | None = None

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        try:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(**self._options(), min_size=0)
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection
        except (OSError, TimeoutError) as error:
            raise DatabaseError(
                f"PostgreSQL at {self._address.host}:{self._address.port} cannot be reached: "
                f"{error or 'time is up'}"
            ) from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise DatabaseError(f"PostgreSQL refuses the administrator: {error}") from error
        except asyncpg.InvalidCatalogNameError as error:
            raise DatabaseMissing(str(error)) from error
        except asyncpg.UndefinedObjectError as error:
            raise RoleMissing(str(error)) from error
        except (asyncpg.DependentObjectsStillExistError, asyncpg.ObjectInUseError) as error:
            raise InUse(str(error)) from error
        except asyncpg.PostgresError as error:
            raise DatabaseError(str(error)) from error

    @asynccontextmanager
    async def _changing(self, database: str) -> AsyncIterator[Any]:
        """A transaction that changes the database's entry in the catalogue, one at a time.

        PostgreSQL fails the second of two at once: "tuple concurrently updated".
        """
        async with self._connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"towpath {database}"
            )
            yield connection

    def _options(self) -> dict[str, Any]:
        address = self._address
        return {
            "host": address.host,
            "port": address.port,
            "user": address.username,
            "password": address.password,
            "database": self._database,
            "ssl": self._ssl_mode,
            "timeout": CONNECT_TIMEOUT_S,
            "max_size": POOL_SIZE,
            "max_inactive_connection_lifetime": IDLE_S,
        }

    async def database(self, name: str) -> DatabaseState | None:
        query = (
            "SELECT datconnlimit, pg_get_userbyid(datdba) AS owner, "
            "shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1"
        )
        async with self._connection() as connection:
            row = await connection.fetchrow(query, name)
        if row is None:
            return None
        return DatabaseState(Mark.from_comment(row["comment"]), row["owner"], row["datconnlimit"])

    async def create_database(self, name: str, *, owner_uid: str, options: str) -> None:
        """Create it under a name of its own, mark it, then give it its name.

        CREATE DATABASE cannot be part of a transaction: a crash in the middle must not leave a
        database under the final name that nobody owns.
        """
        staging = f"towpath-new-{owner_uid}"
        comment = Mark(owner_uid).to_comment()
        async with self._connection() as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {quote(staging)}")
            await connection.execute(f"CREATE DATABASE {quote(staging)} {options}")
            async with connection.transaction():
                await connection.execute(
                    f"COMMENT ON DATABASE {quote(staging)} IS {quote_text(comment)}"
                )
                await connection.execute(f"ALTER DATABASE {quote(staging)} RENAME TO {quote(name)}")

    async def alter_database(self, name: str, *, owner: str, connection_limit: int) -> None:
        async with self._changing(name) as connection:
            if owner:
                await connection.execute(f"ALTER DATABASE {quote(name)} OWNER TO {quote(owner)}")
            await connection.execute(
                f"ALTER DATABASE {quote(name)} CONNECTION LIMIT {connection_limit:d}"
            )

    async def drop_database(self, name: str, *, owner_uid: str) -> None:
        """No-op when there is none, or when it is not the owner's."""
        staging = f"towpath-new-{owner_uid}"
        async with self._connection() as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {quote(staging)}")
        state = await self.database(name)
        if state is None or state.mark is None or state.mark.owner_uid != owner_uid:
            return
        async with self._connection() as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {quote(name)} WITH (FORCE)")

    async def role(self, name: str) -> RoleState | None:
        columns = ", ".join(column for column, _ in _PRIVILEGES.values())
        query = (
            f"SELECT rolconnlimit, {columns}, shobj_description(oid, 'pg_authid') AS comment "  # noqa: S608 - column names are ours
            "FROM pg_roles WHERE rolname = $1"
        )
        async with self._connection() as connection:
            row = await connection.fetchrow(query, name)
        if row is None:
            return None
        privileges = {word: row[column] for word, (column, _) in _PRIVILEGES.items()}
        return RoleState(Mark.from_comment(row["comment"]), row["rolconnlimit"], privileges)

    async def put_role(
        self,
        name: str,
        *,
        exists: bool,
        password: str,
        mark: Mark,
        privileges: dict[str, bool],
        connection_limit: int,
    ) -> None:
        """Create or alter a role, with its password and mark, in one transaction."""
        words = [
            word if wanted else f"NO{word}"
            for key, wanted in privileges.items()
            for _, word in [_PRIVILEGES[key]]
        ]
        options = " ".join([*words, f"CONNECTION LIMIT {connection_limit:d}"])
        verb = "ALTER" if exists else "CREATE"
        async with self._connection() as connection, connection.transaction():
            await connection.execute(
                f"{verb} ROLE {quote(name)} WITH {options} PASSWORD {quote_text(password)}"
            )
            await connection.execute(
                f"COMMENT ON ROLE {quote(name)} IS {quote_text(mark.to_comment())}"
            )

    async def drop_role(self, name: str, *, owner_uid: str) -> None:
        """No-op when there is none, or when it is not the owner's. Raises InUse."""
        state = await self.role(name)
        if state is None or state.mark is None or state.mark.owner_uid != owner_uid:
            return
        async with self._connection() as connection:
            await connection.execute(f"DROP ROLE IF EXISTS {quote(name)}")

    async def granted(self, role: str, database: str, privileges: Sequence[str]) -> bool:
        """Whether the role has all of the privileges on the database by itself."""
        query = "SELECT has_database_privilege($1, $2, $3)"
        async with self._connection() as connection:
            for privilege in privileges:
                if not await connection.fetchval(query, role, database, privilege):
                    return False
        return True

    async def public_is_revoked(self, database: str) -> bool:
        query = (
            "SELECT NOT EXISTS (SELECT FROM pg_database, aclexplode(coalesce(datacl, "
            "acldefault('d', datdba))) AS entry WHERE datname = $1 AND entry.grantee = 0)"
        )
        async with self._connection() as connection:
            return bool(await connection.fetchval(query, database))

    async def grant(
        self, role: str, database: str, privileges: Sequence[str], *, revoke_public: bool
    ) -> None:
        words = ", ".join(privileges)
        async with self._changing(database) as connection:
            if revoke_public:
                await connection.execute(f"REVOKE ALL ON DATABASE {quote(database)} FROM PUBLIC")
            await connection.execute(
                f"GRANT {words} ON DATABASE {quote(database)} TO {quote(role)}"
            )

    async def revoke(self, role: str, database: str, privileges: Sequence[str]) -> None:
        words = ", ".join(privileges)
        async with self._changing(database) as connection:
            await connection.execute(
                f"REVOKE {words} ON DATABASE {quote(database)} FROM {quote(role)}"
            )

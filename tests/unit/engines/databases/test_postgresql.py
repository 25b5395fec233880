"""A real server: changed by several reconcilers at once, closed to who has no database."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.platform import free_port

from towpath.app.datadir import default_cache_dir
from towpath.engines.databases.embedded import EmbeddedPostgres, launch
from towpath.engines.databases.postgresql import PostgresServer


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "pg", cache=default_cache_dir(), port=free_port())
    async with server:
        yield server


async def test_several_may_change_one_database_at_once(postgres: EmbeddedPostgres) -> None:
    server = PostgresServer(postgres.address, ssl_mode="disable", database="postgres")
    connection = await asyncpg.connect(postgres.address.url)
    try:
        await connection.execute("CREATE ROLE reader")
        await server.create_database("orders", owner_uid="1", options="")
        await asyncio.gather(
            *(
                change
                for limit in range(20)
                for change in (
                    server.grant("reader", "orders", ["CONNECT"], revoke_public=True),
                    server.alter_database("orders", owner="", connection_limit=limit),
                    server.revoke("reader", "orders", ["TEMPORARY"]),
                )
            )
        )
        assert await server.public_is_revoked("orders")
    finally:
        await connection.close()
        await server.close()


async def test_the_servers_own_databases_are_closed_to_tenants(postgres: EmbeddedPostgres) -> None:
    address = postgres.address
    connection = await asyncpg.connect(address.url)
    try:
        await connection.execute("CREATE ROLE tenant LOGIN PASSWORD 'x'")
    finally:
        await connection.close()
    for database in ("postgres", "template1"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(
                host=address.host, port=address.port, user="tenant", password="x", database=database
            )


async def test_a_program_whose_platform_was_killed_before_it_began_does_not_begin() -> None:
    """The signal at a parent's death is asked for too late then."""
    interpreter, *options, _, program = launch(Path("/bin/true"))
    for parent, code in ((str(os.getpid()), 0), ("1", 1)):
        process = await asyncio.create_subprocess_exec(
            interpreter, *options, parent, program, stderr=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == code

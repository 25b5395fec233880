"""A PostgreSQLInstance becomes a real database that its Secret opens, and goes with it."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from tests.apis import HasClients, OpenApi
from tests.support import eventually

from towpath.app.datadir import default_cache_dir
from towpath.capabilities.infrastructure.compositions import kinds as composition_kinds
from towpath.capabilities.infrastructure.compositions.reconcile.composites import Composer
from towpath.capabilities.infrastructure.compositions.reconcile.definitions import (
    reconcile_definitions,
)
from towpath.capabilities.infrastructure.databases import kinds as database_kinds
from towpath.capabilities.infrastructure.databases.provider import provider_objects
from towpath.capabilities.infrastructure.databases.reconcile.databases import reconcile_databases
from towpath.capabilities.infrastructure.databases.reconcile.grants import reconcile_grants
from towpath.capabilities.infrastructure.databases.reconcile.roles import reconcile_roles
from towpath.capabilities.infrastructure.databases.reconcile.servers import Servers
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.infrastructure.offerings.postgresql import OBJECTS
from towpath.client.protocols import Client
from towpath.engines.databases.embedded import EmbeddedPostgres
from towpath.engines.databases.port import ServerAddress
from towpath.machinery.conditions import get_condition, is_true
from towpath.machinery.core_kinds import NAMESPACE, SECRET
from towpath.machinery.errors import NotFound, StatusError
from towpath.runtime.controller import Controller
from towpath.runtime.dynamic import DynamicControllers
from towpath.runtime.sources import Watch


@dataclass(frozen=True, slots=True)
class World:
    client: Client
    administrator: ServerAddress

    async def databases(self) -> set[str]:
        return await self._names("SELECT datname FROM pg_database")

    async def roles(self) -> set[str]:
        return await self._names("SELECT rolname FROM pg_roles")

    async def _names(self, query: str) -> set[str]:
        connection = await asyncpg.connect(self.administrator.url)
        try:
            return {row[0] for row in await connection.fetch(query)}
        finally:
            await connection.close()

    async def is_ready(self, name: str) -> bool:
        try:
            return is_true(await self.client.get(POSTGRESQL_INSTANCE, name, "demo"), "Ready")
        except NotFound:
            return False

    async def is_gone(self, name: str) -> bool:
        try:
            await self.client.get(POSTGRESQL_INSTANCE, name, "demo")
        except NotFound:
            return True
        return False

    async def request(self, name: str, **spec: str) -> None:
        instance = POSTGRESQL_INSTANCE.object(name, "demo", spec=spec)
        await self.client.create(POSTGRESQL_INSTANCE, instance)
        await eventually(lambda: self.is_ready(name), deadline_s=20)

    async def connection(self, name: str) -> dict[str, str]:
        secret = await self.client.get(SECRET, f"{name}-connection", "demo")
        return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def _controllers(client: Client) -> list[Controller]:
    composites = DynamicControllers()
    definitions = reconcile_definitions(client, composites, Composer(client).controller_for)
    servers = Servers(client)
    return [
        Controller(
            "definitions", definitions, [Watch(client, composition_kinds.DEFINITION), composites]
        ),
        Controller("roles", reconcile_roles(client, servers), [Watch(client, database_kinds.ROLE)]),
        Controller(
            "databases",
            reconcile_databases(client, servers),
            [Watch(client, database_kinds.DATABASE)],
        ),
        Controller(
            "grants", reconcile_grants(client, servers), [Watch(client, database_kinds.GRANT)]
        ),
    ]


@asynccontextmanager
async def _platform(api: HasClients, server: EmbeddedPostgres) -> AsyncIterator[World]:
    client = api.client()
    for name in ("towpath-system", "demo"):
        await client.create(NAMESPACE, NAMESPACE.object(name))
    for obj in [*provider_objects(server.address.url), *OBJECTS]:
        resource = await client.resolve(obj["apiVersion"], obj["kind"])
        await client.apply(resource, obj, manager="test")
    running = [asyncio.create_task(c.run()) for c in _controllers(client)]
    try:
        await eventually(lambda: _serves_instances(client))
        yield World(client, server.address)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _serves_instances(client: Client) -> bool:
    try:
        await client.list(POSTGRESQL_INSTANCE)
    except StatusError:
        return False
    return True


@pytest.fixture
async def world(tmp_path: Path, open_api: OpenApi) -> AsyncIterator[World]:
    postgres = EmbeddedPostgres(tmp_path / "postgres", cache=default_cache_dir(), port=15999)
    kinds = [*composition_kinds.KINDS, *database_kinds.KINDS]
    async with (
        postgres as server,
        open_api(kinds=kinds) as api,
        _platform(api, server) as world,
    ):
        yield world


async def test_its_connection_opens_a_database_of_its_own_and_no_other(world: World) -> None:
    await world.request("orders")
    await world.request("users", size="large")
    details = await world.connection("orders")
    assert set(details) == {"host", "port", "name", "username", "password"}
    connection = await _connect(details, details["name"])
    await connection.execute("CREATE TABLE visits (id serial PRIMARY KEY)")
    await connection.close()
    other = await world.connection("users")
    with pytest.raises(asyncpg.PostgresError, match="permission denied"):
        await _connect(details, other["name"])


async def test_deleting_it_drops_database_and_role_and_leaves_nothing(world: World) -> None:
    before = await world.databases(), await world.roles()
    await world.request("orders")
    assert await world.databases() != before[0]
    await world.client.delete(POSTGRESQL_INSTANCE, "orders", "demo")
    await eventually(lambda: world.is_gone("orders"), deadline_s=20)
    assert (await world.databases(), await world.roles()) == before
    with pytest.raises(NotFound):
        await world.connection("orders")


async def test_orphan_keeps_the_data_when_the_instance_goes(world: World) -> None:
    await world.request("orders", deletionPolicy="Orphan")
    name = (await world.connection("orders"))["name"]
    await world.client.delete(POSTGRESQL_INSTANCE, "orders", "demo")
    await eventually(lambda: world.is_gone("orders"), deadline_s=20)
    assert name in await world.databases()


async def test_a_name_that_somebody_else_has_is_refused_and_not_touched(world: World) -> None:
    await world.client.create(SECRET, SECRET.object("orders-connection", "demo", data={}))
    instance = POSTGRESQL_INSTANCE.object("orders", "demo", spec={})
    await world.client.create(POSTGRESQL_INSTANCE, instance)

    async def is_refused() -> bool:
        current = await world.client.get(POSTGRESQL_INSTANCE, "orders", "demo")
        ready = get_condition(current, "Ready")
        return ready is not None and ready["reason"] == "NameTaken"

    await eventually(is_refused, deadline_s=20)


async def _connect(details: dict[str, str], database: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=details["host"],
        port=int(details["port"]),
        user=details["username"],
        password=details["password"],
        database=database,
    )

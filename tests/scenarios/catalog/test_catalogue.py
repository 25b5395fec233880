"""The catalogue follows Git and the platform's objects: real API, Git host and index."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from tests.people import People, nobody
from tests.support import eventually, running_api_server

from towpath.capabilities.delivery.workloads.kinds import KINDS as WORKLOAD_KINDS
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import KINDS as PROJECT_KINDS
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.kinds import KINDS as CATALOG_KINDS
from towpath.capabilities.portal.catalog.reads import reads
from towpath.capabilities.portal.catalog.reconcile import controllers
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.platform import Platform
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import custom_resource_definition
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, PLATFORM, UserInfo
from towpath.records.contract import Viewer
from towpath.records.sqlite import SqliteRecords

REPOSITORY = RepositoryName("demo", "orders")
ANYBODY = Viewer(PLATFORM, None)
DATABASE_CRD = custom_resource_definition(POSTGRESQL_INSTANCE, spec={"type": "object"})

DESCRIPTOR = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: orders
  namespace: demo
  description: Takes orders
spec:
  type: service
  lifecycle: experimental
  owner: group:default/team-a
  providesApis: [orders]
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: orders, namespace: demo}
spec:
  type: openapi
  lifecycle: production
  owner: group:default/team-a
  definition: {$text: ./openapi.yaml}
"""


class World:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.answers = {read.path: read.answer for read in reads(platform)}

    async def push(self, **files: str | None) -> None:
        git = self.platform.git
        await git.create(REPOSITORY, owner_uid="u")
        changes = {
            path.replace("_", "-") + ".yaml": None if text is None else File(text.encode())
            for path, text in files.items()
        }
        await git.write(
            REPOSITORY,
            changes,
            message="m",
            author=Signature("alice", "a@b"),
            expected=await git.head(REPOSITORY),
        )

    async def register(self) -> None:
        spec = {"type": "git", "repository": "orders", "path": "catalog-info.yaml"}
        source = CATALOG_SOURCE.object("orders", "demo", spec=spec)
        await self.platform.api.create(CATALOG_SOURCE, source)

    async def workload(self) -> None:
        spec = {"repository": "orders", "environments": ["staging"], "owner": "team-a"}
        await self.platform.api.create(WORKLOAD, WORKLOAD.object("orders", "demo", spec=spec))

    async def database(self) -> None:
        instance = POSTGRESQL_INSTANCE.object("orders-staging-db", "demo", spec={})
        instance["metadata"]["labels"] = {
            "towpath.dev/workload": "orders",
            "towpath.dev/environment": "staging",
        }
        await self.platform.api.create(POSTGRESQL_INSTANCE, instance)

    async def entity(self, ref: str, viewer: Viewer = ANYBODY) -> RawObject | None:
        kind, _, rest = ref.partition(":")
        namespace, _, name = rest.partition("/")
        answer = cast(Any, self.answers["catalog/entities/by-name/{kind}/{namespace}/{name}"])
        parts = {"kind": kind, "namespace": namespace, "name": name}
        try:
            return cast(RawObject, await answer(viewer, parts))
        except NotFound:
            return None

    async def becomes(self, ref: str, check: Callable[[RawObject | None], bool]) -> RawObject:
        seen: list[RawObject | None] = []

        async def holds() -> bool:
            seen.append(await self.entity(ref))
            return check(seen[-1])

        await eventually(holds)
        return cast(RawObject, seen[-1])

    async def source_says(self, text: str) -> None:
        async def said() -> bool:
            source = await self.platform.api.get(CATALOG_SOURCE, "orders", "demo")
            conditions = (source.get("status") or {}).get("conditions") or []
            return any(text in condition["message"] for condition in conditions)

        await eventually(said)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(c.run()) for c in controllers(self.platform)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def relations(entity: RawObject) -> set[tuple[str, str]]:
    return {(relation["type"], relation["targetRef"]) for relation in entity["relations"]}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    people = People()
    host = EmbeddedGitHost(
        tmp_path / "git", lambda: "http://localhost:8080", people.authenticate, people.authorize
    )
    kinds = [*PROJECT_KINDS, *WORKLOAD_KINDS, *CATALOG_KINDS, DATABASE_CRD]
    async with (
        running_api_server(kinds=kinds) as api,
        host as git,
        SqliteRecords(tmp_path / "records.db") as records,
    ):
        nothing = cast(Any, None)
        platform = Platform(
            api=api.client(),
            clusters=nothing,
            git=git,
            images=nothing,
            processes=nothing,
            logs=records.logs,
            catalog=records.catalog,
            trail=records.audit,
            audit=records.audit,
            inbox=records.inbox,
            passages=records.passages,
            docs=records.docs,
            seen=records.seen,
            scores=records.scores,
            changes=records.changes,
            people=nobody,
            addresses=nothing,
            authorize=people.authorize,
            service_account_token=nothing,
            template_actions=dict,
            data_dir=tmp_path,
            cache_dir=tmp_path,
            database_url="",
            ca_file=tmp_path,
        )
        await platform.api.create(NAMESPACE, NAMESPACE.object("demo"))
        members = [
            {"kind": "User", "name": "alice", "role": "owner"},
            {"kind": "Group", "name": "team-a", "role": "developer"},
        ]
        await platform.api.create(PROJECT, PROJECT.object("demo", spec={"members": members}))
        yield World(platform)


async def test_projects_workloads_databases_and_people_appear_by_themselves(world: World) -> None:
    await world.workload()
    await world.database()
    async with world.running():
        component = await world.becomes(
            "component:demo/orders", lambda e: bool(e) and len(relations(cast(Any, e))) == 3
        )
        system = await world.becomes("system:demo/demo", bool)
        resource = await world.becomes("resource:demo/orders-staging-db", bool)
        group = await world.becomes("group:default/team-a", bool)
        await world.becomes("user:default/alice", bool)
    assert relations(component) == {
        ("ownedBy", "group:default/team-a"),
        ("partOf", "system:demo/demo"),
        ("dependsOn", "resource:demo/orders-staging-db"),
    }
    assert ("hasPart", "component:demo/orders") in relations(system)
    assert ("dependencyOf", "component:demo/orders") in relations(resource)
    assert ("ownerOf", "component:demo/orders") in relations(group)


async def test_a_descriptor_and_its_workload_are_one_component(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="openapi: 3.1.0\n")
    await world.workload()
    await world.database()
    await world.register()
    async with world.running():
        component = await world.becomes(
            "component:demo/orders",
            lambda e: bool(e) and ("providesApi", "api:demo/orders") in relations(cast(Any, e)),
        )
        api = await world.becomes("api:demo/orders", bool)
        await world.source_says("2 entities")
    assert component["spec"]["lifecycle"] == "experimental"
    assert component["metadata"]["annotations"]["towpath.dev/workload"] == "orders"
    assert ("dependsOn", "resource:demo/orders-staging-db") in relations(component)
    assert api["spec"]["definition"] == "openapi: 3.1.0\n"
    assert ("apiProvidedBy", "component:demo/orders") in relations(api)


async def test_a_push_is_read_at_once(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    async with world.running():
        await world.becomes("component:demo/orders", bool)
        await world.push(catalog_info=DESCRIPTOR.replace("Takes orders", "Takes more"))
        await world.becomes(
            "component:demo/orders",
            lambda e: bool(e) and e["metadata"]["description"] == "Takes more",
        )


async def test_an_error_keeps_what_was_there_and_says_where_it_is(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    async with world.running():
        await world.becomes("api:demo/orders", bool)
        await world.push(catalog_info=DESCRIPTOR + "\n: [")
        await world.source_says("catalog-info.yaml")
        assert await world.entity("component:demo/orders")
        await world.push(catalog_info=DESCRIPTOR.replace("owner: group:default/team-a", "", 1))
        await world.source_says("spec.owner")
        assert await world.entity("component:demo/orders")
        assert await world.entity("api:demo/orders")


async def test_a_descriptor_that_has_gone_leaves_orphans(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    async with world.running():
        await world.becomes("component:demo/orders", bool)
        await world.push(catalog_info=None)
        await world.becomes(
            "component:demo/orders",
            lambda e: bool(e) and e["metadata"]["annotations"].get("backstage.io/orphan") == "true",
        )


async def test_what_is_deleted_leaves_the_catalogue_also_while_nobody_looks(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    await world.workload()
    async with world.running():
        await world.becomes("api:demo/orders", bool)
    await world.platform.api.delete(CATALOG_SOURCE, "orders", "demo")
    await world.platform.api.delete(WORKLOAD, "orders", "demo")
    await world.platform.api.delete(PROJECT, "demo")
    async with world.running():
        for ref in ("component:demo/orders", "api:demo/orders", "system:demo/demo"):
            await world.becomes(ref, lambda entity: entity is None)


FORBIDDEN = {
    "a group": "kind: Group\nmetadata: {name: admins}\nspec: {type: team, children: []}",
    "another project's namespace": "kind: System\nmetadata: {name: x, namespace: other}\n"
    "spec: {owner: a}",
}


@pytest.mark.parametrize("text", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_a_repository_cannot_speak_for_others(world: World, text: str) -> None:
    await world.push(catalog_info=f"apiVersion: backstage.io/v1alpha1\n{text}\n")
    await world.register()
    async with world.running():
        await world.source_says("1 errors")
    assert await world.entity("group:default/admins") is None
    assert await world.entity("system:other/x") is None


async def test_people_see_what_is_theirs(world: World) -> None:
    await world.workload()
    async with world.running():
        await world.becomes("component:demo/orders", bool)
        await world.becomes("group:default/team-a", bool)
    stranger = Viewer(UserInfo("eve"), frozenset({"other"}))
    assert await world.entity("component:demo/orders", stranger) is None
    listed = await cast(Any, world.answers["catalog/entities"])(stranger, {"kind": "component"})
    assert listed["items"] == []
    group = await world.entity("group:default/team-a", stranger)
    assert group is not None
    assert group["relations"] == []


async def test_entities_are_found_by_kind_owner_and_words(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    async with world.running():
        await world.becomes("component:demo/orders", bool)
    query = {"kind": "component", "owner": "group:default/Team-A", "text": "takes"}
    page = await cast(Any, world.answers["catalog/entities"])(ANYBODY, query)
    assert [item["metadata"]["name"] for item in page["items"]] == ["orders"]
    counted = await cast(Any, world.answers["catalog/facets"])(ANYBODY, {"fields": "kind"})
    assert counted["kind"]["Component"] == 1


async def test_who_is_added_later_is_in_the_catalogue_with_their_groups(world: World) -> None:
    known = [UserInfo("admin", ("platform-admins", AUTHENTICATED))]
    changes: asyncio.Queue[None] = asyncio.Queue()

    async def people() -> list[UserInfo]:
        return known

    async def changed() -> AsyncIterator[None]:
        while True:
            await changes.get()
            yield

    world.platform = replace(world.platform, people=people, people_changed=changed)
    async with world.running():
        await world.becomes("group:default/platform-admins", bool)
        known.append(UserInfo("dora", ("team-a", AUTHENTICATED)))
        changes.put_nowait(None)
        dora = await world.becomes("user:default/dora", bool)
        group = await world.becomes("group:default/team-a", lambda e: "user:default/dora" in str(e))
    assert relations(dora) == {("memberOf", "group:default/team-a")}
    assert ("hasMember", "user:default/dora") in relations(group)
    assert await world.entity(f"group:default/{AUTHENTICATED}") is None

"""The catalogue follows Git and the platform's objects: real API, Git host and index."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.scenarios.catalog.world import ANYBODY, DESCRIPTOR, REPOSITORY, World, relations
from tests.support import eventually

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.catalog.kinds import CATALOG_EDIT, CATALOG_SOURCE
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.machinery.users import AUTHENTICATED, UserInfo
from towpath.records.contract import Viewer


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
        await world.source_says("1 error")
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


async def edited(world: World, name: str, **spec: Any) -> RawObject:
    """What became of an edit."""
    api = world.platform.api
    await api.create(CATALOG_EDIT, CATALOG_EDIT.object(name, "demo", spec=spec))
    seen: list[RawObject] = []

    async def done() -> bool:
        seen.append(await api.get(CATALOG_EDIT, name, "demo"))
        return "status" in seen[-1]

    await eventually(done)
    return cast(RawObject, seen[-1]["status"])


async def test_an_owner_is_put_right_by_a_commit_and_taken_back_by_another(world: World) -> None:
    await world.push(catalog_info=DESCRIPTOR, openapi="x: 1\n")
    await world.register()
    async with world.running():
        ref = "component:demo/orders"
        await world.becomes(ref, bool)
        made = await edited(world, "fix", entity=ref, owner="group:default/team-b")
        commit = made["commit"]
        await world.becomes(ref, lambda e: "team-b" in str(e and e["spec"]["owner"]))
        index = world.platform.catalog
        change = (await index.history(ANYBODY, ref))[0]
        assert (change.who, commit in change.why) == ("alice", True)
        await edited(world, "back", entity=ref, before=commit)
        await world.becomes(ref, lambda e: "team-a" in str(e and e["spec"]["owner"]))
        text = (await world.platform.git.files(REPOSITORY, await head(world)))["catalog-info.yaml"]
        assert text.content.decode() == DESCRIPTOR
        put = {"repository": "orders", "path": "../x.yaml", "descriptor": {}}
        for number, wrong in enumerate(
            (put, {**put, "repository": "deployments", "path": "x.yaml"})
        ):
            refused = await edited(world, f"wrong{number}", entity="system:demo/x", put=wrong)
            assert refused["conditions"][0]["reason"] == "NotPossible"
        again = await edited(world, "again", entity="system:demo/demo", owner="team-b")
        assert again["conditions"][0]["reason"] == "NotPossible"


async def head(world: World) -> CommitSHA:
    found = await world.platform.git.head(REPOSITORY)
    assert found is not None
    return found

"""Deleting leaves nothing behind: the world afterwards is the world before."""

import asyncio
from contextlib import aclosing
from typing import Any

import anyio.lowlevel
import pytest
from tests.scenarios.delivery.world import World

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.kinds import PROMOTION, RENDERING, SYNCING, phase_of
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.client.protocols import Client
from towpath.engines.git.port import RepositoryName
from towpath.machinery.conditions import is_true
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import Forbidden, NotFound, StatusError
from towpath.machinery.kinds import Resource

NOT_COMPARED = ("events", "leases")


async def census(client: Client) -> set[tuple[str, str, str]]:
    """Every object there is, by kind and name; events are history, not state."""
    found = set()
    for resource in await client.resources():
        if resource.plural in NOT_COMPARED:
            continue
        try:
            listed = await client.list(resource)
        except StatusError:
            continue
        found |= {
            (resource.kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
            for obj in listed.items
        }
    return found


async def settled(world: World) -> None:
    async def ready() -> bool:
        listed = [
            obj
            for resource in (PROJECT, ENVIRONMENT)
            for obj in (await world.platform.api.list(resource)).items
        ]
        return len(listed) == 3 and all(
            condition["status"] == "True"
            for obj in listed
            for condition in (obj.get("status") or {}).get("conditions") or [{"status": "False"}]
            if condition.get("type", "Ready") == "Ready"
        )

    await world.until(ready, "project and environments are ready")


async def is_gone(world: World, resource: Resource, name: str, namespace: str = "") -> bool:
    return await world.here(resource, name, namespace) is None


async def delete_workload(world: World) -> None:
    await world.platform.api.delete(WORKLOAD, "order-service", "demo")
    await world.until(
        lambda: is_gone(world, WORKLOAD, "order-service", "demo"), "the workload is gone"
    )


async def test_a_deleted_workload_leaves_nothing_but_its_archive(world: World) -> None:
    await settled(world)
    here, there = await census(world.platform.api), await census(world.cluster.front.client())
    await world.workload()
    source = RepositoryName("demo", "order-service")
    made = await world.platform.api.get(WORKLOAD, "order-service", "demo")
    await world.git.create(source, owner_uid=made["metadata"]["uid"])
    await world.until_runs(await world.release())
    await delete_workload(world)
    assert await census(world.platform.api) == here

    async def nothing_left() -> bool:
        return await census(world.cluster.front.client()) == there

    await world.until(nothing_left, "the cluster is as before")
    assert source not in await world.git.repositories()
    deployments = RepositoryName("demo", "deployments")
    head = await world.git.head(deployments)
    assert head is not None
    assert await world.git.files(deployments, head) == {}


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 30])
async def test_a_promotion_under_way_brings_nothing_back(world: World, turns: int) -> None:
    await settled(world)
    here, there = await census(world.platform.api), await census(world.cluster.front.client())
    await world.workload()
    await world.release()

    async def on_its_way() -> bool:
        promotions = (await world.platform.api.list(PROMOTION, "demo")).items
        return any(phase_of(promotion) in (RENDERING, SYNCING) for promotion in promotions)

    await world.until(on_its_way, "the promotion is under way")
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()
    await delete_workload(world)
    assert await census(world.platform.api) == here

    async def nothing_left() -> bool:
        return await census(world.cluster.front.client()) == there

    await world.until(nothing_left, "the cluster is as before")
    assert await census(world.platform.api) == here


async def test_a_workload_is_ready_only_when_it_runs(world: World) -> None:
    await world.workload()
    listed = await world.platform.api.list(WORKLOAD, "demo")
    name = await world.release()
    changes = world.platform.api.watch(WORKLOAD, "demo", since=listed.resource_version)
    async with asyncio.timeout(10), aclosing(changes):
        async for change in changes:
            stages = (change.object.get("status") or {}).get("environments") or ()
            if is_true(change.object, "Ready"):
                assert [stage.get("release") for stage in stages if stage["name"] == "staging"] == [
                    name
                ]
                return


async def test_data_that_is_to_be_kept_is_orphaned_first(world: World) -> None:
    await world.workload()
    await world.until_runs(await world.release())
    seen: list[Any] = []

    patch = {"spec": {"deletionPolicy": {"data": "Retain"}}}
    await world.platform.api.patch(WORKLOAD, "order-service", "demo", patch)
    hold = {"metadata": {"finalizers": ["test/hold"]}}
    name = "order-service-staging-db"
    await world.platform.api.patch(POSTGRESQL_INSTANCE, name, "demo", hold)
    await world.platform.api.delete(WORKLOAD, "order-service", "demo")

    async def deleting() -> bool:
        instance = await world.here(POSTGRESQL_INSTANCE, name, "demo")
        assert instance is not None
        seen.append(instance["spec"].get("deletionPolicy"))
        return "deletionTimestamp" in instance["metadata"]

    await world.until(deleting, "the instance is being deleted")
    assert seen[-1] == "Orphan"
    waiting = await world.platform.api.get(WORKLOAD, "order-service", "demo")
    assert waiting["status"]["conditions"]
    free = {"metadata": {"finalizers": None}}
    await world.platform.api.patch(POSTGRESQL_INSTANCE, name, "demo", free)
    await world.until(
        lambda: is_gone(world, WORKLOAD, "order-service", "demo"), "the workload is gone"
    )


async def test_a_project_with_workloads_is_not_deleted_and_says_which(world: World) -> None:
    await world.workload()
    await world.until_runs(await world.release())
    await world.platform.api.delete(PROJECT, "demo")

    async def told() -> bool:
        found = await world.platform.api.get(PROJECT, "demo")
        conditions = found["status"]["conditions"]
        return any("order-service" in (entry.get("message") or "") for entry in conditions)

    await world.until(told, "the project names the workload that is left")
    await delete_workload(world)
    await world.until(lambda: is_gone(world, PROJECT, "demo"), "the project is gone")
    assert await is_gone(world, NAMESPACE, "demo")

    async def targets_gone() -> bool:
        return await world.there(NAMESPACE, "demo-staging", "") is None

    await world.until(targets_gone, "the target namespaces are gone")


async def test_the_namespace_of_somebody_else_is_refused(world: World) -> None:
    await world.platform.api.create(NAMESPACE, NAMESPACE.object("taken"))
    await world.platform.api.create(PROJECT, PROJECT.object("taken", spec={}))

    async def told() -> bool:
        found = await world.platform.api.get(PROJECT, "taken")
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(entry["reason"] == "NamespaceTaken" for entry in conditions)

    await world.until(told, "the project says that the name is taken")


@pytest.mark.parametrize(
    ("user", "allowed"),
    [("alice", True), ("carol", True), ("dave", False)],
    ids=["an owner sees the project", "a viewer sees it", "a stranger does not"],
)
async def test_members_alone_see_their_project(world: World, user: str, allowed: bool) -> None:
    await settled(world)
    if allowed:
        assert await world.user(user).get(PROJECT, "demo")
        assert (await world.user(user).list(ENVIRONMENT, "demo")).items
        return
    with pytest.raises((Forbidden, NotFound)):
        await world.user(user).get(PROJECT, "demo")
    with pytest.raises(Forbidden):
        await world.user(user).list(ENVIRONMENT, "demo")

"""Clusters: everybody sees how large they are, nobody learns who else is on them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.portal import ALICE, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.clusters.local import CLUSTER_OBJECTS
from towpath.machinery.core_kinds import NAMESPACE, NODE, POD
from towpath.machinery.errors import NotFound
from towpath.machinery.users import MASTERS, UserInfo

ADMIN = UserInfo("admin", ("platform-admins", MASTERS, "system:authenticated"))


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        client = portal.client
        for obj in CLUSTER_OBJECTS:
            await client.create(await client.resolve(obj["apiVersion"], obj["kind"]), obj)
        node = await client.create(NODE, NODE.object("local", spec={}))
        node["status"] = {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
        }
        await client.update(NODE, node, subresource="status")
        for project in ("demo", "other"):
            if project != "demo":
                await client.create(NAMESPACE, NAMESPACE.object(project))
                await client.create(PROJECT, PROJECT.object(project, spec={}))
            await client.create(NAMESPACE, NAMESPACE.object(f"{project}-staging"))
            spec = {"cluster": "local", "mode": "auto"}
            await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", project, spec=spec))
        yield replace(portal, clusters_ask_rights=True)


async def run_pod(portal: RunningPortal, namespace: str) -> None:
    resources = {"requests": {"cpu": "1", "memory": "1Gi"}}
    spec = {"containers": [{"name": "main", "image": "x", "resources": resources}]}
    await portal.client.create(POD, POD.object("shop-1", namespace, spec=spec))


async def ill_service(portal: RunningPortal, project: str, name: str) -> None:
    spec = {"repository": name, "environments": ["staging"]}
    made = await portal.client.create(WORKLOAD, WORKLOAD.object(name, project, spec=spec))
    stage = {"name": "staging", "release": "r-1", "health": "Degraded", "sync": "Synced"}
    status = {"environments": [stage], "health": "Degraded"}
    await portal.client.update(WORKLOAD, {**made, "status": status}, subresource="status")


async def test_the_list_says_which_there_are(portal: RunningPortal) -> None:
    page = await portal.open("/clusters", user=CAROL)
    assert 'href="/clusters/local"' in page.html
    assert "4 cores, 8 GiB, 110" in page.text


async def test_a_cluster_shows_room_nodes_and_ones_own_stages(portal: RunningPortal) -> None:
    page = await portal.open("/clusters/local", user=CAROL)
    assert "0 of 4 cores requested" in page.text
    assert "demo-staging" in page.text
    assert "kubectl --context local get pods --namespace demo-staging" in page.text
    assert "v1.36.0" in page.text


async def test_what_others_ask_for_is_counted_for_administrators(portal: RunningPortal) -> None:
    await run_pod(portal, "other-staging")
    assert "0 of 4 cores requested" in (await portal.open("/clusters/local", user=ALICE)).text
    page = await portal.open("/clusters/local", user=ADMIN)
    assert "1 of 4 cores requested" in page.text
    assert "Requested by all pods" in page.text


async def test_of_other_projects_nothing_is_seen(portal: RunningPortal) -> None:
    await ill_service(portal, "other", "hidden-service")
    await ill_service(portal, "demo", "shop")
    for user in (ALICE, CAROL):
        page = await portal.open("/clusters/local", user=user)
        assert "other-staging" not in page.html
        assert "/projects/other" not in page.html
        assert "hidden-service" not in page.html
        assert 'href="/projects/demo/workloads/shop"' in page.html


async def test_a_cluster_that_is_not_there_is_not_found(portal: RunningPortal) -> None:
    with pytest.raises(NotFound):
        await portal.open("/clusters/elsewhere")

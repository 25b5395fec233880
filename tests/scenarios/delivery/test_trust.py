"""A cluster that cannot keep projects apart takes one project, unless somebody says otherwise."""

from pathlib import Path

from tests.engines.kube import KubeFront
from tests.scenarios.delivery.world import World, running_world

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, LOCAL
from towpath.machinery.conditions import get_condition


async def reason(world: World, project: str) -> str:
    found = await world.platform.api.get(ENVIRONMENT, "staging", project)
    ready = get_condition(found, "Ready")
    return str(ready["reason"]) if ready else ""


async def test_a_second_project_on_a_single_trust_cluster_needs_a_word(
    tmp_path: Path, kube_api: KubeFront | None
) -> None:
    async with running_world(tmp_path, isolation="none", kube_api=kube_api) as world:
        api = world.platform.api

        async def first_ready() -> bool:
            return await reason(world, "demo") == "Ready"

        await world.until(first_ready, "the first project may use the cluster")
        cluster = await api.get(CLUSTER, LOCAL)
        isolated = get_condition(cluster, "Isolated")
        assert isolated is not None
        assert isolated["reason"] == "SingleTrust"

        await api.create(PROJECT, PROJECT.object("other", spec={}))

        async def namespaced() -> bool:
            found = await api.get(PROJECT, "other")
            return "namespace" in (found.get("status") or {})

        await world.until(namespaced, "the second project has its namespace")
        staging = ENVIRONMENT.object("staging", "other", spec={"cluster": LOCAL})
        await api.create(ENVIRONMENT, staging)

        async def refused() -> bool:
            return await reason(world, "other") == "SingleTrust"

        await world.until(refused, "the second project is refused")
        await api.patch(CLUSTER, LOCAL, "", {"spec": {"trust": "single"}})

        async def allowed() -> bool:
            return await reason(world, "other") == "Ready"

        await world.until(allowed, "the second project is let in")

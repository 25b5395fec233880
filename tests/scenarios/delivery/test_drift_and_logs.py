"""Drift that is accepted into Git, Git brought to the cluster when asked, what is told of both."""

from tests.scenarios.delivery.world import World

from towpath.capabilities.delivery.gitops.kinds import APPLICATION, ARGOCD_NAMESPACE
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    SUCCEEDED,
    log_stream,
)
from towpath.capabilities.delivery.workloads.kinds import SYNC_ANNOTATION, WORKLOAD
from towpath.engines.git.port import RepositoryName
from towpath.machinery.core_kinds import DEPLOYMENT
from towpath.machinery.objects import RawObject

DEPLOYMENTS = RepositoryName("demo", "deployments")


async def log_of(world: World, promotion: str, step: str) -> list[str]:
    await world.platform.logs.settled()
    lines = await world.platform.logs.read(log_stream("demo", promotion, step))
    return [line.text for line in lines]


async def accept(world: World, release: str, path: str, value: str, name: str) -> None:
    change = {"kind": "Deployment", "name": "order-service", "path": path, "value": value}
    spec = {
        "workload": "order-service",
        "environment": "staging",
        "release": release,
        "requestedBy": "alice",
        "changes": [change],
    }
    await world.user("alice").create(PROMOTION, PROMOTION.object(name, "demo", spec=spec))


async def test_a_change_past_git_is_told_with_its_values_and_can_be_accepted(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    cluster = world.cluster.front.client()
    patch: RawObject = {"spec": {"replicas": 3}}
    await cluster.patch(DEPLOYMENT, "order-service", "demo-staging", patch)

    async def told() -> bool:
        drift = (await world.stage("staging")).get("drift") or {}
        return bool(drift.get("healed"))

    await world.until(told, "the drift is told and set back")
    drift = (await world.stage("staging"))["drift"]
    assert drift["values"] == [{"path": "spec.replicas", "git": "1", "live": "3"}]
    await accept(world, release, "spec.replicas", "3", "accepted")
    await world.until_phase("accepted", SUCCEEDED)
    deployment = await world.there(DEPLOYMENT, "order-service", "demo-staging")
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 3
    assert "  changed workload/deployment.yaml" in await log_of(world, "accepted", "commit")
    assert (await log_of(world, "accepted", "sync"))[-1].endswith("is synced and healthy.")


async def test_what_only_the_score_file_may_say_is_refused(world: World) -> None:
    await world.workload()
    release = await world.release()
    await world.until_runs(release)
    path = "spec.template.spec.containers[0].image"
    await accept(world, release, path, '"evil"', "refused")
    failed = await world.until_phase("refused", FAILED)
    assert "say it in score.yaml" in failed["status"]["message"]


async def test_git_is_brought_to_the_cluster_when_somebody_asks(world: World) -> None:
    await world.workload()
    await world.until_runs(await world.release())
    patch: RawObject = {"metadata": {"annotations": {SYNC_ANNOTATION: "staging"}}}
    await world.user("alice").patch(WORKLOAD, "order-service", "demo", patch)

    async def synced() -> bool:
        name = "demo-order-service-staging"
        app = await world.platform.api.get(APPLICATION, name, ARGOCD_NAMESPACE)
        by = app["status"]["operationState"]["operation"].get("initiatedBy") or {}
        return "username" in by and "operation" not in app

    await world.until(synced, "somebody's sync has been carried out")
    workload = await world.platform.api.get(WORKLOAD, "order-service", "demo")
    assert SYNC_ANNOTATION not in (workload["metadata"].get("annotations") or {})

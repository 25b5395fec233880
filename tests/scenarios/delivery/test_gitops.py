"""The sync against the world: drift, forbidden manifests, Git in trouble, mass deletion."""

from collections.abc import AsyncIterator

import pytest
from tests.scenarios.delivery.world import World, found

from towpath.capabilities.delivery.gitops.kinds import (
    ALLOW_MASS_DELETION_ANNOTATION,
    APP_PROJECT,
    APPLICATION,
    ARGOCD_NAMESPACE,
)
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, LOCAL
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.machinery.core_kinds import CLUSTER_ROLE, CONFIG_MAP, DEPLOYMENT, SERVICE
from towpath.machinery.documents import dump_document
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo

DEPLOYMENTS = RepositoryName("demo", "deployments")
APP = "demo-order-service-staging"
MALLORY = UserInfo("mallory", (MASTERS, AUTHENTICATED))


@pytest.fixture
async def running(world: World) -> AsyncIterator[World]:
    await world.workload()
    await world.until_runs(await world.release())
    yield world


async def application(world: World) -> RawObject:
    return await world.platform.api.get(APPLICATION, APP, ARGOCD_NAMESPACE)


async def commit(world: World, files: dict[str, str | None]) -> str:
    return await world.git.write(
        DEPLOYMENTS,
        {
            f"order-service/staging/workload/{name}": None if text is None else File(text.encode())
            for name, text in files.items()
        },
        message="by hand",
        author=Signature("eve", "eve@example.com"),
        expected=await world.git.head(DEPLOYMENTS),
    )


async def until_condition(world: World, kind: str, word: str) -> RawObject:
    async def told() -> bool:
        conditions = (await application(world))["status"].get("conditions") or ()
        return any(entry["type"] == kind and word in entry["message"] for entry in conditions)

    await world.until(told, f"condition {kind} with {word!r}")
    return await application(world)


async def until_drift(world: World, change: str) -> RawObject:
    async def told() -> bool:
        drift = (await application(world))["status"].get("drift") or ()
        return any(entry["change"] == change and entry["healed"] for entry in drift)

    await world.until(told, f"drift {change}, healed")
    drift: RawObject = (await application(world))["status"]["drift"][-1]
    return drift


async def test_what_somebody_changes_by_hand_is_shown_with_the_name_and_healed(
    running: World,
) -> None:
    client = running.cluster.front.client(MALLORY)
    await client.patch(DEPLOYMENT, "order-service", "demo-staging", {"spec": {"replicas": 3}})
    drift = await until_drift(running, "modified")
    assert (drift["by"], drift["fields"]) == ("mallory", ["spec.replicas"])
    healed = await running.there(DEPLOYMENT, "order-service", "demo-staging")
    assert healed is not None
    assert healed["spec"]["replicas"] == 1

    async def told() -> bool:
        return (await running.stage("staging")).get("drift", {}).get("by") == "mallory"

    await running.until(told, "the workload shows the drift too")


async def test_what_somebody_deletes_by_hand_comes_back(running: World) -> None:
    await running.cluster.front.client(MALLORY).delete(DEPLOYMENT, "order-service", "demo-staging")
    drift = await until_drift(running, "deleted")
    assert drift["by"] == "mallory"
    assert await running.there(DEPLOYMENT, "order-service", "demo-staging") is not None


async def test_a_healthy_world_is_left_alone(running: World) -> None:
    before = await application(running)
    assert before["status"]["sync"]["status"] == "Synced"
    assert before["status"]["drift"] == []


async def test_a_committed_cluster_role_is_refused_and_nothing_is_applied(running: World) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "mine"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "more"}}
    await commit(running, {"role.yaml": dump_document(role), "more.yaml": dump_document(config)})
    await until_condition(running, "SyncError", "role.yaml")
    assert await found(running.cluster.front.client(), CLUSTER_ROLE, "mine", "") is None
    assert await running.there(CONFIG_MAP, "more", "demo-staging") is None
    assert await running.there(DEPLOYMENT, "order-service", "demo-staging") is not None


async def test_a_foreign_namespace_is_refused(running: World) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "more", "namespace": "default"},
    }
    await commit(running, {"more.yaml": dump_document(config)})
    await until_condition(running, "SyncError", "more.yaml")
    assert await running.there(CONFIG_MAP, "more", "default") is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("a: [1\n", "ComparisonError", id="broken YAML"),
        pytest.param("kind: ConfigMap\n", "ComparisonError", id="an object without apiVersion"),
        pytest.param(
            "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n",
            "SyncError",
            id="a kind that is not served",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: {b: c}}\n",
            "SyncError",
            id="a field of the wrong type",
        ),
    ],
)
async def test_a_bad_manifest_is_named_and_what_runs_stays(
    running: World, text: str, kind: str
) -> None:
    await commit(running, {"bad.yaml": text})
    await until_condition(running, kind, "bad.yaml")
    assert await running.there(SERVICE, "order-service", "demo-staging") is not None


async def test_a_folder_that_vanishes_from_git_removes_nothing(running: World) -> None:
    head = await running.git.head(DEPLOYMENTS)
    assert head is not None
    files = await running.git.files(DEPLOYMENTS, head, "order-service/staging/workload")
    await commit(running, dict.fromkeys(files))
    await until_condition(running, "ComparisonError", "app path does not exist")
    assert await running.there(DEPLOYMENT, "order-service", "demo-staging") is not None


async def test_a_commit_that_removes_more_than_half_waits_for_a_person(running: World) -> None:
    head = await running.git.head(DEPLOYMENTS)
    assert head is not None
    files = await running.git.files(DEPLOYMENTS, head, "order-service/staging/workload")
    dropped = {name: None for name in files if name != "deployment.yaml"}
    revision = await commit(running, dict(dropped))
    await until_condition(running, "SyncError", "would remove")
    assert await running.there(SERVICE, "order-service", "demo-staging") is not None
    allowed = {"metadata": {"annotations": {ALLOW_MASS_DELETION_ANNOTATION: revision}}}
    await running.platform.api.patch(APPLICATION, APP, ARGOCD_NAMESPACE, allowed)
    operation = {"operation": {"sync": {"prune": True}}}
    await running.platform.api.patch(APPLICATION, APP, ARGOCD_NAMESPACE, operation)

    async def gone() -> bool:
        return await running.there(SERVICE, "order-service", "demo-staging") is None

    await running.until(gone, "the service is pruned once it is allowed")


async def test_one_resource_less_is_pruned(running: World) -> None:
    await commit(running, {"pod-disruption-budget.yaml": None})
    budgets = Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")

    async def gone() -> bool:
        return await running.there(budgets, "order-service", "demo-staging") is None

    await running.until(gone, "the budget is pruned")


async def test_waves_wait_for_the_health_of_the_one_before(running: World) -> None:
    running.sick["first"] = "it does not start"
    labels = {"app": "first"}
    first = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "first",
            "annotations": {"argocd.argoproj.io/sync-wave": "-1"},
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": "a"}]},
            },
        },
    }
    later = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "later"}}
    await commit(running, {"a.yaml": dump_document(first), "b.yaml": dump_document(later)})

    async def waits() -> bool:
        state = (await application(running))["status"]["operationState"]
        return state["phase"] == "Running" and "first" in state["message"]

    await running.until(waits, "the sync waits for the first wave")
    assert await running.there(CONFIG_MAP, "later", "demo-staging") is None
    running.sick.clear()
    await running.cluster.front.client().patch(
        DEPLOYMENT, "first", "demo-staging", {"metadata": {"labels": {"nudge": "1"}}}
    )

    async def synced() -> bool:
        return await running.there(CONFIG_MAP, "later", "demo-staging") is not None

    await running.until(synced, "the second wave follows")


async def test_our_engine_steps_aside_where_another_one_works(world: World) -> None:
    external = {"spec": {"engines": {"gitops": "external"}}}
    await world.platform.api.patch(CLUSTER, LOCAL, "", external)
    await world.workload()
    await world.release()

    async def committed() -> bool:
        return (await world.stage("staging")).get("phase") == "Syncing"

    await world.until(committed, "the promotion is in Git and waits")
    app = await application(world)
    assert not app.get("status"), "the other engine's to write"
    assert await world.there(DEPLOYMENT, "order-service", "demo-staging") is None
    embedded = {"spec": {"engines": {"gitops": "embedded"}}}
    await world.platform.api.patch(CLUSTER, LOCAL, "", embedded)

    async def deployed() -> bool:
        return await world.there(DEPLOYMENT, "order-service", "demo-staging") is not None

    await world.until(deployed, "ours takes over when it is told to")


async def test_the_deployer_may_not_do_what_the_project_list_forgot(running: World) -> None:
    """Two locks: with the list out of the way, the account's own rights still hold."""
    open_list = {"spec": {"namespaceResourceWhitelist": [{"group": "*", "kind": "*"}]}}
    await running.platform.api.patch(APP_PROJECT, "demo", ARGOCD_NAMESPACE, open_list)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine"}}
    await commit(running, {"account.yaml": dump_document(account)})
    await until_condition(running, "SyncError", "account.yaml")
    accounts = Resource("", "v1", "ServiceAccount", "serviceaccounts")
    assert await running.there(accounts, "mine", "demo-staging") is None

"""Deployments, StatefulSets, Jobs and CronJobs as people use them."""

from typing import Any

from tests.scenarios.localcluster.world import World, deployment, pod, service

from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NODE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, is_deleting

FOREVER = "while :; do sleep 0.02; done"


def template(*command: str, **spec: Any) -> RawObject:
    return {"metadata": {"labels": {"app": "t"}}, "spec": pod("x", *command, **spec)["spec"]}


async def revision_of(world: World) -> str:
    found = await world.get(DEPLOYMENT, "web")
    return str(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


async def condition(
    world: World, resource: Resource, name: str, kind: str, reason: str
) -> RawObject:
    async def found() -> RawObject | None:
        one = get_condition(await world.get(resource, name), kind) or {}
        return one if one.get("reason") == reason else None

    result: RawObject = await world.until(found, f"{name} has {kind} {reason}")
    return result


async def test_scaling_up_and_down(world: World) -> None:
    await world.client.create(DEPLOYMENT, deployment())
    await world.rolled_out()
    for wanted in (3, 1, 0):
        await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"replicas": wanted}})
        await world.rolled_out()

        async def right() -> bool:
            return len(await world.pods()) == wanted  # noqa: B023 - awaited in this round

        await world.until(right, f"there are {wanted} pods")


async def test_a_change_and_its_rollback_are_revisions(world: World) -> None:
    await world.client.create(DEPLOYMENT, deployment(env={"GREETING": "one"}))
    first = await world.rolled_out()
    assert await revision_of(world) == "1"
    changed = deployment(env={"GREETING": "two"})["spec"]["template"]
    await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"template": changed}})
    await world.rolled_out()
    assert await revision_of(world) == "2"
    back = {"spec": {"template": first["spec"]["template"]}}
    await world.client.patch(DEPLOYMENT, "web", "default", back)
    await world.rolled_out()
    assert await revision_of(world) == "3"
    assert len((await world.client.list(REPLICA_SET, "default")).items) == 2


async def test_a_bad_release_leaves_the_good_one_serving(world: World) -> None:
    await world.client.create(DEPLOYMENT, deployment(replicas=2, progressDeadlineSeconds=1))
    await world.rolled_out()
    bad = deployment(replicas=2, image="nowhere")["spec"]["template"]
    await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"template": bad}})
    await condition(world, DEPLOYMENT, "web", "Progressing", "ProgressDeadlineExceeded")
    await condition(world, DEPLOYMENT, "web", "Available", "MinimumReplicasAvailable")
    ready = [
        one
        for one in await world.pods()
        if (get_condition(one, "Ready") or {}).get("status") == "True"
    ]
    assert len(ready) == 2


async def test_recreate_never_has_two_at_once(world: World) -> None:
    spec = deployment(env={"N": "1"}, strategy={"type": "Recreate"})
    await world.client.create(DEPLOYMENT, spec)
    await world.rolled_out()
    pods = world.cluster.state[POD]
    counts: list[int] = []
    pods.subscribe(lambda _: counts.append(len(list(pods.informer.list("default")))))
    changed = deployment(env={"N": "2"})["spec"]["template"]
    await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"template": changed}})
    await world.rolled_out()
    assert max(counts) == 1


async def test_a_paused_deployment_waits(world: World) -> None:
    await world.client.create(DEPLOYMENT, deployment())
    await world.rolled_out()
    changed = deployment(env={"N": "2"})["spec"]["template"]
    patch = {"spec": {"paused": True, "template": changed}}
    await world.client.patch(DEPLOYMENT, "web", "default", patch)
    await condition(world, DEPLOYMENT, "web", "Progressing", "DeploymentPaused")
    assert len((await world.client.list(REPLICA_SET, "default")).items) == 1
    await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"paused": False}})
    await world.rolled_out()
    assert len((await world.client.list(REPLICA_SET, "default")).items) == 2


async def test_endpoints_are_the_ready_pods(world: World) -> None:
    await world.client.create(SERVICE, service())
    await world.client.create(DEPLOYMENT, deployment(replicas=2))
    await world.rolled_out()

    async def ready_addresses() -> set[str]:
        found = await world.get(ENDPOINT_SLICE, "web")
        return {
            one["addresses"][0]
            for one in found.get("endpoints") or ()
            if one["conditions"]["ready"]
        }

    async def both() -> bool:
        return await ready_addresses() == {one["status"]["podIP"] for one in await world.pods()}

    await world.until(both, "both pods are endpoints")
    assert (await world.get(ENDPOINT_SLICE, "web"))["ports"][0]["port"] == 8000
    victim = (await world.pods())[0]
    await world.client.delete(POD, victim["metadata"]["name"], "default")

    async def left() -> bool:
        return victim["status"]["podIP"] not in await ready_addresses()

    await world.until(left, "the leaving pod is no ready endpoint")
    assert is_deleting(await world.pod(victim["metadata"]["name"]))


async def test_a_stateful_set_goes_in_order(world: World) -> None:
    spec = {
        "replicas": 2,
        "serviceName": "t",
        "selector": {"matchLabels": {"app": "t"}},
        "template": template("sh", "-c", FOREVER),
    }
    world.images.programs["shell"] = ""
    await world.client.create(STATEFUL_SET, STATEFUL_SET.object("db", "default", spec=spec))

    async def complete() -> RawObject | None:
        status = (await world.get(STATEFUL_SET, "db")).get("status") or {}
        done = status.get("updatedReplicas") == status.get("readyReplicas") == 2
        return status if done and status["currentRevision"] == status["updateRevision"] else None

    before = await world.until(complete, "both are ready")
    names = [one["metadata"]["name"] for one in await world.pods("app=t")]
    assert sorted(names) == ["db-0", "db-1"]
    first = await world.pod("db-0")
    changed = template("sh", "-c", FOREVER, env=[{"name": "A", "value": "1"}])
    await world.client.patch(STATEFUL_SET, "db", "default", {"spec": {"template": changed}})

    async def replaced() -> bool:
        status = await complete()
        return status is not None and status["updateRevision"] != before["updateRevision"]

    await world.until(replaced, "both are replaced")
    assert (await world.pod("db-0"))["metadata"]["uid"] != first["metadata"]["uid"]


async def test_jobs_end_well_and_badly(world: World) -> None:
    world.images.programs["shell"] = ""
    good = {"completions": 3, "parallelism": 2, "template": template("true", restartPolicy="Never")}
    bad = {"backoffLimit": 1, "template": template("false", restartPolicy="Never")}
    await world.client.create(JOB, JOB.object("good", "default", spec=good))
    await world.client.create(JOB, JOB.object("bad", "default", spec=bad))
    await condition(world, JOB, "good", "Complete", "CompletionsReached")
    job = await world.get(JOB, "good")
    assert job["status"]["succeeded"] == 3
    assert job["status"]["completionTime"]
    await condition(world, JOB, "bad", "Failed", "BackoffLimitExceeded")
    assert (await world.get(JOB, "bad"))["status"]["failed"] == 2


async def test_a_finished_job_goes_when_its_time_is_over(world: World) -> None:
    world.images.programs["shell"] = ""
    spec = {"ttlSecondsAfterFinished": 0, "template": template("true", restartPolicy="Never")}
    await world.client.create(JOB, JOB.object("brief", "default", spec=spec))
    await world.gone(JOB, "brief")


async def test_a_cron_job_serves_each_time_once(world: World) -> None:
    world.images.programs["shell"] = ""
    spec = {
        "schedule": "* * * * *",
        "jobTemplate": {"spec": {"template": template("true", restartPolicy="Never")}},
    }
    cron = CRON_JOB.object("tick", "default", spec=spec)
    await world.client.create(CRON_JOB, cron)
    # As after an hour without the platform: one run, not sixty.
    await world.client.patch(
        CRON_JOB,
        "tick",
        "default",
        {"status": {"lastScheduleTime": "2026-01-01T00:00:00Z"}},
        subresource="status",
    )

    async def ran() -> RawObject | None:
        jobs = (await world.client.list(JOB, "default")).items
        done = [job for job in jobs if get_condition(job, "Complete")]
        return done[0] if done else None

    job = await world.until(ran, "its job is complete")
    assert job["metadata"]["ownerReferences"][0]["name"] == "tick"
    assert len((await world.client.list(JOB, "default")).items) <= 2


async def test_a_daemon_set_has_its_one_pod(world: World) -> None:
    world.images.programs["shell"] = ""
    spec = {"selector": {"matchLabels": {"app": "t"}}, "template": template("sh", "-c", FOREVER)}
    await world.client.create(DAEMON_SET, DAEMON_SET.object("agent", "default", spec=spec))

    async def ready() -> bool:
        status = (await world.get(DAEMON_SET, "agent")).get("status") or {}
        return bool(status.get("numberReady") == 1)

    await world.until(ready, "its pod is ready")


async def test_the_rest_of_a_cluster_is_there_and_honest(world: World) -> None:
    async def node_is_ready() -> bool:
        nodes = (await world.client.list(NODE)).items
        return bool(nodes) and (get_condition(nodes[0], "Ready") or {}).get("status") == "True"

    await world.until(node_is_ready, "the node is ready")

    async def account() -> bool:
        return bool((await world.client.list(SERVICE_ACCOUNT, "default")).items)

    await world.until(account, "the default service account is there")
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": target}
    autoscaler = HORIZONTAL_POD_AUTOSCALER.object("web", "default", spec=spec)
    await world.client.create(HORIZONTAL_POD_AUTOSCALER, autoscaler)
    budget = POD_DISRUPTION_BUDGET.object(
        "web", "default", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    )
    await world.client.create(POD_DISRUPTION_BUDGET, budget)
    for resource, kind in (
        (HORIZONTAL_POD_AUTOSCALER, "ScalingActive"),
        (POD_DISRUPTION_BUDGET, "DisruptionAllowed"),
    ):
        await condition(world, resource, "web", kind, "NotEnforced")

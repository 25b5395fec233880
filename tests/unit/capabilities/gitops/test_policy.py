"""When to sync, what to record, whom to name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from towpath.capabilities.delivery.gitops.kinds import ALLOW_MASS_DELETION_ANNOTATION
from towpath.capabilities.delivery.gitops.reconcile.drift import Drift, last_manager, recorded
from towpath.capabilities.delivery.gitops.reconcile.policy import (
    intent_of,
    may_attempt,
    retry_delay_s,
)
from towpath.capabilities.delivery.gitops.reconcile.status import conditions, history
from towpath.capabilities.delivery.gitops.reconcile.sync import mass_deletion
from towpath.capabilities.delivery.gitops.state.manifests import Manifest, ResourceId
from towpath.capabilities.delivery.gitops.state.world import Wanted
from towpath.machinery.conditions import timestamp
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

HEALING = {"syncPolicy": {"automated": {"selfHeal": True}}}
AUTOMATED: RawObject = {"syncPolicy": {"automated": {}}}


def ago(seconds: float) -> str:
    return timestamp(datetime.now(UTC) - timedelta(seconds=seconds))


def state(phase: str, *, digest: str = "new", retries: int = 0, ended_s: float = 0) -> RawObject:
    """`ended_s` seconds before the test runs: see `as_of_now`, for cases are collected earlier."""
    operation = {"phase": phase, "digest": digest, "retryCount": retries, "ended_s": ended_s}
    return {"operationState": operation}


def as_of_now(status: RawObject) -> RawObject:
    if "operationState" not in status:
        return status
    operation = dict(status["operationState"])
    return {"operationState": {**operation, "finishedAt": ago(operation.pop("ended_s"))}}


@pytest.mark.parametrize(
    ("spec", "status", "drifted", "expected"),
    [
        pytest.param({}, {}, False, False, id="nobody has asked"),
        pytest.param(AUTOMATED, {}, False, True, id="automated, and never tried"),
        pytest.param(
            AUTOMATED, state("Failed", digest="old"), False, True, id="failed, but with another"
        ),
        pytest.param(AUTOMATED, state("Failed"), False, False, id="failed a moment ago"),
        pytest.param(AUTOMATED, state("Failed", ended_s=10), False, True, id="failed a while ago"),
        pytest.param(
            AUTOMATED, state("Failed", retries=9, ended_s=60), False, False, id="failed often"
        ),
        pytest.param(
            AUTOMATED, state("Failed", retries=9, ended_s=200), False, True, id="often, long ago"
        ),
        pytest.param(AUTOMATED, state("Running"), False, True, id="a sync that goes on"),
        pytest.param(AUTOMATED, state("Succeeded"), True, False, id="drift, and no self-heal"),
        pytest.param(HEALING, state("Succeeded"), True, True, id="drift, with self-heal"),
        pytest.param(
            {"syncPolicy": {"automated": {"enabled": False}}}, {}, False, False, id="switched off"
        ),
    ],
)
def test_whether_to_sync(spec: RawObject, status: RawObject, drifted: bool, expected: bool) -> None:
    intent = intent_of({"spec": spec})
    assert may_attempt(spec, intent, as_of_now(status), "new", drifted=drifted) is expected


def test_what_is_asked_for_is_done_whatever_the_policy() -> None:
    app = {"spec": {}, "operation": {"sync": {"prune": True}}}
    intent = intent_of(app)
    assert (intent.requested, intent.prune) == (True, True)
    assert may_attempt({}, intent, as_of_now(state("Failed")), "new", drifted=False)


def test_retries_wait_longer_each_time_up_to_a_limit() -> None:
    spec = {
        "syncPolicy": {
            "retry": {
                "limit": 3,
                "backoff": {"duration": "10s", "factor": 2, "maxDuration": "30s"},
            }
        }
    }
    failed = [as_of_now(state("Failed", retries=count)) for count in range(4)]
    delays = [retry_delay_s(spec, status["operationState"]) for status in failed]
    assert [round(delay, -1) for delay in delays] == [10, 20, 30, 180]


def test_history_counts_on_and_keeps_the_newest() -> None:
    before: RawObject = {}
    for number in range(5):
        before["history"] = history(before, {"revision": f"r{number}"}, 3)
    assert [(entry["id"], entry["revision"]) for entry in before["history"]] == [
        (2, "r2"),
        (3, "r3"),
        (4, "r4"),
    ]
    assert history(before, {"revision": "r4"}, 3) == before["history"]


def test_a_condition_keeps_the_time_it_began() -> None:
    known = {"type": "SyncError", "message": "m", "lastTransitionTime": "2020-01-01T00:00:00Z"}
    found = conditions({"conditions": [known]}, [("SyncError", "m"), ("Drifted", "d")])
    assert found[0] == known
    assert found[1]["lastTransitionTime"] != known["lastTransitionTime"]


def drift(name: str) -> Drift:
    return Drift(ResourceId("apps", "Deployment", "ns", name), "modified", ("spec.a",), "alice")


def test_drift_that_lasts_is_told_once_and_healing_closes_it() -> None:
    status: RawObject = {"drift": recorded({}, [drift("a")], healed=False)}
    status["drift"] = recorded(status, [drift("a"), drift("b")], healed=False)
    assert [(entry["name"], entry["healed"]) for entry in status["drift"]] == [
        ("a", False),
        ("b", False),
    ]
    status["drift"] = recorded(status, [], healed=True)
    assert all(entry["healed"] and entry["healedAt"] for entry in status["drift"])
    status["drift"] = recorded(status, [drift("a")], healed=False)
    assert len(status["drift"]) == 3, "the same again is another drift"


def managed(manager: str, time: str, subresource: str = "") -> RawObject:
    entry = {"manager": manager, "time": time}
    return {**entry, "subresource": subresource} if subresource else entry


def test_the_last_manager_is_not_us_and_not_a_status_reporter() -> None:
    live = {
        "metadata": {
            "managedFields": [
                managed("kubectl", "2026-01-01T00:00:01Z"),
                managed("argocd-controller", "2026-01-01T00:00:02Z"),
                managed("deployments", "2026-01-01T00:00:03Z", "status"),
            ]
        }
    }
    assert last_manager(live) == "kubectl"
    assert last_manager({"metadata": {}}) == ""


def wanted(count: int) -> list[Wanted]:
    resource = Resource("", "v1", "ConfigMap", "configmaps")
    return [
        Wanted(Manifest(ResourceId("", "ConfigMap", "ns", str(n)), "v1", {}, "a.yaml"), resource)
        for n in range(count)
    ]


def objects(count: int) -> list[RawObject]:
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"old-{n}", "namespace": "ns"},
        }
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("removed", "kept", "annotations", "guarded"),
    [
        pytest.param(1, 8, {}, False, id="one of nine"),
        pytest.param(4, 4, {}, False, id="half"),
        pytest.param(5, 4, {}, True, id="more than half"),
        pytest.param(1, 0, {}, True, id="the only one"),
        pytest.param(
            5, 4, {ALLOW_MASS_DELETION_ANNOTATION: "c" * 40}, False, id="allowed for this commit"
        ),
        pytest.param(
            5, 4, {ALLOW_MASS_DELETION_ANNOTATION: "d" * 40}, True, id="allowed for another"
        ),
    ],
)
def test_mass_deletion_waits_for_a_person(
    removed: int, kept: int, annotations: dict[str, Any], guarded: bool
) -> None:
    app = {"metadata": {"name": "app", "annotations": annotations}}
    reason = mass_deletion(app, objects(removed), wanted(kept), "c" * 40)
    assert bool(reason) is guarded

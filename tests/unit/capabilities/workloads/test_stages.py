"""What a workload's status says of its environments, and where a release goes next."""

from typing import Any

import pytest

from towpath.capabilities.delivery.workloads.reconcile.advance import next_stage
from towpath.capabilities.delivery.workloads.reconcile.observe import (
    describe,
    keep_since,
    overall,
    summary,
)
from towpath.machinery.objects import RawObject


def environment(name: str, order: int, mode: str = "auto") -> RawObject:
    return {"metadata": {"name": name}, "spec": {"order": order, "mode": mode}}


def promotion(
    stage: str, phase: str, release: str = "r1", committed: str = "", message: str = ""
) -> RawObject:
    return {
        "metadata": {"name": f"{stage}-{release}-{phase}", "creationTimestamp": "2026"},
        "spec": {"environment": stage, "release": release},
        "status": {"phase": phase, "committedAt": committed, "message": message},
    }


DEV, STAGING = environment("dev", 1), environment("staging", 2)
PRODUCTION = environment("production", 3, "manual")


@pytest.mark.parametrize(
    ("environments", "promotions", "expected"),
    [
        pytest.param([STAGING, DEV, PRODUCTION], [], "dev", id="the first of all"),
        pytest.param([PRODUCTION], [], "", id="only a manual one"),
        pytest.param(
            [environment("gate", 0, "manual"), DEV], [], "", id="a manual one stands before"
        ),
        pytest.param([DEV, STAGING], [promotion("dev", "Syncing")], "", id="on its way to it"),
        pytest.param(
            [DEV, STAGING], [promotion("dev", "Succeeded")], "staging", id="on to the second"
        ),
        pytest.param([DEV, STAGING], [promotion("dev", "Failed")], "", id="failed in the first"),
        pytest.param(
            [DEV, PRODUCTION], [promotion("dev", "Succeeded")], "", id="the rest is for people"
        ),
    ],
)
def test_where_a_release_goes_next(
    environments: list[RawObject], promotions: list[RawObject], expected: str
) -> None:
    assert next_stage(environments, promotions) == expected


def app(health: str = "Healthy", sync: str = "Synced", **status: Any) -> RawObject:
    return {"status": {"health": {"status": health}, "sync": {"status": sync}, **status}}


def test_the_release_that_runs_is_the_last_that_was_committed() -> None:
    promotions = [
        promotion("staging", "WaitingForApproval", "r3", message="waits"),
        promotion("staging", "Succeeded", "r1", committed="2"),
        promotion("staging", "Succeeded", "r2", committed="1"),
    ]
    entry = describe("staging", promotions, [app(), app("Progressing")], {"r1": "c1"})
    assert entry["release"] == "r1"
    assert entry["commit"] == "c1"
    assert entry["health"] == "Progressing"
    assert (entry["phase"], entry["message"]) == ("WaitingForApproval", "waits")


def test_an_applications_complaint_is_the_workloads() -> None:
    trouble = {"conditions": [{"type": "SyncError", "message": "role.yaml: no"}]}
    entry = describe("staging", [], [app(sync="OutOfSync", **trouble)], {})
    assert (entry["sync"], entry["message"]) == ("OutOfSync", "role.yaml: no")


def pod(health: str, **more: Any) -> RawObject:
    return {"kind": "Pod", "name": "p", "health": {"status": health, "message": "It ends."}, **more}


@pytest.mark.parametrize(
    ("pods", "health"),
    [
        pytest.param([pod("Degraded")], "Degraded", id="it keeps ending"),
        pytest.param([pod("Degraded"), pod("Healthy")], "Degraded", id="the one before serves"),
        pytest.param([pod("Degraded", leaving=True), pod("Healthy")], "Progressing", id="it goes"),
        pytest.param([pod("Progressing")], "Progressing", id="it starts"),
    ],
)
def test_what_keeps_ending_makes_no_progress(pods: list[RawObject], health: str) -> None:
    entry = describe("staging", [], [app("Progressing", tree=pods)], {})
    assert entry["health"] == health
    assert overall([entry]) == health


def test_how_long_it_has_been_well_is_of_that_environment_and_release() -> None:
    before = {"health": "Healthy", "release": "r1", "healthSince": "2026-01-01T00:00:00Z"}
    same = {"health": "Healthy", "release": "r1", "phase": "WaitingForApproval", "sync": "x"}
    keep_since(same, before)
    assert same["healthSince"] == before["healthSince"]
    for change in ({"health": "Degraded"}, {"release": "r2"}):
        other = {"health": "Healthy", "release": "r1", **change}
        keep_since(other, before)
        assert other["healthSince"] > before["healthSince"]


def test_the_newest_drift_is_shown() -> None:
    def drift(name: str, at: str) -> RawObject:
        return {
            "kind": "Deployment",
            "name": name,
            "change": "modified",
            "fields": ["spec.replicas"],
            "by": "alice",
            "at": at,
            "healed": True,
        }

    apps = [app(drift=[drift("a", "1"), drift("b", "1")]), app(drift=[drift("c", "0")])]
    assert describe("staging", [], apps, {})["drift"]["resource"] == "Deployment b"


def test_the_summary_reads_like_a_line() -> None:
    stages = [{"name": "staging", "release": "r1", "health": "Healthy"}, {"name": "production"}]
    assert summary(stages) == "staging: r1 Healthy, production: -"

"""Approvals, rivals and progress: the pure decisions of a promotion."""

from typing import Any

import pytest

from towpath.capabilities.delivery.gitops.kinds import sickest_part
from towpath.capabilities.delivery.promotions.reconcile.commit import commit_message
from towpath.capabilities.delivery.promotions.reconcile.observe import progress_of
from towpath.capabilities.delivery.promotions.reconcile.supersede import newest_rival
from towpath.hooks.approvals import Asked, weigh
from towpath.hooks.deciding import approval_name
from towpath.machinery.objects import RawObject
from towpath.runtime.steps import Subject


def approval(user: str, decision: str = "Approve", subject: str = "p", at: int = 0) -> RawObject:
    return {
        "metadata": {"name": f"{user}-{at}", "creationTimestamp": f"2026-01-01T00:00:0{at}Z"},
        "spec": {
            "user": user,
            "decision": decision,
            "subject": {"kind": "Promotion", "name": subject},
        },
    }


@pytest.mark.parametrize(
    ("approvals", "counting"),
    [
        pytest.param([], 0, id="nobody"),
        pytest.param([approval("bob")], 1, id="somebody else"),
        pytest.param([approval("alice")], 0, id="the requester"),
        pytest.param([approval("bob"), approval("bob", at=1)], 1, id="one person twice"),
        pytest.param([approval("bob"), approval("carol")], 2, id="two people"),
        pytest.param([approval("bob", subject="other")], 0, id="for another promotion"),
        pytest.param([approval("alice", "Reject")], 1, id="the requester takes it back"),
    ],
)
def test_whose_decision_counts(approvals: list[RawObject], counting: int) -> None:
    asked = Asked("Promotion", "p", "demo", "1", "2026-01-01T00:00:00Z", "alice")
    decisions = weigh(asked, approvals, {})
    assert sum(1 for decision in decisions if decision["counts"]) == counting


def promotion(name: str, second: int = 0, phase: str = "Pending", **spec: Any) -> RawObject:
    place = {"workload": "w", "environment": "staging", "release": "r", "requestedBy": "alice"}
    status = {"phase": phase}
    if phase != "Pending":
        status["startedAt"] = f"2026-01-01T00:00:0{second}.{name[-1] * 6}Z"
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": f"2026-01-01T00:00:0{second}Z",
        },
        "spec": {**place, **spec},
        "status": status,
    }


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], None, id="it is alone"),
        pytest.param([promotion("p2", 2)], "p2", id="a newer one waits"),
        pytest.param([promotion("p0", 0)], None, id="an older one waits"),
        pytest.param([promotion("p2", 2, "Succeeded")], "p2", id="a newer one has succeeded"),
        pytest.param([promotion("p2", 2, "Failed")], None, id="a newer one has failed"),
        pytest.param(
            [promotion("p2", 1, "Succeeded")], None, id="one of the same second is done already"
        ),
        pytest.param([promotion("p2", 2, environment="production")], None, id="elsewhere"),
        pytest.param([promotion("p2", 2), promotion("p3", 3)], "p3", id="the newest of several"),
    ],
)
def test_the_newest_rival_takes_the_place(others: list[RawObject], expected: str | None) -> None:
    mine = promotion("p1", 1, "Syncing")
    rival = newest_rival(Subject(mine, mine), [mine, *others])
    assert (rival and rival["metadata"]["name"]) == expected


def application(sync: str, health: str, **more: Any) -> RawObject:
    return {"sync": {"status": sync}, "health": {"status": health}, **more}


FAILED = {"phase": "Failed", "message": "deployment.yaml: no", "retryCount": 0}


@pytest.mark.parametrize(
    ("status", "arrived", "failed"),
    [
        pytest.param(application("Synced", "Healthy"), True, False, id="synced and healthy"),
        pytest.param(application("Synced", "Progressing"), False, False, id="on its way"),
        pytest.param(application("Synced", "Degraded"), False, True, id="degraded"),
        pytest.param(application("OutOfSync", "Healthy"), False, False, id="not synced yet"),
        pytest.param(
            application("OutOfSync", "Healthy", operationState=FAILED),
            False,
            False,
            id="failed once",
        ),
        pytest.param(
            application("OutOfSync", "Healthy", operationState={**FAILED, "retryCount": 3}),
            False,
            True,
            id="failed again and again",
        ),
    ],
)
def test_progress(status: RawObject, arrived: bool, failed: bool) -> None:
    progress = progress_of("app", status)
    assert (progress.arrived, progress.failed) == (arrived, failed)
    assert progress.arrived or progress.message


def test_a_pods_own_reason_comes_before_its_deployments_sum() -> None:
    status = {
        "tree": [
            {
                "kind": "Pod",
                "name": "a-1",
                "health": {"status": "Degraded", "message": "exit code 1"},
            }
        ],
        "resources": [
            {"kind": "Deployment", "name": "a", "health": {"status": "Degraded", "message": "late"}}
        ],
    }
    assert sickest_part(status) == "Pod a-1: exit code 1."


def test_a_commit_says_who_why_and_which_promotion() -> None:
    given = promotion("p1", reason="because")
    given["status"]["approvals"] = [
        {"user": "bob", "decision": "Approve", "counts": True},
        {"user": "alice", "decision": "Approve", "counts": False},
    ]
    message = commit_message(given)
    assert message.splitlines()[0] == "Promote w to staging: r"
    assert "because" in message
    assert "Approved-by: bob\n" in message
    assert "Approved-by: alice" not in message
    assert message.endswith("Towpath-Promotion: p1\n")


@pytest.mark.parametrize("user", ["bob", "bob@example.com", "system:serviceaccount:a:b", "Bob"])
def test_a_decisions_name_is_an_objects_name_and_one_for_each_person(user: str) -> None:
    name = approval_name("Promotion", "p", user)
    assert name == name.lower()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert (name == "p-bob") == (user == "bob")

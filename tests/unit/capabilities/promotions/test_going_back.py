"""Which release a rollback leads to, and what the page says of one that was never approved."""

import pytest

from towpath.capabilities.delivery.promotions.kinds import release_to_go_back_to
from towpath.capabilities.delivery.promotions.timeline import run_of
from towpath.machinery.objects import RawObject


def promotion(release: str, phase: str, committed: str = "") -> RawObject:
    status = {"phase": phase, **({"committedAt": committed, "commit": "c"} if committed else {})}
    metadata = {"name": f"shop-{release}", "namespace": "demo"}
    spec = {
        "workload": "shop",
        "release": release,
        "environment": "staging",
        "requestedBy": "alice",
    }
    return {"metadata": metadata, "spec": spec, "status": status}


FIRST = promotion("one", "Succeeded", "2026-01-01T00:00:01Z")
SECOND = promotion("two", "Succeeded", "2026-01-01T00:00:02Z")
THIRD = promotion("three", "Succeeded", "2026-01-01T00:00:03Z")
BACK = promotion("two", "Succeeded", "2026-01-01T00:00:04Z")
FURTHER = promotion("one", "Succeeded", "2026-01-01T00:00:05Z")


@pytest.mark.parametrize(
    ("promotions", "running", "wanted"),
    [
        ([], "", ""),
        ([FIRST], "one", ""),
        ([SECOND, FIRST], "two", "one"),
        ([FIRST, SECOND], "", "one"),
        ([THIRD, SECOND, FIRST], "three", "two"),
        ([BACK, THIRD, SECOND, FIRST], "two", "one"),
        ([BACK, THIRD, SECOND, FIRST], "", "one"),
        ([FURTHER, BACK, THIRD, SECOND, FIRST], "one", ""),
        ([SECOND, FIRST], "elsewhere", "two"),
        ([promotion("bad", "Failed", "2026-01-01T00:00:03Z"), SECOND, FIRST], "two", "two"),
        ([promotion("bad", "Failed"), SECOND, FIRST], "two", "one"),
        ([promotion("next", "WaitingForApproval"), SECOND, FIRST], "two", "one"),
    ],
)
def test_what_a_rollback_leads_to(promotions: list[RawObject], running: str, wanted: str) -> None:
    assert release_to_go_back_to(promotions, running) == wanted


def test_what_was_superseded_while_it_waited_was_never_approved() -> None:
    superseded = promotion("one", "Superseded")
    waiting = {"type": "Approved", "status": "False", "reason": "WaitingForApproval"}
    superseded["status"]["conditions"] = [waiting]
    (group,) = run_of(superseded, None, logs={}).groups
    told = {step.id: step.phase for step in group.steps}
    assert told["approval"] == "Superseded"
    assert "Succeeded" not in {told["commit"], told["sync"]}

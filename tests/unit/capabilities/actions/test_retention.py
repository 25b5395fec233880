"""Which runs go: the oldest that have ended, and none that something still goes back to."""

from typing import Any

from towpath.capabilities.portal.actions.retention import RUNS_KEPT, to_go


def run(number: int, phase: str = "Succeeded", **plan: Any) -> dict[str, Any]:
    made = f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"
    metadata = {"name": f"run-{number}", "creationTimestamp": made}
    return {"metadata": metadata, "status": {"phase": phase, "plan": plan}}


def test_the_oldest_go() -> None:
    runs = [run(number) for number in range(RUNS_KEPT + 2)]
    assert {one["metadata"]["name"] for one in to_go(runs)} == {"run-0", "run-1"}


def test_what_goes_on_and_what_has_a_lease_stays() -> None:
    old = [run(0, "WaitingForApproval"), run(1, lease={"towpath.dev/expires": "x"})]
    assert to_go([*old, *(run(number) for number in range(2, RUNS_KEPT + 2))]) == []

"""`towpath show`: how a service is, each sentence once."""

import pytest

from towpath.capabilities.delivery.workloads.commands import _how_it_is
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.machinery.conditions import set_condition

WHY = "Container main ends with exit code 3, again and again."


@pytest.mark.parametrize(
    ("ready", "stage", "told"),
    [
        (f"staging: {WHY}", WHY, ["Ready: no.", f"staging: {WHY}"]),
        (WHY, WHY, ["Ready: no.", f"staging: {WHY}"]),
        ("Its repository is gone.", WHY, ["Ready: no. Its repository is gone.", f"staging: {WHY}"]),
        ("It waits for a release.", "", ["Ready: no. It waits for a release."]),
    ],
)
def test_a_sentence_is_said_once(ready: str, stage: str, told: list[str]) -> None:
    workload = WORKLOAD.object("shop", "demo", spec={})
    set_condition(workload, "Ready", status=False, reason="Degraded", message=ready)
    assert list(_how_it_is(workload, [{"name": "staging", "message": stage}])) == told

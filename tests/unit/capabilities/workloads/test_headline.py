"""The health sentence: is it well, since when, and what differs between the stages."""

from typing import Any

import pytest

from towpath.capabilities.delivery.workloads.lanes import Facts, Headline, headline, lanes_of
from towpath.machinery.objects import RawObject

OLD, NEW = "shop-11111111", "shop-22222222"


def release(name: str, second: int) -> RawObject:
    created = f"2026-01-01T00:00:{second:02}Z"
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {"commit": name[-8:] * 5},
    }


def promotion(phase: str, release: str = NEW, **status: Any) -> RawObject:
    created = "2026-01-01T00:01:00Z"
    return {
        "metadata": {"name": "p", "creationTimestamp": created},
        "spec": {"environment": "staging", "release": release, "requestedBy": "alice"},
        "status": {"phase": phase, **status},
    }


def told(stages: dict[str, dict[str, Any]], *promotions: RawObject) -> Headline:
    later = "2026-01-01T23:00:00Z"
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": later}
    entries = [{"name": name, "health": "Healthy", **stage} for name, stage in stages.items()]
    workload = {
        "metadata": {"name": "shop"},
        "spec": {"environments": ["staging", "production"]},
        "status": {"latestRelease": NEW, "environments": entries, "conditions": [condition]},
    }
    environments = [
        {"metadata": {"name": name}, "spec": {"cluster": "local", "order": order}}
        for order, name in enumerate(("staging", "production"))
    ]
    releases = [release(OLD, 1), release(NEW, 2)]
    facts = Facts(workload, environments, releases, promotions)
    return headline(facts, lanes_of(facts))


def test_a_stage_that_is_ahead_is_named() -> None:
    found = told({"staging": {"release": NEW}, "production": {"release": OLD}})
    assert (found.health, found.place) == ("Healthy", "in production")
    assert found.rest == "staging is 1 release ahead"


def test_the_sickest_stage_is_told() -> None:
    sick = {"release": NEW, "health": "Degraded"}
    found = told({"staging": sick, "production": {"release": OLD}})
    assert (found.health, found.place) == ("Degraded", "in staging")


def test_it_is_well_since_that_environment_was_last_unwell() -> None:
    arrived = promotion("Succeeded", finishedAt="2026-01-01T00:02:00.5Z", committedAt="x")
    stage = {"release": NEW, "healthSince": "2026-01-01T00:01:00Z"}
    assert told({"staging": stage}, arrived).since == "2026-01-01T00:02:00.5Z"
    later = "2026-01-01T09:00:00Z"
    assert told({"staging": {**stage, "healthSince": later}}, arrived).since == later


def test_a_release_that_nobody_has_promoted_waits() -> None:
    assert told({"staging": {}}) == Headline("Pending", f"{NEW} waits to be promoted to staging")


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(
            promotion("Failed"),
            Headline("Failed", f"{NEW} did not come to staging"),
            id="the first promotion failed",
        ),
        pytest.param(
            promotion("Syncing", conditions=[{"type": "Synced", "reason": "Unhealthy"}]),
            Headline("Degraded", f"{NEW} does not come up in staging"),
            id="it does not come up",
        ),
        pytest.param(
            promotion("Syncing"),
            Headline("Progressing", f"{NEW} is on its way to its first stage"),
            id="it is on its way",
        ),
    ],
)
def test_before_anything_runs(one: RawObject, expected: Headline) -> None:
    assert told({"staging": {}}, one) == expected

"""The tab Checks of a service that scorecards judge: how far it is, and the way to mend it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, CAROL, RunningPortal, running_portal

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.actions.kinds import ACTION
from towpath.capabilities.portal.scorecards.kinds import SCORECARD
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.objects import RawObject
from towpath.records.scoring import RuleVerdict, Score

TAB = "/projects/demo/workloads/shop/checks"
RULES: list[RawObject] = [
    {
        "id": "docs",
        "title": "Has docs",
        "level": "Bronze",
        "expression": "false",
        "fix": "Write some.",
        "action": "write-docs",
    },
    {"id": "owner", "title": "Is owned", "level": "Silver", "check": "owner"},
]
WRITE_DOCS: RawObject = {
    "title": "Write the first page",
    "operation": "DAY-2",
    "target": {"apiVersion": "towpath.dev/v1alpha1", "kind": "Workload"},
    "backend": {"type": "webhook", "webhook": {"url": "https://hooks.example.org/docs"}},
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        stages = ["staging"]
        spec = {"repository": "shop", "environments": stages, "owner": "team-a"}
        await portal.client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
        card = {"title": "Basics", "levels": [{"name": "Bronze"}, {"name": "Silver"}]}
        card = {**card, "rules": RULES}
        await portal.client.create(
            SCORECARD, SCORECARD.object("basics", SYSTEM_NAMESPACE, spec=card)
        )
        await portal.client.create(ACTION, ACTION.object("write-docs", "demo", spec=WRITE_DOCS))
        verdicts = (RuleVerdict("docs", "Failed"), RuleVerdict("owner", "Failed", "Nobody."))
        name, ref = f"{SYSTEM_NAMESPACE}/basics", "component:demo/shop"
        score = Score(name, ref, "Shop", "demo", "", "", 0, 0, verdicts)
        await portal.records.scores.settle(ref, [score])
        yield portal


async def test_a_service_shows_its_level_and_checks_as_they_are_now(portal: RunningPortal) -> None:
    page = await portal.open(TAB)
    assert "Basics" in page.text
    assert "No level" in page.text
    assert "team-a owns it." in page.text, "what was recorded of a check is older than this"
    other = page.text.partition("Other checks")[2]
    assert "Says what it is for" in other
    assert "Has an owner" not in other


async def test_the_action_of_a_rule_is_offered_to_who_may_run_it(portal: RunningPortal) -> None:
    page = await portal.open(TAB, user=ALICE)
    assert 'href="/projects/demo/actions/demo/write-docs?_target=shop"' in page.html
    assert "Write the first page" in page.text
    carols = await portal.open(TAB, user=CAROL)
    assert "write-docs" not in carols.html
    assert "Write some." in carols.text

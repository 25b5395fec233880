"""The pages of Insights: what is judged, by whom, who is where, and only what one may see."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, RunningPortal, running_portal

from towpath.capabilities.portal.scorecards.demo import READINESS
from towpath.capabilities.portal.scorecards.kinds import INITIATIVE, SCORECARD
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import Invalid, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.scoring import RuleVerdict, Score

CARD = "/insights/scorecards/towpath-system/readiness"
RULES = [rule["id"] for rule in READINESS["rules"]]
EVIL = "<img src=x onerror=alert(1)>"


def score(name: str, rank: int, project: str = "demo") -> Score:
    verdicts = tuple(RuleVerdict(one, "Passed" if rank else "Failed", EVIL) for one in RULES)
    ref, owner = f"component:{project}/{name}", "group:default/team-a"
    level = ["", "Bronze", "Silver", "Gold"][rank]
    name_of = f"{SYSTEM_NAMESPACE}/readiness"
    return Score(name_of, ref, name, project, owner, level, rank, rank, verdicts)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        yield portal


@pytest.fixture
async def judged(portal: RunningPortal) -> RunningPortal:
    await portal.client.create(
        SCORECARD, SCORECARD.object("readiness", SYSTEM_NAMESPACE, spec=READINESS)
    )
    for one in (score("shop", 3), score("cart", 0), score("bank", 0, "secret")):
        await portal.records.scores.settle(one.ref, [one])
    return portal


async def test_an_empty_page_says_how_to_begin(portal: RunningPortal) -> None:
    page = await portal.open("/insights")
    assert "There is no scorecard yet" in page.text
    assert "towpath apply --file scorecard.yaml" in page.text


async def test_scorecards_are_listed_with_what_the_visitor_may_see(judged: RunningPortal) -> None:
    page = await judged.open("/insights")
    assert f'href="{CARD}"' in page.html
    assert "2 entities are judged" in page.text


async def test_a_scorecard_shows_rules_teams_and_entities(judged: RunningPortal) -> None:
    page = await judged.open(CARD)
    assert "1 Gold, 1 with no level" in page.text
    assert "Its last stage runs the newest release" in page.text
    assert EVIL not in page.html
    assert "secret" not in page.text
    assert "bank" not in page.text


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("level=Gold", "shop", "cart"),
        ("rule=docs", "cart", "shop"),
        ("owner=group:default/team-a", "cart", "Nothing fits"),
        ("owner=none", "Nothing fits", "cart"),
        ("level=Platinum", "shop", "Nothing fits"),
        ("page=7", "Nothing is judged", "Nothing fits"),
    ],
)
async def test_entities_are_narrowed_down(
    judged: RunningPortal, query: str, there: str, not_there: str
) -> None:
    entities = (await judged.open(f"{CARD}?{query}")).html.partition('id="entities"')[2]
    assert there in entities
    assert not_there not in entities


async def test_an_initiative_shows_what_is_left(judged: RunningPortal) -> None:
    spec = {"title": "Gold", "scorecard": "readiness", "level": "Gold", "due": "2026-12-24"}
    await judged.client.create(INITIATIVE, INITIATIVE.object("gold", SYSTEM_NAMESPACE, spec=spec))
    page = await judged.open("/insights/initiatives/towpath-system/gold")
    assert "1 of 2 done; due on 2026-12-24" in page.text
    assert "Reach Gold of Readiness" in page.text
    assert "bank" not in page.text
    assert "1 of 2" in (await judged.open("/insights")).text


async def test_a_scorecard_of_another_project_is_not_there(judged: RunningPortal) -> None:
    with pytest.raises(NotFound):
        await judged.open("/insights/scorecards/demo/nothing", user=ALICE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": [{"name": "Bronze"}, {"name": "Bronze"}]}, "two levels have one name"),
        ({"levels": [{"name": "Other"}]}, "names a level that is not among"),
        (
            {"rules": [{"id": "a", "title": "A", "level": "Gold"}]},
            "give an expression, or the check",
        ),
    ],
    ids=["levels of one name", "a level that is not there", "a rule that asks nothing"],
)
async def test_the_api_refuses_what_cannot_be(
    portal: RunningPortal, change: RawObject, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await portal.client.create(
            SCORECARD, SCORECARD.object("bad", SYSTEM_NAMESPACE, spec={**READINESS, **change})
        )
    assert words in str(caught.value)

"""Whom an initiative reminds, when, and what counts as done."""

from datetime import date
from typing import Any

import pytest

from towpath.capabilities.portal.scorecards.initiatives import goal_of, reminders
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import Notice
from towpath.records.scoring import RuleVerdict, Score, ScoreFilter
from towpath.runtime.outcomes import Stalled

CARD: RawObject = {
    "spec": {
        "title": "Readiness",
        "levels": [{"name": "Bronze"}, {"name": "Silver"}],
        "rules": [{"id": "docs", "title": "Has docs"}, {"id": "owner", "title": "Has an owner"}],
    }
}
ALICE, BOB = UserInfo("alice", ("team-a",)), UserInfo("Bob", ())


def initiative(**spec: Any) -> RawObject:
    given = {
        "title": "Docs for all",
        "scorecard": "readiness",
        "due": "2026-12-24",
        "remindDaysBefore": [14, 3],
        **({"level": "Silver"} if "rules" not in spec else {}),
        **spec,
    }
    metadata = {"name": "docs", "namespace": "demo", "uid": "1"}
    return {"metadata": metadata, "spec": given}


def score(rank: int, owner: str) -> Score:
    verdicts = (RuleVerdict("docs", "Failed"), RuleVerdict("owner", "Passed"))
    return Score("demo/r", f"component:demo/{owner}", "Shop", "demo", owner, "", rank, 0, verdicts)


def told(today: str, *left: Score, **spec: Any) -> list[Notice]:
    asked = initiative(**spec)
    people = (ALICE, BOB)
    return list(reminders(asked, goal_of(asked, CARD), left, date.fromisoformat(today), people))


def test_below_a_level_is_left() -> None:
    goal = goal_of(initiative(level="Silver"), CARD)
    assert goal.sentence == "Reach Silver of Readiness"
    assert goal.left(ScoreFilter("demo/r")) == ScoreFilter("demo/r", below=2)


def test_what_does_not_pass_every_rule_is_left() -> None:
    goal = goal_of(initiative(rules=["owner", "docs"]), CARD)
    assert goal.sentence == "Has an owner; Has docs"
    assert goal.left(ScoreFilter("demo/r")) == ScoreFilter("demo/r", failing=("docs", "owner"))


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"level": "Platinum"}, "Bronze, Silver"), ({"rules": ["nothing"]}, "no rule nothing")],
    ids=["a level", "a rule"],
)
def test_what_the_scorecard_does_not_have_is_named(spec: RawObject, words: str) -> None:
    with pytest.raises(Stalled) as caught:
        goal_of(initiative(**spec), CARD)
    assert words in caught.value.message


def test_owners_are_told_by_name_and_by_team_from_the_first_day_of_reminding() -> None:
    left = (score(0, "group:default/team-a"), score(0, "user:default/bob"), score(0, ""))
    assert told("2026-12-01", *left) == []
    notices = told("2026-12-10", *left)
    assert [one.person for one in notices] == ["alice", "Bob"]
    assert "1 of yours is left" in notices[0].title


def test_each_step_tells_once() -> None:
    left = score(0, "group:default/team-a")
    causes = [told(day, left)[0].cause for day in ("2026-12-10", "2026-12-12", "2026-12-22")]
    assert causes[0] == causes[1] != causes[2]
    (late,) = told("2026-12-25", left)
    assert "was due on 2026-12-24" in late.title
    assert late.cause not in causes


def test_nobody_is_told_when_nothing_is_left() -> None:
    assert told("2026-12-23") == []

"""What a scorecard finds about an entity: levels, rules that look for what is missing, errors."""

from datetime import UTC, datetime
from typing import Any

import pytest

from towpath.capabilities.portal.scorecards.demo import READINESS
from towpath.capabilities.portal.scorecards.judging import (
    BadScorecard,
    Subject,
    applies,
    check_expressions,
    judge,
)
from towpath.hooks.checks import Outcome, Verdict
from towpath.machinery.objects import RawObject
from towpath.records.scoring import RuleVerdict, Score

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LEVELS = [{"name": "Bronze"}, {"name": "Silver"}, {"name": "Gold"}]
ENTITY: RawObject = {
    "kind": "Component",
    "metadata": {"name": "shop", "annotations": {"example.org/runbook": "/run"}},
    "spec": {"type": "service", "lifecycle": "production"},
}


def subject(**more: Any) -> Subject:
    given = {"entity": ENTITY, "project": "demo", "owner": "group:default/team-a", **more}
    return Subject(ref="component:demo/shop", title="Shop", **given)


def rule(level: str, expression: str, **more: Any) -> RawObject:
    return {
        "id": f"r-{len(expression)}",
        "title": "T",
        "level": level,
        "expression": expression,
    } | more


def judged(rules: list[RawObject], **more: Any) -> Score:
    spec = {"title": "Card", "levels": LEVELS, "rules": rules}
    checks: dict[str, Verdict] = more.pop("checks", {})
    return judge("demo/card", spec, subject(**more), checks, NOW)


def only(score: Score) -> RuleVerdict:
    (verdict,) = score.verdicts
    return verdict


@pytest.mark.parametrize(
    ("passing", "level", "rank"),
    [
        ((), "", 0),
        (("Bronze",), "Bronze", 1),
        (("Bronze", "Silver"), "Silver", 2),
        (("Bronze", "Silver", "Gold"), "Gold", 3),
        (("Silver", "Gold"), "", 0),
        (("Bronze", "Gold"), "Bronze", 1),
    ],
    ids=["none", "the lowest", "two", "all", "without the lowest", "with one left out"],
)
def test_a_level_needs_its_rules_and_those_below(
    passing: tuple[str, ...], level: str, rank: int
) -> None:
    rules = [
        {
            "id": name.lower(),
            "title": name,
            "level": name,
            "expression": str(name in passing).lower(),
        }
        for name in ("Bronze", "Silver", "Gold")
    ]
    score = judged(rules)
    assert (score.level, score.rank, score.passed) == (level, rank, len(passing))


def test_a_level_without_rules_comes_with_the_one_below() -> None:
    assert judged([rule("Bronze", "true")]).level == "Gold"
    assert judged([rule("Gold", "false")]).level == "Silver"


@pytest.mark.parametrize(
    ("expression", "outcome", "words"),
    [
        ("entity.spec.lifecycle == 'production'", Outcome.PASSED, ""),
        ("entity.spec.lifecycle == 'experimental'", Outcome.FAILED, ""),
        ("entity.spec.system != ''", Outcome.FAILED, "Not set: system."),
        ("'example.org/runbook' in entity.metadata.annotations", Outcome.PASSED, ""),
        ("has(workload.spec) && workload.spec.replicas > 1", Outcome.FAILED, ""),
        ("resources.runs.size() > 1", Outcome.PASSED, ""),
        ("entity.spec.lifecycle > 1", Outcome.UNKNOWN, "could not be found out"),
        ("entity.spec.lifecycle", Outcome.UNKNOWN, "not true or false"),
        ("now - timestamp('2026-11-01T00:00:00Z') < duration('720h')", Outcome.PASSED, ""),
        ("relations.exists(r, r.type == 'ownedBy')", Outcome.PASSED, ""),
        ("state.health == 'Healthy'", Outcome.PASSED, ""),
    ],
)
def test_what_an_expression_finds(expression: str, outcome: Outcome, words: str) -> None:
    verdict = only(
        judged(
            [rule("Bronze", expression)],
            resources={"runs": [{}, {}]},
            relations=[{"type": "ownedBy", "targetRef": "group:default/team-a"}],
            state={"health": "Healthy"},
        )
    )
    assert verdict.outcome == outcome
    assert words in verdict.sentence


def test_a_rule_says_what_it_found() -> None:
    found = only(judged([rule("Bronze", "true", messageExpression="'It is ' + entity.spec.type")]))
    assert found.sentence == "It is service"


def test_a_check_is_asked_for_by_its_id() -> None:
    asked = {"id": "pages", "title": "T", "level": "Bronze", "check": "acme.runbook"}
    passed = Verdict(Outcome.PASSED, "There is one.")
    assert judged([asked], checks={"acme.runbook": passed}).level == "Gold"
    unknown = judged([asked])
    assert (unknown.level, only(unknown).outcome) == ("", Outcome.UNKNOWN)
    assert "no check acme.runbook" in only(unknown).sentence


def test_expressions_that_cost_too_much_end() -> None:
    long = list(range(2000))
    expression = "entity.long.all(a, entity.long.all(b, a + b >= 0))"
    verdict = only(judged([rule("Bronze", expression)], entity={**ENTITY, "long": long}))
    assert verdict.outcome == Outcome.UNKNOWN
    assert "cost" in verdict.sentence


@pytest.mark.parametrize(
    ("asked", "does"),
    [
        ({}, True),
        ({"kind": "API"}, False),
        ({"type": "Service"}, True),
        ({"type": "library"}, False),
        ({"when": "entity.spec.lifecycle == 'production'"}, True),
        ({"when": "entity.spec.nothing"}, False),
    ],
    ids=["all services", "another kind", "a type", "another type", "a condition", "no answer"],
)
def test_whom_it_is_about(asked: RawObject, does: bool) -> None:
    assert applies({"appliesTo": asked}, subject(), NOW) is does


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rule("Bronze", "entity.spec.("), "spec.rules[r-13].expression"),
        (rule("Bronze", "nothing.here"), "undeclared reference"),
        (rule("Bronze", "'text'"), "must give a bool"),
        (rule("Bronze", "true", messageExpression="1"), "messageExpression: it must give a string"),
    ],
    ids=["no CEL", "an unknown name", "no truth", "no sentence"],
)
def test_expressions_are_checked_before_they_are_used(given: RawObject, words: str) -> None:
    with pytest.raises(BadScorecard) as caught:
        check_expressions({"rules": [given], "levels": LEVELS})
    assert words in str(caught.value)


def test_the_demos_scorecard_compiles() -> None:
    check_expressions(READINESS)

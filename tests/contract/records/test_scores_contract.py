"""Scores: who sees which, how they stand by owner and by day, and what is kept of changes."""

from datetime import UTC, datetime, timedelta

import pytest

from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer
from towpath.records.scores import _by_day
from towpath.records.scoring import RuleVerdict, Score, ScoreFilter
from towpath.records.sqlite import SqliteRecords

CARD = "towpath-system/readiness"
EVERYBODY = Viewer(UserInfo("admin"), None)
ALICE = Viewer(UserInfo("alice"), frozenset({"demo"}))


def score(name: str, rank: int, *, project: str = "demo", owner: str = "team-a") -> Score:
    verdicts = (
        RuleVerdict("docs", "Passed" if rank else "Failed", "There are some." if rank else ""),
        RuleVerdict("tests", "Passed" if rank > 1 else "Unknown"),
    )
    return Score(
        scorecard=CARD,
        ref=f"component:{project}/{name}",
        title=name.title(),
        project=project,
        owner=f"group:default/{owner}" if owner else "",
        level=["", "Bronze", "Silver"][rank],
        rank=rank,
        passed=rank,
        verdicts=verdicts,
    )


SCORES = (
    score("shop", 2),
    score("cart", 0),
    score("till", 1, owner=""),
    score("bank", 0, project="secret", owner="team-b"),
)


@pytest.fixture
async def filled(records: SqliteRecords) -> SqliteRecords:
    for one in SCORES:
        assert await records.scores.settle(one.ref, [one])
    return records


async def test_a_viewer_sees_what_is_of_their_projects_in_every_answer(
    filled: SqliteRecords,
) -> None:
    scores, where = filled.scores, ScoreFilter(CARD)
    page = await scores.find(ALICE, where)
    assert [one.title for one in page.scores] == ["Cart", "Till", "Shop"]
    assert page.total == 3
    assert await scores.of(ALICE, "component:secret/bank") == []
    assert {one.owner for one in await scores.standings(ALICE, where)} == {
        "",
        "group:default/team-a",
    }
    assert sum((await scores.rules(ALICE, where))["docs"].values()) == 3
    assert sum((await scores.days(ALICE, where, 1))[-1].ranks.values()) == 3
    assert (await scores.find(EVERYBODY, where)).total == 4


@pytest.mark.parametrize(
    ("where", "titles"),
    [
        (ScoreFilter(CARD, owners=("group:default/team-a",)), ["Cart", "Shop"]),
        (ScoreFilter(CARD, owners=("",)), ["Till"]),
        (ScoreFilter(CARD, rank=2), ["Shop"]),
        (ScoreFilter(CARD, owners=("", "group:default/team-b")), ["Till"]),
        (ScoreFilter(CARD, below=2), ["Cart", "Till"]),
        (ScoreFilter(CARD, failing=("tests",)), ["Cart", "Till"]),
        (ScoreFilter(CARD, failing=("docs",)), ["Cart"]),
        (ScoreFilter(CARD, failing=("docs", "tests")), ["Cart", "Till"]),
        (ScoreFilter(CARD, project="secret"), []),
        (ScoreFilter("demo/other"), []),
    ],
    ids=[
        "of a team",
        "of nobody",
        "at a level",
        "of some",
        "below a level",
        "a rule",
        "another rule",
        "any of two rules",
        "another project",
        "another card",
    ],
)
async def test_filters(filled: SqliteRecords, where: ScoreFilter, titles: list[str]) -> None:
    assert [one.title for one in (await filled.scores.find(ALICE, where)).scores] == titles


async def test_standings_and_rules(filled: SqliteRecords) -> None:
    first, *_ = await filled.scores.standings(ALICE, ScoreFilter(CARD))
    assert (first.owner, first.ranks, first.passed, first.asked) == (
        "group:default/team-a",
        {0: 1, 2: 1},
        2,
        4,
    )
    assert await filled.scores.rules(ALICE, ScoreFilter(CARD)) == {
        "docs": {"Passed": 2, "Failed": 1},
        "tests": {"Passed": 1, "Unknown": 2},
    }


async def test_sums_follow_each_change(filled: SqliteRecords) -> None:
    scores, where = filled.scores, ScoreFilter(CARD)

    async def counted() -> tuple[int, int, int]:
        (team, *_) = await scores.standings(ALICE, where)
        rules = await scores.rules(ALICE, where)
        days = await scores.days(ALICE, where, 1)
        return sum(team.ranks.values()), rules["tests"]["Passed"], days[-1].ranks.get(2, 0)

    assert await counted() == await counted() == (2, 1, 1)
    await scores.settle("component:demo/lamp", [score("lamp", 2)])
    assert await counted() == (3, 2, 2)
    assert (await scores.standings(EVERYBODY, where))[0].ranks == {0: 1, 2: 2}
    await scores.settle("component:demo/lamp", [])
    assert await counted() == (2, 1, 1)


async def test_the_same_again_writes_nothing_and_keeps_since_when(filled: SqliteRecords) -> None:
    (before,) = await filled.scores.of(ALICE, "component:demo/shop")
    assert not await filled.scores.settle("component:demo/shop", [score("shop", 2)])
    assert (await filled.scores.of(ALICE, "component:demo/shop"))[0] == before
    assert await filled.scores.settle("component:demo/shop", [score("shop", 1)])
    (after,) = await filled.scores.of(ALICE, "component:demo/shop")
    assert after.level == "Bronze"
    assert after.since_s >= before.since_s


async def test_what_is_judged_no_more_is_gone_from_today(filled: SqliteRecords) -> None:
    assert await filled.scores.settle("component:demo/cart", [])
    where = ScoreFilter(CARD)
    assert (await filled.scores.find(ALICE, where)).total == 2
    assert (await filled.scores.days(ALICE, where, 1))[-1].ranks == {1: 1, 2: 1}
    assert sorted(await filled.scores.refs()) == [
        "component:demo/shop",
        "component:demo/till",
        "component:secret/bank",
    ]
    await filled.scores.forget(CARD)
    assert await filled.scores.scorecards() == []


def test_days_stand_as_their_last_change_said() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    yesterday = (now - timedelta(days=1)).timestamp()
    long_ago = (now - timedelta(days=90)).timestamp()
    changes = [
        ("a", long_ago, 1),
        ("b", yesterday, 0),
        ("a", yesterday + 60, 2),
        ("b", now.timestamp(), -1),
    ]
    assert [(day.day, day.ranks) for day in _by_day(changes, now, 3)] == [
        ("2026-11-19", {1: 1}),
        ("2026-11-20", {2: 1, 0: 1}),
        ("2026-11-21", {2: 1}),
    ]

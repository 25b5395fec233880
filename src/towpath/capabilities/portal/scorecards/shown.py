"""Scores as people see them: levels as parts of a whole, days as columns, how rules do."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.hooks.checks import Outcome
from towpath.machinery.objects import RawObject
from towpath.records.scoring import Day, Score, Standing

NO_LEVEL = "No level"
RANKS_DRAWN = 4
"""Shades of a level: the lowest has one of its own, and all from the fourth on share one."""
COLUMN_WIDTH = 8
COLUMN_HEIGHT = 48


def level_names(card: RawObject) -> list[str]:
    """By rank: that of 0 is what an entity has that has reached nothing."""
    return [NO_LEVEL, *(str(level["name"]) for level in card["spec"]["levels"])]


def shade(rank: int, levels: int) -> int:
    """0 for no level, RANKS_DRAWN for the highest, the others between."""
    if rank == 0 or levels <= 1:
        return 0 if rank == 0 else RANKS_DRAWN
    return max(1, round(rank * RANKS_DRAWN / levels))


def parts(ranks: Mapping[int, int], names: Sequence[str]) -> list[dict[str, Any]]:
    """The highest level first, each with its share of 100."""
    total = sum(ranks.values()) or 1
    found, at = [], 0.0
    for rank in range(len(names) - 1, -1, -1):
        count = ranks.get(rank, 0)
        width = 100 * count / total
        found.append(
            {
                "rank": rank,
                "name": names[rank],
                "count": count,
                "percent": round(width),
                "x": round(at, 2),
                "width": round(width, 2),
                "shade": shade(rank, len(names) - 1),
            }
        )
        at += width
    return found


def told(ranks: Mapping[int, int], names: Sequence[str]) -> str:
    """`3 Gold, 12 Silver, 2 with no level`"""
    words = [
        f"{ranks[rank]} {names[rank] if rank else 'with no level'}"
        for rank in range(len(names) - 1, -1, -1)
        if ranks.get(rank)
    ]
    return ", ".join(words) or "nothing is judged yet"


def columns(days: Sequence[Day], names: Sequence[str]) -> list[dict[str, Any]]:
    """A column for each day, from the left; the highest level at the bottom."""
    most = max((sum(day.ranks.values()) for day in days), default=0) or 1
    found = []
    for at, day in enumerate(days):
        bottom, blocks = float(COLUMN_HEIGHT), []
        for rank in range(len(names) - 1, -1, -1):
            height = COLUMN_HEIGHT * day.ranks.get(rank, 0) / most
            if height:
                bottom -= height
                blocks.append(
                    {
                        "y": round(bottom, 2),
                        "height": round(height, 2),
                        "shade": shade(rank, len(names) - 1),
                    }
                )
        text = f"{day.day}: {told(day.ranks, names)}"
        found.append({"x": at * COLUMN_WIDTH, "blocks": blocks, "text": text})
    return found


def rules(card: RawObject, found: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """In the order of the levels, each with how many pass."""
    names = [level["name"] for level in card["spec"]["levels"]]
    shown = []
    for rule in sorted(card["spec"]["rules"], key=lambda one: names.index(one["level"])):
        outcomes = found.get(rule["id"], {})
        total = sum(outcomes.values())
        passed = outcomes.get(Outcome.PASSED, 0)
        shown.append(
            {
                "id": rule["id"],
                "title": rule["title"],
                "why": rule.get("why", ""),
                "level": rule["level"],
                "passed": passed,
                "total": total,
                "unknown": outcomes.get(Outcome.UNKNOWN, 0),
                "left": total - passed,
            }
        )
    return shown


def entity_page(ref: str) -> str:
    kind, _, rest = ref.partition(":")
    return f"/catalog/{kind}/{rest}"


def owner_name(owner: str) -> str:
    return owner.rpartition("/")[2]


def standing(one: Standing, names: Sequence[str]) -> dict[str, Any]:
    return {
        "owner": one.owner,
        "name": owner_name(one.owner),
        "href": entity_page(one.owner) if one.owner else "",
        "entities": sum(one.ranks.values()),
        "parts": parts(one.ranks, names),
        "told": told(one.ranks, names),
        "share": round(100 * one.passed / one.asked) if one.asked else 0,
    }


def row(score: Score, card: RawObject) -> dict[str, Any]:
    """An entity with the rules that keep it from the next level."""
    titles = {rule["id"]: rule["title"] for rule in card["spec"]["rules"]}
    left = [one for one in score.verdicts if one.outcome != Outcome.PASSED]
    return {
        "title": score.title,
        "ref": score.ref,
        "href": entity_page(score.ref),
        "project": score.project,
        "owner": owner_name(score.owner),
        "owner_href": entity_page(score.owner) if score.owner else "",
        "level": score.level or NO_LEVEL,
        "shade": shade(score.rank, len(card["spec"]["levels"])),
        "since": score.since_s,
        "passed": score.passed,
        "total": len(score.verdicts),
        "left": [
            {"title": titles.get(one.rule, one.rule), "sentence": one.sentence} for one in left
        ],
    }

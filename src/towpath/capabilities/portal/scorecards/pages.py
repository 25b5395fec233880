"""The pages of Insights: scorecards and initiatives, one of each, and who is where."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.portal.scorecards import shown
from towpath.capabilities.portal.scorecards.initiatives import (
    Goal,
    concerned,
    goal_of,
    scorecard_of,
)
from towpath.capabilities.portal.scorecards.kinds import INITIATIVE, SCORECARD
from towpath.hooks.pages import Live, LiveRecords, LiveWatch, Page, PageRoute, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.reads import number
from towpath.hooks.showing import in_projects, object_page
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.records.contract import Viewer
from towpath.records.scoring import ScoreFilter, Scores, Standing
from towpath.runtime.outcomes import Stalled

PAGE_SIZE = 25
DAYS = 30
LISTED_MAX = 100
ROWS_SHOWN = 25
"""Of those that an initiative still waits for; the scorecard has all."""


async def insights(visit: Visit) -> Page:
    cards, initiatives = await asyncio.gather(listed(visit, SCORECARD), listed(visit, INITIATIVE))
    summaries = await asyncio.gather(*(_summary(visit, card) for card in cards))
    data = {
        "scorecards": summaries,
        "initiatives": await asyncio.gather(
            *(_summed(visit, one) for one in sorted(initiatives, key=_due))
        ),
    }
    return Page("scorecards/insights.html", data)


async def listed(visit: Visit, resource: Resource) -> list[RawObject]:
    """The platform's and those of the visitor's projects."""
    try:
        ours = (await visit.api.list(resource, SYSTEM_NAMESPACE, limit=LISTED_MAX)).items
    except StatusError:
        ours = []
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    theirs = await in_projects(visit.api, resource, projects, limit=LISTED_MAX)
    known = {one["metadata"]["uid"]: one for one in (*ours, *theirs)}
    return list(known.values())


def _due(initiative: RawObject) -> str:
    return str(initiative["spec"]["due"])


def name_of(card: RawObject) -> str:
    metadata = card["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


async def _summary(visit: Visit, card: RawObject) -> dict[str, Any]:
    names, where = shown.level_names(card), ScoreFilter(name_of(card))
    ranks: Counter[int] = Counter()
    for one in await visit.records.scores.standings(visit.viewer, where):
        ranks.update(one.ranks)
    return {
        "title": card["spec"]["title"],
        "description": card["spec"].get("description", ""),
        "href": f"/insights/scorecards/{name_of(card)}",
        "place": _place(card),
        "parts": shown.parts(ranks, names),
        "told": shown.told(ranks, names),
        "entities": ranks.total(),
        "problem": _problem(card),
    }


def _place(obj: RawObject) -> str:
    namespace: str = obj["metadata"]["namespace"]
    return "the platform" if namespace == SYSTEM_NAMESPACE else namespace


def _problem(obj: RawObject) -> str:
    """Why it does not work, in a sentence."""
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "False":
            return str(condition["message"])
    return ""


async def _summed(visit: Visit, obj: RawObject) -> dict[str, Any]:
    """With how much of it is done, of what the visitor may see."""
    card = await scorecard_of(visit.api, obj)
    try:
        goal = goal_of(obj, card) if card else None
    except Stalled:
        goal = None
    teams = []
    if card and goal:
        where = concerned(obj, card)
        teams = await _teams(visit.records.scores, visit.viewer, where, goal)
    counted = {name: sum(team[name] for team in teams) for name in ("done", "total")}
    return {**_initiative(obj), **counted}


def _initiative(obj: RawObject) -> dict[str, Any]:
    status, spec = obj.get("status") or {}, obj["spec"]
    return {
        "title": spec["title"],
        "href": f"/insights/initiatives/{name_of(obj)}",
        "place": _place(obj),
        "due": spec["due"],
        "phase": status.get("phase", "Pending"),
        "problem": _problem(obj),
    }


async def scorecard(visit: Visit) -> Page:
    namespace, name = visit.parameters["namespace"], visit.parameters["name"]
    card = await visit.api.get(SCORECARD, name, namespace)
    names, scores = shown.level_names(card), visit.records.scores
    everybody = ScoreFilter(name_of(card))
    where, query = _narrowed(visit.parameters, everybody, names)
    page = max(number(visit.parameters, "page", 1), 1)
    found, standings, rules, days = await asyncio.gather(
        scores.find(visit.viewer, where, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE),
        scores.standings(visit.viewer, everybody),
        scores.rules(visit.viewer, replace(everybody, owners=where.owners)),
        scores.days(visit.viewer, replace(everybody, owners=where.owners), DAYS),
    )
    ranks: Counter[int] = Counter()
    for one in standings:
        if not where.owners or one.owner in where.owners:
            ranks.update(one.ranks)
    base = f"/insights/scorecards/{name_of(card)}"
    data = {
        "card": card["spec"],
        "place": _place(card),
        "problem": _problem(card),
        "base": base,
        "object_href": object_page(SCORECARD, name, namespace),
        "parts": [
            {**part, "href": _address(base, {**query, "level": part["name"]})}
            for part in shown.parts(ranks, names)
        ],
        "told": shown.told(ranks, names),
        "entities": ranks.total(),
        "columns": shown.columns(days, names),
        "width": DAYS * shown.COLUMN_WIDTH,
        "height": shown.COLUMN_HEIGHT,
        "trend": f"The last {DAYS} days: {_trend(days, names)}",
        "teams": [
            {**shown.standing(one, names), "only": _address(base, {"owner": one.owner or "none"})}
            for one in standings[:LISTED_MAX]
        ],
        "rules": [
            {**rule, "only": _address(base, {**query, "rule": rule["id"]})}
            for rule in shown.rules(card, rules)
        ],
        "rows": [shown.row(score, card) for score in found.scores],
        "total": found.total,
        "query": query,
        "first": page * PAGE_SIZE - PAGE_SIZE + 1,
        "next": _address(base, {**query, "page": str(page + 1)})
        if found.total > page * PAGE_SIZE
        else "",
        "previous": _address(base, {**query, "page": str(page - 1)}) if page > 1 else "",
    }
    return Page("scorecards/scorecard.html", data, title=card["spec"]["title"])


def _trend(days: Sequence[Any], names: Sequence[str]) -> str:
    if not days:
        return "nothing is known yet"
    return f"{shown.told(days[0].ranks, names)} at first, {shown.told(days[-1].ranks, names)} now"


def _narrowed(
    parameters: Mapping[str, str], where: ScoreFilter, names: Sequence[str]
) -> tuple[ScoreFilter, dict[str, str]]:
    """What is asked for, and as it stands in addresses. What is not known narrows nothing."""
    query = {}
    if owner := parameters.get("owner", ""):
        where = replace(where, owners=("" if owner == "none" else owner,))
        query["owner"] = owner
    if (level := parameters.get("level", "")) in names:
        where = replace(where, rank=names.index(level))
        query["level"] = level
    if rule := parameters.get("rule", ""):
        where = replace(where, failing=(rule,))
        query["rule"] = rule
    return where, query


def _address(base: str, query: Mapping[str, str]) -> str:
    return f"{base}?{urlencode(query)}" if query else base


async def initiative(visit: Visit) -> Page:
    namespace, name = visit.parameters["namespace"], visit.parameters["name"]
    found = await visit.api.get(INITIATIVE, name, namespace)
    card = await scorecard_of(visit.api, found)
    data: dict[str, Any] = {
        "shown": _initiative(found),
        "spec": found["spec"],
        "object_href": object_page(INITIATIVE, name, namespace),
        "rows": [],
        "goal": "",
        "teams": [],
        "left": 0,
        "done": 0,
        "total": 0,
    }
    if card is not None:
        data |= await _progress(visit.records.scores, visit.viewer, found, card)
    return Page("scorecards/initiative.html", data, title=found["spec"]["title"])


async def _progress(
    scores: Scores, viewer: Viewer, found: RawObject, card: RawObject
) -> dict[str, Any]:
    """Of what the visitor may see."""
    try:
        goal = goal_of(found, card)
    except Stalled:
        return {}
    where = concerned(found, card)
    left, teams = await asyncio.gather(
        scores.find(viewer, goal.left(where), limit=ROWS_SHOWN),
        _teams(scores, viewer, where, goal),
    )
    total = sum(team["total"] for team in teams)
    return {
        "goal": goal.sentence,
        "card_title": card["spec"]["title"],
        "card_href": f"/insights/scorecards/{name_of(card)}",
        "total": total,
        "done": total - left.total,
        "rows": [shown.row(score, card) for score in left.scores],
        "left": left.total,
        "teams": teams,
    }


async def _teams(
    scores: Scores, viewer: Viewer, where: ScoreFilter, goal: Goal
) -> list[dict[str, Any]]:
    """How far each is, as far as the visitor may see."""
    standings = scores.standings(viewer, where), scores.standings(viewer, goal.left(where))
    return _by_team(*await asyncio.gather(*standings))


def _by_team(seen: Sequence[Standing], left: Sequence[Standing]) -> list[dict[str, Any]]:
    """Those with the most left first."""
    all_of, left_of = (
        Counter({one.owner: sum(one.ranks.values()) for one in some}) for some in (seen, left)
    )
    return [
        {
            "name": shown.owner_name(owner),
            "href": shown.entity_page(owner) if owner else "",
            "total": total,
            "done": total - left_of[owner],
        }
        for owner, total in sorted(all_of.items(), key=lambda one: (-left_of[one[0]], one[0]))
    ]


def _live(visit: Visit) -> Sequence[Live]:
    return (LiveRecords("scores"),)


def _live_initiative(visit: Visit) -> Sequence[Live]:
    namespace, name = visit.parameters["namespace"], visit.parameters["name"]
    return (LiveRecords("scores"), LiveWatch(INITIATIVE, namespace, name))


PAGES = (
    PageRoute("/insights", insights, "Insights", live=_live, section="/insights"),
    PageRoute(
        "/insights/scorecards/{namespace}/{name}",
        scorecard,
        "A scorecard",
        live=_live,
        section="/insights",
    ),
    PageRoute(
        "/insights/initiatives/{namespace}/{name}",
        initiative,
        "An initiative",
        live=_live_initiative,
        section="/insights",
    ),
)

"""What the read API answers about scores.

GET /api/v1/scorecards/<namespace>/<name>/scores?owner=group:default/team-a&rule=has-owner
GET /api/v1/scores?entity=component:demo/order-service
"""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read, number
from towpath.machinery.errors import BadRequest
from towpath.records.contract import Viewer
from towpath.records.scoring import Score, ScoreFilter

PAGE, PAGE_MAX = 100, 1000


def reads(platform: Platform) -> Sequence[Read]:
    async def of_scorecard(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """Filters: owner ("none" for nobody), rule (that does not pass), project; offset, limit."""
        where = ScoreFilter(
            f"{parameters['namespace']}/{parameters['name']}",
            owners=_owners(parameters),
            failing=tuple(filter(None, [parameters.get("rule")])),
            project=parameters.get("project", ""),
        )
        page = await platform.scores.find(
            viewer,
            where,
            limit=min(number(parameters, "limit", PAGE) or PAGE, PAGE_MAX),
            offset=number(parameters, "offset"),
        )
        return {"items": [_told(score) for score in page.scores], "total": page.total}

    async def of_entity(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """What every scorecard finds about one entity."""
        ref = parameters.get("entity", "").lower()
        if not ref:
            raise BadRequest("entity: give a reference, as component:demo/order-service")
        return {"items": [_told(score) for score in await platform.scores.of(viewer, ref)]}

    async def days(viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """How many entities were at which level, day by day; filters as above, and days."""
        where = ScoreFilter(
            f"{parameters['namespace']}/{parameters['name']}",
            owners=_owners(parameters),
            project=parameters.get("project", ""),
        )
        asked = min(number(parameters, "days", 30) or 30, 400)
        found = await platform.scores.days(viewer, where, asked)
        return {"items": [{"day": day.day, "ranks": _by_text(day.ranks)} for day in found]}

    return (
        Read("scorecards/{namespace}/{name}/scores", of_scorecard),
        Read("scorecards/{namespace}/{name}/days", days),
        Read("scores", of_entity),
    )


def _owners(parameters: Mapping[str, str]) -> tuple[str, ...]:
    owner = parameters.get("owner")
    return () if owner is None else ("" if owner == "none" else owner,)


def _by_text(ranks: Mapping[int, int]) -> dict[str, int]:
    return {str(rank): count for rank, count in sorted(ranks.items())}


def _told(score: Score) -> dict[str, Any]:
    return {
        "scorecard": score.scorecard,
        "entity": score.ref,
        "title": score.title,
        "project": score.project,
        "owner": score.owner,
        "level": score.level,
        "rank": score.rank,
        "passed": score.passed,
        "since": score.since_s,
        "rules": [
            {"id": one.rule, "outcome": one.outcome, "sentence": one.sentence}
            for one in score.verdicts
        ],
    }

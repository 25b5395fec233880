"""The graph of an entity: what it needs and who needs it, and what breaks when it is down."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.portal.catalog.entity_page import ENTITY, entity_page, short
from towpath.capabilities.portal.catalog.graph import layout
from towpath.capabilities.portal.catalog.graph.walking import (
    GROUPS,
    IMPACT_MAX,
    Walk,
    impact,
    walk,
)
from towpath.hooks.pages import Live, LiveRecords, Page, Visit
from towpath.machinery.errors import NotFound
from towpath.machinery.references import EntityRef
from towpath.records.contract import Entity, EntityFilter

GRAPH = f"{ENTITY}/graph"
DEPTHS = (1, 2, 3, 5)
SHOWN_BY_DEFAULT = ("needs",)
WORDS = {"needs": "What is needed", "belongs": "What it is part of", "owns": "Who owns it"}
DIRECTIONS = {"both": "Both ways", "needs": "What it needs", "needed": "What needs it"}
CALLED = {
    "dependsOn": "depends on",
    "consumesApi": "consumes",
    "providesApi": "provides",
    "partOf": "is part of",
    "childOf": "is a child of",
    "memberOf": "is a member of",
    "ownedBy": "is owned by",
}
TEAMS_SHOWN = 50


async def graph(visit: Visit) -> Page:
    parameters = visit.parameters
    ref = EntityRef(parameters["kind"], parameters["namespace"], parameters["name"]).key
    index = visit.records.catalog
    entity = await index.get(visit.viewer, ref)
    if entity is None:
        raise NotFound(f"the catalogue has no {ref}")
    asked = _asked(parameters)
    types = [one for group in asked["show"] for one in GROUPS[group]]
    walked, broken = await asyncio.gather(
        walk(
            index,
            visit.viewer,
            entity.ref,
            types=types,
            depth=asked["depth"],
            forward=asked["direction"] != "needed",
            backward=asked["direction"] != "needs",
        ),
        impact(index, visit.viewer, entity.ref),
    )
    known = await _known(visit, {*walked.distances, *broken})
    base = f"{entity_page(entity.ref)}/graph"
    data = {
        "entity": entity,
        "title_shown": entity.title or entity.name,
        "page": entity_page(entity.ref),
        "drawing": _drawn(entity, walked, known),
        "rows": _rows(walked, known),
        "left_out": walked.left_out,
        "depths": [_choice(base, asked, depth=depth) for depth in DEPTHS],
        "directions": [_choice(base, asked, direction=one) for one in DIRECTIONS],
        "groups": [_group(base, asked, one) for one in WORDS],
        **_impact(broken, known),
    }
    return Page("catalog/graph.html", data, title=f"{data['title_shown']}: graph")


def _asked(parameters: Mapping[str, str]) -> dict[str, Any]:
    """What is not known is as if it had not been asked for."""
    depth = parameters.get("depth", "")
    direction = parameters.get("direction", "")
    shown = [one for one in parameters.get("show", "").split(",") if one in GROUPS]
    return {
        "depth": int(depth) if depth in map(str, DEPTHS) else 2,
        "direction": direction if direction in DIRECTIONS else "both",
        "show": tuple(dict.fromkeys(shown)) or SHOWN_BY_DEFAULT,
    }


def _address(base: str, asked: Mapping[str, Any]) -> str:
    query = {**asked, "show": ",".join(asked["show"])}
    return f"{base}?{urlencode(query)}"


def _choice(base: str, asked: Mapping[str, Any], **change: Any) -> dict[str, Any]:
    ((name, value),) = change.items()
    label = DIRECTIONS.get(value, "") if name == "direction" else f"{value} step{'s'[: value > 1]}"
    return {
        "label": label,
        "href": _address(base, {**asked, **change}),
        "current": asked[name] == value,
    }


def _group(base: str, asked: Mapping[str, Any], group: str) -> dict[str, Any]:
    """A switch; the last one that is on stays on."""
    shown = asked["show"]
    others = tuple(one for one in WORDS if one in shown and one != group)
    wanted = others if group in shown else (*shown, group)
    return {
        "label": WORDS[group],
        "href": _address(base, {**asked, "show": wanted or (group,)}),
        "current": group in shown,
    }


async def _known(visit: Visit, refs: set[str]) -> dict[str, Entity]:
    found = await visit.records.catalog.query(
        visit.viewer, EntityFilter({"ref": tuple(sorted(refs))}), limit=max(len(refs), 1)
    )
    return {entity.ref: entity for entity in found.entities}


def _drawn(entity: Entity, walked: Walk, known: Mapping[str, Entity]) -> dict[str, Any]:
    edges = [(edge.source, edge.target, edge.type) for edge in walked.edges]
    drawing = layout.draw(walked.distances, edges)
    return {
        "width": drawing.width,
        "height": drawing.height,
        "box_width": layout.WIDTH,
        "box_height": layout.HEIGHT,
        "lines": [
            {
                "path": line.path,
                "source": line.source,
                "target": line.target,
                "text": f"{short(line.source)} {CALLED[line.type]} {short(line.target)}",
            }
            for line in drawing.lines
        ],
        "boxes": [
            {
                **_node(box.ref, known),
                "x": box.x,
                "y": box.y,
                "is_first": box.ref == entity.ref,
            }
            for box in drawing.boxes
        ],
    }


def _node(ref: str, known: Mapping[str, Entity]) -> dict[str, Any]:
    entity = known.get(ref)
    kind = ref.partition(":")[0]
    if entity is None:
        told = {"title": short(ref), "kind": kind, "href": "", "health": "", "owner": ""}
        return {**told, "ref": ref, "detail": "not in the catalogue"}
    return {
        "ref": ref,
        "title": entity.title or entity.name,
        "kind": entity.kind,
        "href": entity_page(ref),
        "health": entity.state.health if entity.state else "",
        "owner": short(entity.owner),
        "detail": entity.type or entity.kind,
    }


def _rows(walked: Walk, known: Mapping[str, Entity]) -> list[dict[str, Any]]:
    """The same as a list, for reading."""
    return [
        {
            "source": _node(edge.source, known),
            "called": CALLED[edge.type],
            "target": _node(edge.target, known),
        }
        for edge in sorted(walked.edges)
    ]


def _impact(broken: Mapping[str, int], known: Mapping[str, Entity]) -> dict[str, Any]:
    """The nearest first, and how many of each team."""
    nodes: Sequence[dict[str, Any]] = [
        {**_node(ref, known), "steps": steps}
        for ref, steps in sorted(broken.items(), key=lambda one: (one[1], one[0]))
    ]
    teams = Counter(node["owner"] or "nobody" for node in nodes)
    return {
        "broken": nodes,
        "is_all": len(broken) < IMPACT_MAX - 1,
        "teams": [{"name": name, "count": count} for name, count in teams.most_common(TEAMS_SHOWN)],
    }


def live(visit: Visit) -> Sequence[Live]:
    return (LiveRecords("catalog"),)

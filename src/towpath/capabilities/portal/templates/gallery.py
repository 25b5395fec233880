"""Create: what is offered to this visitor, and one offer as pages show it."""

import asyncio
from typing import Any

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE
from towpath.hooks.offered_actions import offered
from towpath.hooks.pages import Page, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import in_projects
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject

GALLERY = "/create"
TAKES_ANNOTATION = "towpath.dev/takes"
"""On a descriptor: how long a run takes until what it makes can be used, in words."""
PROJECTS_ASKED = 20
FILTERED_FROM = 7
"""Fewer offers are seen at one glance."""


async def gallery(visit: Visit) -> Page:
    templates = list((await visit.api.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE)).items)
    if visit.viewer.projects is not None:
        templates += await in_projects(visit.api, SOFTWARE_TEMPLATE, sorted(visit.viewer.projects))
    else:
        everything = await in_projects(visit.api, SOFTWARE_TEMPLATE, None)
        templates += [one for one in everything if one["metadata"]["namespace"] != SYSTEM_NAMESPACE]
    offers = sorted([*map(offer_of, templates), *await _actions(visit)], key=_order)
    query, tag = visit.parameters.get("q", ""), visit.parameters.get("tag", "")
    words = query.lower().split()
    found = [
        one
        for one in offers
        if all(word in one["text"] for word in words) and (not tag or tag in one["tags"])
    ]
    data = {
        "offers": found,
        "query": query,
        "tag": tag,
        "project": visit.parameters.get("project", ""),
        "any": bool(offers),
        "filtered": len(offers) >= FILTERED_FROM or bool(query or tag),
    }
    return Page("templates/gallery.html", data)


async def _actions(visit: Visit) -> list[dict[str, Any]]:
    """Actions that make something: they are offered beside the templates."""
    asked = visit.parameters.get("project", "")
    projects = [asked] if asked else sorted(visit.viewer.projects or ())[:PROJECTS_ASKED]
    lists = await asyncio.gather(*(offered(visit, project) for project in projects))
    return [
        {
            "name": one.name,
            "namespace": one.project,
            "address": one.href,
            "title": one.title,
            "description": one.description,
            "owner": "",
            "type": "action",
            "takes": "",
            "tags": [],
            "recommended": False,
            "own": one.project,
            "steps": [],
            "trouble": "",
            "text": f"{one.name} {one.title} {one.description} action".lower(),
        }
        for found in lists
        for one in found
        if one.makes_new
    ]


def _order(offer: dict[str, Any]) -> tuple[bool, bool, str]:
    """What the platform recommends first, a project's own before what else there is."""
    is_own = offer["namespace"] != SYSTEM_NAMESPACE
    return not offer["recommended"], not is_own, offer["title"].lower()


def offer_of(template: RawObject) -> dict[str, Any]:
    descriptor = template["spec"]["descriptor"]
    metadata, spec = descriptor["metadata"], descriptor["spec"]
    ready = get_condition(template, "Ready") or {}
    name, namespace = template["metadata"]["name"], template["metadata"]["namespace"]
    tags = [str(tag) for tag in metadata.get("tags") or () if tag != "recommended"]
    offer = {
        "name": name,
        "namespace": namespace,
        "address": f"{GALLERY}/{namespace}/{name}",
        "title": str(metadata.get("title") or name),
        "description": str(metadata.get("description") or ""),
        "owner": str(spec.get("owner", "")).rpartition("/")[2],
        "type": str(spec.get("type", "")),
        "takes": str((metadata.get("annotations") or {}).get(TAKES_ANNOTATION, "")),
        "tags": tags,
        "recommended": "recommended" in (metadata.get("tags") or ()),
        "own": namespace if namespace != SYSTEM_NAMESPACE else "",
        "steps": [str(step.get("name") or step["action"]) for step in spec.get("steps") or ()],
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
    }
    words = (name, offer["title"], offer["description"], offer["type"], *tags)
    return {**offer, "text": " ".join(map(str, words)).lower()}

"""The section Infrastructure: what is claimed and what can be."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.infrastructure.offerings import claim, request
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.capabilities.infrastructure.offerings.offered import Offering, offerings
from towpath.capabilities.infrastructure.offerings.sources import Found, read_page
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.showing import may
from towpath.hooks.telling import state_of
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import labels_of

PATH = "/infrastructure"
PAGE_SIZE = 50
WATCHED_PROJECTS_MAX = 20
FACET_VALUES_MAX = 20
PROJECTS_ASKED = 20


async def infrastructure(visit: Visit) -> Page:
    offered = await offerings(visit.api)
    query = {
        key: visit.parameters[key]
        for key in ("q", "project", "kind", "environment")
        if visit.parameters.get(key)
    }
    sources = _sources(visit, offered, query)
    cursor = visit.parameters.get("continue", "")
    labels = f"{claim.ENVIRONMENT_LABEL}={query['environment']}" if "environment" in query else ""
    page, may_request = await asyncio.gather(
        read_page(
            visit.api,
            sources,
            cursor=cursor,
            limit=PAGE_SIZE,
            labels=labels,
            words=query.get("q", "").lower(),
        ),
        _may_request(visit, offered, query.get("project", "")),
    )
    by_kind = {one.resource.plural: one for one in offered}
    rows = [_row(one, by_kind) for one in page.found]
    data = {
        "rows": rows,
        "text": query.get("q", ""),
        "kept": {key: value for key, value in query.items() if key != "q"},
        "filtered": bool(query),
        "facets": _facets(visit, offered, query, rows),
        "next": f"{PATH}?{urlencode({**query, 'continue': page.cursor})}" if page.cursor else "",
        "first": (f"{PATH}?{urlencode(query)}" if query else PATH) if cursor else "",
        "sentence": _sentence(rows, is_all=not page.cursor and not cursor),
        "offerings": [_offered(one, query.get("project", "")) for one in offered],
        "may_request": may_request,
    }
    return Page("offerings/infrastructure.html", data)


def _sources(
    visit: Visit, offered: Sequence[Offering], query: Mapping[str, str]
) -> list[tuple[Resource, str]]:
    kinds = [one.resource for one in offered if query.get("kind", "") in ("", one.resource.plural)]
    if project := query.get("project"):
        places = [project] if visit.viewer.may_see(project) else []
    elif visit.viewer.projects is None:
        places = [""]
    else:
        places = sorted(visit.viewer.projects)
    return [(kind, place) for place in places for kind in kinds]


async def _may_request(visit: Visit, offered: Sequence[Offering], project: str) -> bool:
    if not offered:
        return False
    if project:
        places = [project]
    elif visit.viewer.projects is None:
        places = [""]
    else:
        places = sorted(visit.viewer.projects)[:PROJECTS_ASKED]
    answers = await asyncio.gather(
        *(may(visit.api, "create", offered[0].resource, place) for place in places)
    )
    return any(answers)


def _row(found: Found, offered: Mapping[str, Offering]) -> dict[str, Any]:
    obj, metadata = found.obj, found.obj["metadata"]
    offering = offered[found.resource.plural]
    labels, state = labels_of(obj), state_of(obj)
    spec = obj.get("spec") or {}
    return {
        "name": metadata["name"],
        "href": claim.address(metadata["namespace"], found.resource.plural, metadata["name"]),
        "kind": offering.title,
        "project": metadata["namespace"],
        "choice": spec.get(offering.choice, "") if offering.choice else "",
        "environment": labels.get(claim.ENVIRONMENT_LABEL, ""),
        "workload": labels.get(claim.WORKLOAD_LABEL, ""),
        "state": state.word or "Pending",
        "message": state.sentence if state.word not in claim.WELL else "",
        "created": metadata.get("creationTimestamp", ""),
    }


def _sentence(rows: Sequence[Mapping[str, Any]], *, is_all: bool) -> str:
    if not rows:
        return ""
    count = f"{len(rows)} claim{'s' if len(rows) != 1 else ''}"
    ill = [row for row in rows if row["state"] not in claim.WELL]
    if not is_all:
        count = f"On this page {count}"
    if not ill:
        return f"{count}, {'all' if len(rows) > 1 else 'it is'} ready."
    told = ", ".join(str(row["name"]) for row in ill[:3])
    more = f" and {len(ill) - 3} more" if len(ill) > 3 else ""
    return f"{count}; not ready: {told}{more}."


def _facets(
    visit: Visit,
    offered: Sequence[Offering],
    query: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    projects = (
        sorted({row["project"] for row in rows})
        if visit.viewer.projects is None
        else sorted(visit.viewer.projects)
    )
    values = {
        "project": [(name, name) for name in projects],
        "kind": [(one.resource.plural, one.title) for one in offered],
        "environment": [
            (name, name) for name in sorted({row["environment"] for row in rows} - {""})
        ],
    }
    for key, chosen in query.items():
        if key in values and chosen not in dict(values[key]):
            values[key].append((chosen, chosen))
    return [
        {
            "title": key.capitalize(),
            "items": [
                _value(query, key, value, label) for value, label in found[:FACET_VALUES_MAX]
            ],
        }
        for key, found in values.items()
        if len(found) > 1 or key in query
    ]


def _value(query: Mapping[str, str], key: str, value: str, label: str) -> dict[str, Any]:
    is_chosen = query.get(key) == value
    rest = {name: kept for name, kept in query.items() if name != key}
    wanted = rest if is_chosen else {**rest, key: value}
    return {
        "label": label,
        "href": f"{PATH}?{urlencode(wanted)}" if wanted else PATH,
        "current": is_chosen,
    }


def _offered(one: Offering, project: str) -> dict[str, str]:
    query = f"?{urlencode({'project': project})}" if project else ""
    return {
        "title": one.title,
        "description": one.description,
        "kind": one.resource.kind,
        "href": f"{PATH}/new/{one.resource.plural}{query}",
    }


def _live(visit: Visit) -> Sequence[LiveWatch]:
    chosen = visit.parameters.get("project", "")
    if chosen:
        places = [chosen]
    elif visit.viewer.projects is None:
        places = [""]
    else:
        places = sorted(visit.viewer.projects)[:WATCHED_PROJECTS_MAX]
    return [LiveWatch(POSTGRESQL_INSTANCE, place) for place in places]


PAGES = (
    PageRoute(PATH, infrastructure, "Infrastructure", live=_live, section=PATH),
    PageRoute(
        f"{PATH}/new/{{plural}}", request.ask, "Request", submit=request.submit, section=PATH
    ),
    PageRoute(claim.PATH, claim.show, "Claim", live=claim.live, section=PATH),
    PageRoute(
        f"{claim.PATH}/delete", claim.ask_delete, "Delete", submit=claim.delete, section=PATH
    ),
)

"""The catalogue to look through: a list with filters in its address, and a page of each entity.

Everything comes from the index, with the viewer in the query; health comes from the workloads that
the visitor may list.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.descriptors import KINDS
from towpath.capabilities.portal.catalog.reads import both_ways
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.showing import get_if_there, in_projects
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.references import BadReference, EntityRef, parse_reference
from towpath.records.contract import Entity, EntityFilter

CATALOG = "/catalog"
ENTITY = "/catalog/{kind}/{namespace}/{name}"
PAGE_SIZE = 50
NAMES_MAX = 500
FACETS = ("kind", "owner", "project", "type", "lifecycle")
VALUES_SHOWN = 12
WORKLOAD_ANNOTATION = "towpath.dev/workload"
ALL_KINDS = "all"
FIRST_KIND = "Component"
HEALTHS = ("Healthy", "Progressing", "Degraded", "Missing", "Unknown")

_SPELLING = {kind.lower(): kind for kind in KINDS}


async def catalog(visit: Visit) -> Page:
    parameters = visit.parameters
    query = {name: parameters[name] for name in (*FACETS, "q", "health") if parameters.get(name)}
    where = _where(query)
    wanted = query.get("health", "")
    if wanted:
        names = await _names_of(visit, wanted)
        fields = {**where.fields, "name": names or ("",), "kind": (FIRST_KIND,)}
        where = EntityFilter(fields, where.text)
    token = parameters.get("continue", "")
    found = await visit.records.catalog.query(
        visit.viewer, where, limit=PAGE_SIZE, continue_token=token
    )
    rows = await asyncio.gather(*(_row(visit, entity) for entity in found.entities))
    data = {
        "rows": rows,
        "total": found.total,
        "query_kept": {name: value for name, value in query.items() if name != "q"},
        "text": query.get("q", ""),
        "facets": await _facets(visit, query),
        "next": _address({**query, "continue": found.continue_token})
        if found.continue_token
        else "",
        "filtered": any(name != "kind" for name in query),
    }
    return Page("catalog/list.html", data)


def _where(query: Mapping[str, str], without: str = "") -> EntityFilter:
    """Components, unless another kind or all of them are asked for."""
    fields = {name: (query[name],) for name in FACETS if name in query and name != without}
    kind = query.get("kind", FIRST_KIND)
    if without == "kind" or kind == ALL_KINDS:
        fields.pop("kind", None)
    else:
        fields["kind"] = (_SPELLING.get(kind.lower(), kind),)
    return EntityFilter(fields, query.get("q", ""))


async def _facets(visit: Visit, query: Mapping[str, str]) -> list[dict[str, Any]]:
    counts = await asyncio.gather(
        *(
            visit.records.catalog.facets(visit.viewer, _where(query, name), [name])
            for name in FACETS
        )
    )
    shown = []
    for name, counted in zip(FACETS, counts, strict=True):
        values = sorted(counted[name].items(), key=lambda pair: (-pair[1], pair[0]))
        items = [_value(query, name, value, count) for value, count in values if value]
        if name == "kind":
            items.append(_value(query, "kind", ALL_KINDS, sum(count for _, count in values)))
        if items:
            shown.append({"title": name.capitalize(), "items": items[:VALUES_SHOWN]})
    healths = [_value(query, "health", word) for word in HEALTHS]
    shown.insert(1, {"title": "Health", "items": healths})
    return shown


def _value(
    query: Mapping[str, str], name: str, value: str, count: int | None = None
) -> dict[str, Any]:
    """A link that narrows the list to one value, or widens it again."""
    chosen = query.get(name, FIRST_KIND if name == "kind" else "")
    is_chosen = chosen.lower() == value.lower()
    rest = {key: kept for key, kept in query.items() if key != name}
    return {
        "label": "All kinds" if value == ALL_KINDS else _short(value),
        **({} if count is None else {"count": count}),
        "current": is_chosen,
        "href": _address(rest if is_chosen else {**rest, name: value}),
    }


def _address(query: Mapping[str, str]) -> str:
    return f"{CATALOG}?{urlencode(query)}" if query else CATALOG


async def _names_of(visit: Visit, health: str) -> tuple[str, ...]:
    """The workloads that are so, as far as the visitor may list them."""
    if health not in HEALTHS:
        raise BadRequest(f"health: {health!r} is none of {', '.join(HEALTHS)}")
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    selector = f"status.health={health}"
    found = await in_projects(visit.api, WORKLOAD, projects, fields=selector, limit=NAMES_MAX)
    return tuple(one["metadata"]["name"] for one in found)


async def _row(visit: Visit, entity: Entity) -> dict[str, Any]:
    name = _workload_of(entity)
    workload = await get_if_there(visit.api, WORKLOAD, name, entity.project) if name else None
    return {
        "kind": entity.kind,
        "title": entity.title or entity.name,
        "name": entity.name,
        "href": _service_page(entity, name) or entity_page(entity.ref),
        "description": entity.description,
        "type": entity.type,
        "owner": _short(entity.owner),
        "owner_href": entity_page(entity.owner),
        "project": entity.project,
        "lifecycle": entity.lifecycle,
        "health": (workload.get("status") or {}).get("health", "Unknown") if workload else "",
    }


def _workload_of(entity: Entity) -> str:
    """The name of the workload that a component is, "" when the platform does not deliver it."""
    if entity.kind != FIRST_KIND or not entity.project:
        return ""
    annotations = (entity.descriptor.get("metadata") or {}).get("annotations") or {}
    name: str = annotations.get(WORKLOAD_ANNOTATION, "")
    return name


def _service_page(entity: Entity, workload: str) -> str:
    return f"/projects/{entity.project}/workloads/{workload}" if workload else ""


async def entity(visit: Visit) -> Page:
    ref = EntityRef(
        visit.parameters["kind"], visit.parameters["namespace"], visit.parameters["name"]
    )
    found = await visit.records.catalog.get(visit.viewer, ref.key)
    if found is None:
        raise NotFound(f"the catalogue has no {ref.kind} {ref.namespace}/{ref.name}")
    edges = both_ways(await visit.records.catalog.edges(visit.viewer, ref.key))
    relations: dict[str, list[dict[str, str]]] = {}
    for relation in edges:
        target = {"label": _short(relation.target), "href": entity_page(relation.target)}
        target["kind"] = relation.target.partition(":")[0]
        relations.setdefault(relation.type, []).append(target)
    metadata = found.descriptor.get("metadata") or {}
    workload = _workload_of(found)
    data = {
        "entity": found,
        "title_shown": found.title or found.name,
        "owner": _short(found.owner),
        "owner_href": entity_page(found.owner),
        "relations": sorted(relations.items()),
        "links": [_link(link) for link in metadata.get("links") or () if isinstance(link, dict)],
        "annotations": sorted((metadata.get("annotations") or {}).items()),
        "service": _service_page(found, workload),
        "yaml": dump_document(found.descriptor),
        "api_path": "/api/v1/catalog/entities/by-name/"
        f"{found.kind.lower()}/{found.namespace}/{found.name}",
    }
    return Page("catalog/entity.html", data, title=found.title or found.name)


def _link(link: Mapping[str, Any]) -> dict[str, str]:
    url = str(link.get("url", ""))
    is_web = urlsplit(url).scheme in ("http", "https")
    return {"title": str(link.get("title") or url), "url": url if is_web else ""}


def _short(reference: str) -> str:
    """`group:default/team-a` -> `team-a`."""
    return reference.rpartition("/")[2] if ":" in reference else reference


def entity_page(reference: str) -> str:
    try:
        found = parse_reference(reference)
    except BadReference:
        return ""
    return f"{CATALOG}/{found.kind.lower()}/{found.namespace}/{found.name}"


def _live(visit: Visit) -> Sequence[LiveWatch]:
    projects = [""] if visit.viewer.projects is None else sorted(visit.viewer.projects)
    return [LiveWatch(WORKLOAD, project) for project in projects]


PAGES = (
    PageRoute(CATALOG, catalog, "Catalog", live=_live, section=CATALOG),
    PageRoute(ENTITY, entity, "Entity", section=CATALOG),
)

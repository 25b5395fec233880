"""The catalogue to look through: a list whose filters, order and columns are in its address.

Everything comes from the index, with the viewer in the query; the API is asked for the few kinds
that the platform has added, so that the page costs the same for a few entities and for thousands.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.catalog.asked import (
    ALL_KINDS,
    CATALOG,
    COLUMNS,
    FACETS,
    MINE,
    NOBODY,
    UNKNOWN,
    Asked,
    asked_of,
    kept_query,
)
from towpath.capabilities.portal.catalog.custom_kinds import of_kind
from towpath.capabilities.portal.catalog.entity_kinds import KINDS
from towpath.capabilities.portal.catalog.entity_page import (
    ENTITY,
    custom_kinds,
    entity,
    entity_page,
    live_entity,
    service_page,
    short,
)
from towpath.capabilities.portal.catalog.graph.page import GRAPH, graph
from towpath.capabilities.portal.catalog.graph.page import live as live_graph
from towpath.capabilities.portal.catalog.history_page import (
    HISTORY,
    history,
    live_history,
    revert,
)
from towpath.capabilities.portal.catalog.new_entity_page import NEW, make, new_entity
from towpath.capabilities.portal.catalog.ownership_page import (
    OWNERSHIP,
    fix,
    live_ownership,
    ownership,
)
from towpath.capabilities.portal.catalog.source_pages import (
    SOURCE,
    SOURCES,
    live_source,
    live_sources,
    source,
    sources,
    submit,
)
from towpath.hooks.pages import Answer, LiveRecords, Page, PageRoute, Redirect, Visit
from towpath.hooks.showing import own_references
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.records.contract import Entity, SavedView
from towpath.records.properties import COMPUTED

PAGE_SIZE = 50
VALUES_SHOWN = 8
COMPUTED_VALUES_MAX = 20
VIEW_NAME_CHARACTERS_MAX = 60


async def catalog(visit: Visit) -> Page:
    return await _list(visit)


async def _list(visit: Visit, problem: str = "", status: int = 200) -> Page:
    asked = asked_of(visit.parameters)
    index, viewer = visit.records.catalog, visit.viewer
    unknown = await _unknown_owners(visit, asked) if asked.query.get("owner") == UNKNOWN else []
    where = asked.where(visit.user, unknown)
    custom = await custom_kinds(visit)
    added = _added(custom, asked.kind)
    found, counts, views = await asyncio.gather(
        index.query(viewer, where, limit=PAGE_SIZE, continue_token=asked.token, sort=_sort(asked)),
        index.facets(viewer, where, (*FACETS, *added), empty=True),
        visit.records.views.of(visit.user.name),
    )
    kinds = {one["spec"]["kind"]: 0 for one in custom if not one["spec"].get("extends")}
    counts = {**counts, "kind": {**kinds, **counts["kind"]}}
    owners = {*counts["owner"], *(one.owner for one in found.entities)} - {""}
    known = await index.existing(viewer, sorted(owners))
    labels = {**COLUMNS, **added}
    columns = _columns(asked, counts, labels)
    refs = [one.ref for one in found.entities if any(name in added for name in columns)]
    values = await index.computed_values(viewer, refs)
    data = {
        "rows": [_row(one, known, values.get(one.ref, {})) for one in found.entities],
        "total": found.total,
        "asked": asked,
        "columns": columns,
        "labels": labels,
        "headings": _headings(columns, labels),
        "choices": _choices(asked, columns, labels),
        "hidden": {name: value for name, value in asked.query.items() if name != "q"},
        "sorting": {name: value for name, value in asked.query.items() if name != "sort"},
        "facets": _facets(visit, asked, counts, known) + _computed_facets(asked, counts, added),
        "next": asked.address(**{"continue": found.continue_token}) if found.continue_token else "",
        "first": asked.address() if asked.token else "",
        "views": [_view(one, asked) for one in views],
        "problem": problem,
        "new": f"{CATALOG}/new/{asked.kind.lower()}" if _has_form(custom, asked.kind) else "",
        "view_name": visit.form.get("view", ""),
    }
    return Page("catalog/list.html", data, status)


def _added(custom: Sequence[RawObject], kind: str) -> dict[str, str]:
    """What is computed of that kind: its key, and what people read."""
    found = of_kind(custom, kind)
    properties = found.properties if found else ()
    return {f"{COMPUTED}{one.name}": one.title for one in properties}


def _has_form(custom: Sequence[RawObject], kind: str) -> bool:
    found = of_kind(custom, kind)
    return found is not None and not found.extends


def _sort(asked: Asked) -> str:
    """With words the best match comes first, unless an order is asked for."""
    return asked.sort or ("" if asked.text else "name")


async def _unknown_owners(visit: Visit, asked: Asked) -> list[str]:
    """Owners that components name and that nobody is."""
    where = asked.where(visit.user)
    counts = await visit.records.catalog.facets(visit.viewer, where, ["owner"])
    owners = list(counts["owner"])
    known = await visit.records.catalog.existing(visit.viewer, owners)
    return [owner for owner in owners if owner not in known]


def _columns(
    asked: Asked, counts: Mapping[str, Mapping[str, int]], labels: Mapping[str, str]
) -> list[str]:
    """What was chosen; else what is usual and has a word to say here. No owner is news, too."""
    shown = [name for name in labels if name in asked.columns]
    if "columns" in asked.query:
        return shown
    return [name for name in shown if name == "owner" or any(counts[name])]


def _headings(columns: Sequence[str], labels: Mapping[str, str]) -> list[Any]:
    named = [{"label": "Name", "key": "name"}]
    return [
        *named,
        *(
            {"label": label, "key": name} if name not in ("runs", "tags") else label
            for name, label in labels.items()
            if name in columns
        ),
    ]


def _choices(
    asked: Asked, columns: Sequence[str], labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Each column as a link that adds it or takes it away."""
    items = []
    for name, label in labels.items():
        is_shown = name in columns
        rest = [one for one in labels if (one in columns) != (one == name)]
        items.append(
            {"label": label, "current": is_shown, "href": asked.address(columns=",".join(rest))}
        )
    return [item for item in items if item["href"]]


def _facets(
    visit: Visit, asked: Asked, counts: Mapping[str, Mapping[str, int]], known: set[str]
) -> list[dict[str, Any]]:
    shown = []
    for name in FACETS:
        values = {value: count for value, count in counts[name].items() if value}
        items = [_value(asked, name, value, count) for value, count in values.items()]
        if name == "kind":
            items = sorted(items, key=lambda item: _rank(item["label"]))
            items.append(_value(asked, "kind", ALL_KINDS, sum(values.values())))
        items = _first(items)
        if name == "owner":
            items = [*_gaps(asked, counts["owner"], known, own_references(visit.user)), *items]
        if items:
            shown.append({"title": name.capitalize(), "items": items})
    return shown


def _computed_facets(
    asked: Asked, counts: Mapping[str, Mapping[str, int]], added: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Of what is computed, whatever has few values: a number that is another each time says
    nothing."""
    shown = []
    for name, title in added.items():
        values = {value: count for value, count in counts[name].items() if value}
        if values and (len(values) <= COMPUTED_VALUES_MAX or name in asked.query):
            items = [_value(asked, name, value, count) for value, count in values.items()]
            shown.append({"title": title, "items": _first(items)})
    return shown


def _first(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most frequent; what is chosen is always among them."""
    chosen = [item for item in items[VALUES_SHOWN:] if item["current"]]
    return [*items[:VALUES_SHOWN], *chosen]


def _gaps(
    asked: Asked, owners: Mapping[str, int], known: set[str], mine: Sequence[str]
) -> list[dict[str, Any]]:
    """Mine, nobody's, and those of somebody that nobody knows."""
    of_mine = sum(owners.get(ref, 0) for ref in mine)
    unknown = sum(count for ref, count in owners.items() if ref and ref not in known)
    items = [_value(asked, "owner", MINE, of_mine)] if of_mine else []
    counted = ((NOBODY, owners.get("", 0)), (UNKNOWN, unknown))
    return [*items, *(_value(asked, "owner", word, count) for word, count in counted if count)]


def _rank(kind: str) -> tuple[int, str]:
    known = [*KINDS]
    return (known.index(kind) if kind in known else len(known), kind)


_WORDS = {
    ("owner", MINE): "Mine",
    ("owner", NOBODY): "No owner",
    ("owner", UNKNOWN): "Unknown owner",
    ("kind", ALL_KINDS): "All kinds",
}


def _value(asked: Asked, name: str, value: str, count: int) -> dict[str, Any]:
    """A link that narrows the list to one value, or widens it again."""
    is_chosen = asked.chosen(name).lower() == value.lower()
    return {
        "label": _WORDS.get((name, value)) or short(value),
        "count": count,
        "current": is_chosen,
        "href": asked.address(**{name: "" if is_chosen else value}),
    }


def _row(entity: Entity, known: set[str], computed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    state = entity.state
    return {
        "computed": {name: ", ".join(values) for name, values in computed.items()},
        "ref": entity.ref,
        "kind": entity.kind,
        "title": entity.title or entity.name,
        "href": service_page(entity) or entity_page(entity.ref),
        "description": entity.description,
        "type": entity.type or entity.kind.lower(),
        "owner": short(entity.owner),
        "owner_href": entity_page(entity.owner) if entity.owner in known else "",
        "owner_unknown": bool(entity.owner) and entity.owner not in known,
        "project": entity.project,
        "lifecycle": entity.lifecycle,
        "tags": entity.tags,
        "health": state.health if state else "",
        "runs": state.sentence if state else "",
    }


def _view(view: SavedView, asked: Asked) -> dict[str, Any]:
    here = asked.address().partition("?")[2]
    return {
        "label": view.name,
        "href": f"{CATALOG}?{view.query}" if view.query else CATALOG,
        "current": view.query == here,
    }


async def keep(visit: Visit) -> Answer:
    """A name for the query of this address, or one name less."""
    here = asked_of(visit.parameters).address()
    views = visit.records.views
    if "forget" in visit.form:
        await views.remove(visit.user.name, visit.form["forget"])
        return Redirect(here, "The view is forgotten; what it showed is still there.")
    name = visit.form.get("view", "").strip()
    if not 0 < len(name) <= VIEW_NAME_CHARACTERS_MAX or not name.isprintable():
        problem = f"Give the view a name of up to {VIEW_NAME_CHARACTERS_MAX} characters."
        return await _list(visit, problem, 422)
    query = kept_query(here.partition("?")[2])
    if not await views.save(visit.user.name, SavedView(name, query)):
        raise BadRequest("you have as many views as are kept; forget one first")
    return Redirect(here, f"Kept as {name}.")


def _live(visit: Visit) -> Sequence[LiveRecords]:
    return (LiveRecords("catalog"),)


PAGES = (
    PageRoute(CATALOG, catalog, "Catalog", submit=keep, live=_live, section=CATALOG),
    PageRoute(OWNERSHIP, ownership, "Ownership", submit=fix, live=live_ownership, section=CATALOG),
    PageRoute(SOURCES, sources, "Sources", live=live_sources, section=CATALOG),
    PageRoute(SOURCE, source, "Source", submit=submit, live=live_source, section=CATALOG),
    PageRoute(NEW, new_entity, "New entity", submit=make, section=CATALOG),
    PageRoute(ENTITY, entity, "Entity", live=live_entity, section=CATALOG),
    PageRoute(GRAPH, graph, "Graph", live=live_graph, section=CATALOG),
    PageRoute(HISTORY, history, "History", submit=revert, live=live_history, section=CATALOG),
)

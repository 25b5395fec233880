"""Lists of objects as the API shows them itself, a page at a time, and the kinds there are.

A filter by name looks through a bounded number of objects and says where to go on; everything else
is asked of the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.capabilities.portal.objects.listable import listable
from towpath.capabilities.portal.objects.object import cell_text, column_label, crumbs
from towpath.capabilities.portal.objects.places import (
    CORE,
    Place,
    cluster_of,
    namespaces_of,
    place_of,
)
from towpath.client.protocols import ObjectTable, TableColumn, TableRow
from towpath.hooks.pages import Page, Visit
from towpath.hooks.showing import PLATFORM_PLACE, list_page, may, object_page
from towpath.machinery.errors import BadRequest, Forbidden, StatusError
from towpath.machinery.kinds import GROUP, Resource

PAGE_SIZE = 50
PAGES_LOOKED_THROUGH = 10
KINDS_MAX = 500
NAMESPACES_ASKED = 8
FILTERS = ("q", "namespace", "labels", "wide")
_FIRST_GROUPS = {GROUP: 0, "offerings.towpath.dev": 1, "": 2, "apps": 3}


async def show_list(visit: Visit) -> Page:
    place = await place_of(visit)
    query = {key: visit.parameters[key] for key in FILTERS if visit.parameters.get(key)}
    namespaces = await namespaces_of(visit) if place.resource.namespaced else []
    everywhere = await may(place.api, "list", place.resource)
    namespace = query.get("namespace", "")
    # Who may not list everywhere at once is shown one namespace of theirs after the other.
    each = place.resource.namespaced and not namespace and not everywhere and namespaces
    problem, table = "", ObjectTable([], [])
    try:
        table = await _read(
            place, namespaces if each else [namespace], query, visit.parameters.get("continue", "")
        )
    except (Forbidden, BadRequest) as error:
        problem = error.message
    base = list_page(place.resource, place.cluster)
    shows_namespace = place.resource.namespaced and not namespace
    wide = query.get("wide") == "yes"
    columns = [at for at, one in enumerate(table.columns) if at and (wide or not one.priority)]
    data = {
        "place": place,
        "crumbs": crumbs(place)[:-1],
        "base": base,
        "columns": _headings(table, columns, shows_namespace),
        "rows": [_row(place, table, row, columns, shows_namespace) for row in table.rows],
        "query": query,
        "namespace": namespace,
        "namespaces": _choices(base, query, namespaces, namespace, everywhere=everywhere),
        "next": _address(base, {**query, "namespace": namespace}, table.continue_token),
        "first": _address(base, query) if visit.parameters.get("continue") else "",
        "has_wide": any(one.priority for one in table.columns),
        "wide_href": _address(base, {**query, "wide": "" if wide else "yes"}),
        "wide": wide,
        "problem": problem,
        "commands": _commands(place, namespace, query.get("labels", "")),
        "api_path": place.resource.path(namespace),
    }
    return Page("objects/list.html", data, title=place.resource.plural)


async def _read(
    place: Place, namespaces: Sequence[str], query: Mapping[str, str], cursor: str
) -> ObjectTable:
    """A page over the namespaces; with a name to look for, what fits in so many reads.

    A cursor is `<which namespace>.<the API's own token>`.
    """
    at, token = _position(cursor, len(namespaces))
    words, rows = query.get("q", "").lower(), list[TableRow]()
    table = ObjectTable([], [])
    for _ in range(PAGES_LOOKED_THROUGH):
        table = await place.api.table(
            place.resource,
            namespaces[at],
            labels=query.get("labels", ""),
            limit=PAGE_SIZE,
            continue_token=token,
        )
        rows += [row for row in table.rows if words in row.object["metadata"]["name"].lower()]
        token = table.continue_token
        at += 0 if token else 1
        if at >= len(namespaces) or len(rows) >= PAGE_SIZE:
            break
    is_last = at >= len(namespaces)
    return ObjectTable(table.columns, rows, "" if is_last else f"{at}.{token}")


def _position(cursor: str, count: int) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    at, _, token = cursor.partition(".")
    if not at.isdecimal() or int(at) >= count:
        raise BadRequest("continue: it is not a page of this list")
    return int(at), token


def _headings(table: ObjectTable, columns: list[int], shows_namespace: bool) -> list[str]:
    shown = [column_label(table.columns[at].name) for at in columns]
    return ["Name", *(["Namespace"] if shows_namespace else []), *shown]


def _row(
    place: Place, table: ObjectTable, row: TableRow, columns: list[int], shows_namespace: bool
) -> dict[str, Any]:
    metadata = row.object["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")
    cells = [_cell(table.columns[at], row.cells[at]) for at in columns]
    if shows_namespace:
        cells.insert(0, {"label": "Namespace", "text": namespace, "status": ""})
    return {
        "name": name,
        "href": object_page(place.resource, name, namespace, place.cluster),
        "cells": cells,
        "deleting": bool(metadata.get("deletionTimestamp")),
    }


_STATES = {
    ("ready", "True"): "Ready",
    ("ready", "False"): "Degraded",
    ("ready", "Unknown"): "Progressing",
    ("synced", "True"): "Synced",
    ("synced", "False"): "Degraded",
    ("established", "True"): "Established",
    ("status", "Running"): "Ready",  # of a pod: that is what it is for
}


def _cell(column: TableColumn, cell: object) -> dict[str, str]:
    text, name = cell_text(cell), column.name.lower()
    status = _STATES.get((name, text), text if name in ("phase", "status", "health") else "")
    return {"label": column_label(column.name), "text": text, "status": status}


def _choices(
    base: str, query: Mapping[str, str], namespaces: list[str], chosen: str, *, everywhere: bool
) -> list[dict[str, Any]]:
    """Namespaces to choose from, for one who cannot look at all at once."""
    if everywhere or len(namespaces) < 2:
        return []
    return [
        {
            "label": name,
            "href": _address(base, {**query, "namespace": name}),
            "current": name == chosen,
        }
        for name in namespaces
    ]


def _address(base: str, query: Mapping[str, str], token: str | None = None) -> str:
    if token == "":  # there is no further page
        return ""
    kept = {key: value for key, value in query.items() if value}
    if token:
        kept["continue"] = token
    return f"{base}?{urlencode(kept)}" if kept else base


def _commands(place: Place, namespace: str, labels: str) -> list[tuple[str, str]]:
    resource = place.resource
    full = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    where = f" --namespace {namespace}" if namespace else ""
    everywhere = " --all-namespaces" if resource.namespaced and not namespace else ""
    wanted = f" --selector {labels}" if labels else ""
    context = f" --context {place.cluster}" if place.cluster else ""
    on_cluster = f" --cluster {place.cluster}" if place.cluster else ""
    having = f" --labels {labels}" if labels else ""
    return [
        ("towpath", f"towpath get {full}{where}{on_cluster}{having}"),
        ("kubectl", f"kubectl get {full}{where}{everywhere}{wanted}{context}"),
    ]


async def show_kinds(visit: Visit) -> Page:
    """The kinds that the visitor may list, there where the address points."""
    parameters = {"cluster": PLATFORM_PLACE, **visit.parameters}
    cluster = cluster_of(parameters)
    api = visit.cluster(cluster) if cluster else visit.api
    words = visit.parameters.get("q", "").lower()
    namespaces = await _namespaces(visit, cluster)
    resources = [one for one in await api.resources() if words in _text(one)]
    groups: dict[str, list[dict[str, str]]] = {}
    for resource in await listable(api, resources[:KINDS_MAX], namespaces):
        groups.setdefault(resource.group, []).append(_kind(resource, cluster))
    order = sorted(groups, key=lambda group: (_FIRST_GROUPS.get(group, 9), group))
    data = {
        "places": await _places(visit, cluster),
        "groups": [(group or CORE, sorted(groups[group], key=_by_kind)) for group in order],
        "count": sum(map(len, groups.values())),
        "text": visit.parameters.get("q", ""),
    }
    return Page("objects/kinds.html", data)


async def _namespaces(visit: Visit, cluster: str) -> list[str]:
    asked = {**visit.parameters, "cluster": cluster or PLATFORM_PLACE}
    return (await namespaces_of(replace(visit, parameters=asked)))[:NAMESPACES_ASKED]


def _text(resource: Resource) -> str:
    return f"{resource.kind} {resource.plural} {resource.group}".lower()


def _by_kind(shown: Mapping[str, str]) -> str:
    return shown["kind"]


def _kind(resource: Resource, cluster: str) -> dict[str, str]:
    return {
        "kind": resource.kind,
        "plural": resource.plural,
        "version": resource.version,
        "scope": "" if resource.namespaced else "in no namespace",
        "href": list_page(resource, cluster),
    }


async def _places(visit: Visit, cluster: str) -> list[dict[str, Any]]:
    """The platform's API and every cluster that the visitor knows of."""
    try:
        clusters = (await visit.api.list(CLUSTER, limit=50)).items
    except StatusError:
        clusters = []
    names = ["", *sorted(one["metadata"]["name"] for one in clusters)]
    return [
        {
            "label": f"Cluster {name}" if name else "Platform",
            "href": f"/objects/{name}" if name else "/objects",
            "current": name == cluster,
        }
        for name in names
    ]

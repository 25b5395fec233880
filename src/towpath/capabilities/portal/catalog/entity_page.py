"""The page of one entity: whose it is, how it hangs together, where it is described.

Relations are told from both sides. Addresses that people wrote are links only when they lead to the
web; what they wrote elsewhere is text.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from towpath.capabilities.portal.actions.kinds import ENTITY_API
from towpath.capabilities.portal.catalog.asked import ALL_KINDS, CATALOG, address
from towpath.capabilities.portal.catalog.custom_kinds import model_of, of_kind
from towpath.capabilities.portal.catalog.facts import LOCATION, ORPHAN
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, ENTITY_KIND
from towpath.capabilities.portal.catalog.reads import both_ways
from towpath.hooks.offered_actions import OfferedAction, Thing, offered
from towpath.hooks.pages import Live, LiveRecords, LiveWatch, Page, Visit
from towpath.hooks.showing import api_page, docs_page, get_if_there, in_projects
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.references import BadReference, EntityRef, parse_reference
from towpath.records.contract import Entity, Relation

ENTITY = "/catalog/{kind}/{namespace}/{name}"
TARGETS_SHOWN = 20
GIT = "towpath-git:"
DEFINITION_CHARACTERS_MAX = 200_000
OF_EVERYBODY = ("Group", "User", "Location")

_CALLED = {
    "hasMember": "Members",
    "providesApi": "Provides API",
    "consumesApi": "Consumes API",
    "apiProvidedBy": "Provided by",
    "apiConsumedBy": "Consumed by",
}
_DOCS = "backstage.io/techdocs-ref"
_FIRST = (
    "hasMember",
    "memberOf",
    "ownedBy",
    "partOf",
    "providesApi",
    "consumesApi",
    "dependsOn",
    "dependencyOf",
    "hasPart",
)


async def entity(visit: Visit) -> Page:
    ref = _asked(visit)
    found = await visit.records.catalog.get(visit.viewer, ref.key)
    if found is None:
        raise NotFound(f"the catalogue has no {ref.kind} {ref.namespace}/{ref.name}")
    edges, errors, custom = await asyncio.gather(
        visit.records.catalog.edges(visit.viewer, ref.key),
        _errors(visit, found),
        custom_kinds(visit),
    )
    relations = both_ways(edges, model_of(custom))
    targets = sorted({one.target for one in relations} | ({found.owner} - {""}))
    known = await visit.records.catalog.existing(visit.viewer, targets)
    metadata = found.descriptor.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    title = found.title or found.name
    api_path = (
        f"/api/v1/catalog/entities/by-name/{found.kind.lower()}/{found.namespace}/{found.name}"
    )
    curl = f'curl -H "Authorization: Bearer $TOKEN" {visit.addresses.portal(api_path)}'
    data = {
        "entity": found,
        "title_shown": title,
        "owner": short(found.owner),
        "owner_href": entity_page(found.owner) if found.owner in known else "",
        "gap": _gap(found, known),
        "relations": _relations(found, relations, known),
        "docs": _docs(found, annotations),
        "links": _links(metadata),
        "annotations": sorted((key, str(value)) for key, value in annotations.items()),
        "source": _source(annotations),
        "is_orphan": annotations.get(ORPHAN) == "true",
        "errors": errors,
        "service": service_page(found),
        "offered_actions": await _offered(visit, found),
        "history": f"{entity_page(found.ref)}/history",
        "graph": f"{entity_page(found.ref)}/graph",
        "properties": await _properties(visit, custom, found),
        "definition": _definition(found),
        "api_page": api_page(found.namespace, found.name) if found.kind == "API" else "",
        "is_of_everybody": found.kind in OF_EVERYBODY,
        "owned": address({"kind": ALL_KINDS, "owner": found.ref})
        if found.kind in ("Group", "User")
        else "",
        "yaml": dump_document(found.descriptor),
        "api_path": api_path,
        "commands": [("With a personal token", curl)],
    }
    return Page("catalog/entity.html", data, title=title)


async def custom_kinds(visit: Visit) -> list[RawObject]:
    """None where nobody may know: then the catalogue has its own kinds alone."""
    try:
        return (await visit.api.list(ENTITY_KIND)).items
    except StatusError:
        return []


async def _properties(
    visit: Visit, custom: Sequence[RawObject], found: Entity
) -> list[tuple[str, str, bool]]:
    """What its EntityKind adds: label, value, and whether it is an error."""
    kind = of_kind(custom, found.kind)
    if kind is None:
        return []
    spec = found.descriptor.get("spec") or {}
    written = [
        (str(schema.get("title") or name), _told(spec[name]), False)
        for name, schema in (kind.schema.get("properties") or {}).items()
        if name in spec and isinstance(schema, dict)
    ]
    reckoned = await visit.records.catalog.computed(visit.viewer, found.ref)
    return written + [
        (one.title, one.error or _told(one.value), bool(one.error)) for one in reckoned.values()
    ]


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | dict):
        return dump_document(value).strip()
    return str(value)


async def _offered(visit: Visit, found: Entity) -> list[OfferedAction]:
    """What can be done with it; of what is everybody's, in the only project that one is in."""
    mine = sorted(visit.viewer.projects or ())
    project = found.project or (mine[0] if len(mine) == 1 else "")
    name = found.name if found.namespace == "default" else f"{found.namespace}/{found.name}"
    itself = Thing(ENTITY_API, found.kind, name, entity=found.descriptor)
    return await offered(visit, project, itself)


def _asked(visit: Visit) -> EntityRef:
    parameters = visit.parameters
    return EntityRef(parameters["kind"], parameters["namespace"], parameters["name"])


def _gap(entity: Entity, known: set[str]) -> str:
    """What is missing about its ownership, and what to do about it."""
    if entity.kind in OF_EVERYBODY:
        return ""
    if not entity.owner:
        return "Nobody owns it. Put spec.owner into its catalog-info.yaml."
    if entity.owner not in known:
        return (
            f"Its owner {short(entity.owner)} is unknown here: no group or person has that name. "
            "Correct spec.owner, or add the group to a project or a person."
        )
    return ""


def _relations(
    entity: Entity, relations: Sequence[Relation], known: set[str]
) -> list[dict[str, Any]]:
    """By type, those that say most first; of many targets the first, and where the rest is."""
    by_type: dict[str, list[str]] = {}
    for relation in relations:
        by_type.setdefault(relation.type, []).append(relation.target)
    return [
        {
            "type": _CALLED.get(name, name),
            "count": len(targets),
            "targets": [_target(one, known) for one in targets[:TARGETS_SHOWN]],
            "more": max(0, len(targets) - TARGETS_SHOWN),
            "all": address({"kind": ALL_KINDS, "owner": entity.ref}) if name == "ownerOf" else "",
        }
        for name, targets in sorted(by_type.items(), key=lambda pair: _rank(pair[0]))
    ]


def _rank(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _target(reference: str, known: set[str]) -> dict[str, Any]:
    kind, _, rest = reference.partition(":")
    return {
        "label": short(reference),
        "where": rest.partition("/")[0],
        "kind": kind,
        "href": entity_page(reference) if reference in known else "",
        "known": reference in known,
    }


def _links(metadata: Mapping[str, Any]) -> list[dict[str, str]]:
    return [_link(link) for link in metadata.get("links") or () if isinstance(link, dict)]


def _link(link: Mapping[str, Any]) -> dict[str, str]:
    url = str(link.get("url", ""))
    return {"title": str(link.get("title") or url), "url": url if _is_web(url) else ""}


def _docs(entity: Entity, annotations: Mapping[str, Any]) -> str:
    """Where its docs are read: here, or where the annotation says; "" for nowhere."""
    place = str(annotations.get(_DOCS, ""))
    if place.startswith("dir:"):
        return docs_page(entity.kind, entity.namespace, entity.name)
    url = place.removeprefix("url:")
    return url if _is_web(url) else ""


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def _source(annotations: Mapping[str, Any]) -> dict[str, str]:
    """Where it is described: a file of a repository, or the platform's own object."""
    location = str(annotations.get(LOCATION, ""))
    if location.startswith(GIT):
        project, _, rest = location.removeprefix(GIT).partition("/")
        repository, _, path = rest.partition("/")
        return {"text": f"{path} in {project}/{repository}", "project": project}
    kind, _, rest = location.removeprefix("towpath:").partition("/")
    if location and not location.startswith("towpath:"):
        return {"text": location.partition(":")[2], "project": ""}
    if location.startswith("towpath:") and rest:
        return {"text": f"{kind} {rest}, which the platform knows by itself", "project": ""}
    return {"text": "the platform's people and the members of projects", "project": ""}


async def _errors(visit: Visit, entity: Entity) -> list[dict[str, str]]:
    """What is wrong with its description now; it is shown as it was when it was right."""
    return [
        {"field": str(error.get("field", "")), "message": str(error.get("message", ""))}
        for source in await _sources_of(visit, entity)
        for error in (source.get("status") or {}).get("errors") or ()
        if str(error.get("entity", "")).lower() == entity.ref
    ]


async def _sources_of(visit: Visit, entity: Entity) -> list[RawObject]:
    """The CatalogSources that it can come from, of those that the visitor may see."""
    sort, _, place = entity.source.partition(":")
    namespace, _, name = place.partition("/")
    if sort == "source":
        found = await get_if_there(visit.api, CATALOG_SOURCE, name, namespace)
        return [] if found is None else [found]
    if sort != "repository":
        return []
    named, discovering = await asyncio.gather(
        in_projects(visit.api, CATALOG_SOURCE, [namespace], fields=f"spec.repository={name}"),
        in_projects(visit.api, CATALOG_SOURCE, [namespace], fields="spec.type=discovery"),
    )
    return [*named, *discovering]


def _definition(entity: Entity) -> str:
    """Of an API, what it offers."""
    definition = (entity.descriptor.get("spec") or {}).get("definition")
    if entity.kind != "API" or not isinstance(definition, str):
        return ""
    return definition[:DEFINITION_CHARACTERS_MAX]


def service_page(entity: Entity) -> str:
    if not entity.workload or not entity.project:
        return ""
    return f"/projects/{quote(entity.project)}/workloads/{quote(entity.workload)}"


def entity_page(reference: str) -> str:
    try:
        found = parse_reference(reference)
    except BadReference:
        return ""
    parts = (found.kind.lower(), found.namespace, found.name)
    return "/".join((CATALOG, *(quote(part, safe="") for part in parts)))


def short(reference: str) -> str:
    """`group:default/team-a` -> `team-a`."""
    return reference.rpartition("/")[2] if ":" in reference else reference


def live_entity(visit: Visit) -> Sequence[Live]:
    namespace = visit.parameters["namespace"]
    watched = [LiveWatch(CATALOG_SOURCE, namespace)] if visit.viewer.may_see(namespace) else []
    return [LiveRecords("catalog"), *watched]

"""Locations as Backstage has them: each is what a CatalogSource reads, with the visitor's rights.

A source of type url is a location for each of its targets; one of a hosted repository is of the
type `towpath-git`, as its entities say in `backstage.io/managed-by-location`. Other sources are no
locations of Backstage's kind and are not shown here.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import orjson

from towpath.capabilities.portal.catalog.backstage.asking import decoded, encoded, predicate_of
from towpath.capabilities.portal.catalog.deciding import REFRESH, decide
from towpath.capabilities.portal.catalog.descriptors import parse_entities
from towpath.capabilities.portal.catalog.entity_kinds import BACKSTAGE
from towpath.capabilities.portal.catalog.facts import LOCATION, ORIGIN, locations
from towpath.capabilities.portal.catalog.gathering import gather, terms_of
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.catalog.sources.web import Web, links_of
from towpath.hooks.apis import ApiAnswer, ApiRequest
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import AlreadyExists, BadRequest, Conflict, Forbidden, NotFound
from towpath.machinery.objects import RawObject, key_of
from towpath.machinery.references import DEFAULT_NAMESPACE, BadReference, parse_reference
from towpath.machinery.users import AccessRequest, Authorize
from towpath.records.contract import CatalogIndex
from towpath.records.questions import (
    EVERYTHING,
    Begins,
    Condition,
    Every,
    Has,
    Is,
    Never,
    Question,
    Some,
)

URL, GIT = "url", "towpath-git"
API_VERSION = "towpath.dev/v1alpha1"

EXISTING_MAX = 100
QUERY_LIMIT = 1000
TRIES = 5
"""So often other targets are written: meanwhile the source says how it is, or loses another one."""

_PROJECT = re.compile(r"(?:^|&)project=([a-z0-9-]{1,63})(?:&|$)")
_DRY_RUN = re.compile(r"(?:^|&)dryRun=(?:true|1|yes|y|on)(?:&|$)", re.IGNORECASE)
_NOT_OF_NAMES = re.compile(r"[^a-zA-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Location:
    id: str
    type: str
    target: str
    source: RawObject
    is_whole: bool
    """Whether the source reads nothing else."""

    def shown(self) -> dict[str, str]:
        ref = entity_ref(self.type, self.target)
        return {"id": self.id, "type": self.type, "target": self.target, "entityRef": ref}


class Locations:
    def __init__(self, catalog: CatalogIndex, authorize: Authorize, web: Web) -> None:
        self._catalog = catalog
        self._authorize = authorize
        self._web = web

    async def all(self, request: ApiRequest) -> bytes:
        found = [{"data": one.shown()} for one in await _known(request)]
        return orjson.dumps(found)

    async def by_query(self, request: ApiRequest, body: Mapping[str, Any]) -> bytes:
        asked = body
        if "cursor" in body:
            if not body["cursor"]:
                raise BadRequest("Cursor cannot be empty")
            asked = decoded(body["cursor"], "Malformed cursor, unknown encoding")
        limit = asked.get("limit", QUERY_LIMIT)
        if type(limit) is not int or limit < 1:
            raise BadRequest("Limit must be a positive integer >= 1")
        where = predicate_of(asked["query"]) if asked.get("query") is not None else EVERYTHING
        shown = sorted((one.shown() for one in await _known(request)), key=itemgetter("id"))
        fitting = [one for one in shown if _fits(one, where)]
        rest = [one for one in fitting if one["id"] > str(asked.get("afterId", ""))]
        pages = {}
        if len(rest) > limit:
            told = {"limit": limit, "afterId": rest[limit - 1]["id"], "query": asked.get("query")}
            pages = {"nextCursor": encoded(told)}
        said = {"items": rest[:limit], "totalItems": len(fitting), "pageInfo": pages}
        return orjson.dumps(said)

    async def one(self, request: ApiRequest, location_id: str) -> bytes:
        return orjson.dumps((await _found(request, location_id)).shown())

    async def of_entity(self, request: ApiRequest, ref: str) -> bytes:
        (entity,) = await self._catalog.named(request.viewer, [ref])
        if entity is None:
            raise NotFound(f"found no entity for ref {ref.lower()}")
        origin = _annotations(entity).get(ORIGIN, "")
        for location in await _known(request):
            if f"{location.type}:{location.target}" == origin:
                return orjson.dumps(location.shown())
        kind, _, target = origin.partition(":")
        raise NotFound(f"Found no location with type {kind} and target {target}")

    async def add(self, request: ApiRequest, body: Mapping[str, Any]) -> bytes:
        kind, target = _location_of(body)
        same = [one for one in await _known(request) if (one.type, one.target) == (kind, target)]
        source = _source(target, _namespace(request))
        if _DRY_RUN.search(request.query):
            entities = await self._tried(request, source, target)
            told = {
                "type": kind,
                "target": target,
                "id": f"{kind}:{target}",
                "entityRef": entity_ref(kind, target),
            }
            return orjson.dumps({"exists": bool(same), "location": told, "entities": entities})
        if same and "onConflict=refresh" in request.query:
            await decide(request.api, same[0].source, REFRESH)
            return orjson.dumps({"location": same[0].shown(), "entities": []})
        if same:
            raise Conflict(f"Location {kind}:{target} already exists")
        try:
            made = await request.api.create(CATALOG_SOURCE, source)
        except AlreadyExists as error:
            raise Conflict(f"Location {kind}:{target} already exists") from error
        (location,) = _locations(made)
        return orjson.dumps({"location": location.shown(), "entities": []})

    async def _tried(self, request: ApiRequest, source: RawObject, target: str) -> list[RawObject]:
        """What would come of it, for whoever may make such a source."""
        namespace = source["metadata"]["namespace"]
        may = AccessRequest("create", "towpath.dev", "catalogsources", namespace=namespace)
        if not await self._authorize(request.user, may):
            raise Forbidden(f"you may not create catalogue sources in {namespace}")
        terms = terms_of(source, is_of_platform=namespace == SYSTEM_NAMESPACE)
        found = await gather(self._web, [f"{URL}:{target}"], terms)
        wrong = [*found.missing.values(), *found.unread.values(), *found.broken.values()]
        wrong += [f"{one.entity}: {one.field}: {one.message}" for one in found.errors]
        if wrong:
            raise BadRequest(", ".join(wrong))
        entities = [registered(target), *(one.descriptor for one in found.entities)]
        return [
            {**one, "metadata": {"namespace": DEFAULT_NAMESPACE, **one["metadata"]}}
            for one in entities
        ]

    async def change(self, request: ApiRequest, location_id: str, body: Mapping[str, Any]) -> bytes:
        """Another target in its place."""
        kind, target = _location_of(body)
        location = await _found(request, location_id)
        if location.type != URL:
            raise BadRequest(f"a location of type {location.type} is changed with its source")
        await _put(request, location, target)
        told = {**location.shown(), "target": target, "entityRef": entity_ref(kind, target)}
        return orjson.dumps(told)

    async def remove(self, request: ApiRequest, location_id: str) -> None:
        location = await _found(request, location_id)
        key = key_of(location.source)
        if location.is_whole:
            await request.api.delete(CATALOG_SOURCE, key.name, key.namespace)
            return
        await _put(request, location)

    async def refresh(self, request: ApiRequest, body: Mapping[str, Any]) -> None:
        """The entity's sources are read again at once; what is our own is always current."""
        ref = body.get("entityRef")
        try:
            known = parse_reference(ref if isinstance(ref, str) else "")
        except BadReference as error:
            raise BadRequest(f"Malformed request: entityRef: {error}") from error
        entity = await self._catalog.get(request.viewer, known.key)
        if entity is None:
            raise NotFound(f"Entity {known.key} not found")
        annotations = entity.descriptor["metadata"].get("annotations") or {}
        places = {annotations.get(name, "") for name in (LOCATION, ORIGIN)}
        namespace = entity.project or SYSTEM_NAMESPACE
        for source in (await request.api.list(CATALOG_SOURCE, namespace)).items:
            if any(f"{one.type}:{one.target}" in places for one in _locations(source)):
                await decide(request.api, source, REFRESH)

    async def analyze(self, request: ApiRequest, body: Mapping[str, Any]) -> bytes:
        """What is registered from there already; else the beginning of a descriptor."""
        kind, target = _location_of(body["location"])
        if not urlsplit(target).netloc:
            raise BadRequest("The given location.target is not a URL")
        where = Is(f"metadata.annotations.{LOCATION}", (f"{kind}:{target}",))
        known = await self._catalog.ask(request.viewer, Question(where, limit=EXISTING_MAX))
        if known.entities:
            existing = [
                {
                    "location": {"type": kind, "target": target},
                    "isRegistered": True,
                    "entity": orjson.loads(entity),
                }
                for entity in known.entities
            ]
            return orjson.dumps({"existingEntityFiles": existing, "generateEntities": []})
        entity = {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": _stem(target), **_project_slug(target)},
            "spec": {"type": "other", "lifecycle": "unknown"},
        }
        generated = {"entity": entity, "fields": []}
        return orjson.dumps({"existingEntityFiles": [], "generateEntities": [generated]})

    def validate(self, body: Mapping[str, Any]) -> ApiAnswer:
        location = body["location"]
        if not location.startswith(f"{URL}:"):
            message = (
                f"Invalid location ref {location}, only 'url:<target>' is supported, e.g. "
                "url:https://host/path"
            )
            return _invalid([("TypeError", message)])
        parsed = parse_entities([body["entity"]])
        wrong = [
            ("InputError", f"{error.field or 'entity'}: {error.message}") for error in parsed.errors
        ]
        return _invalid(wrong) if wrong else ApiAnswer()


def entity_ref(kind: str, target: str) -> str:
    """Of the Location entity that Backstage makes of a location that is registered."""
    return f"location:{DEFAULT_NAMESPACE}/{_name_of_entity(kind, target)}"


def _name_of_entity(kind: str, target: str) -> str:
    digest = hashlib.sha1(f"{kind}:{target}".encode(), usedforsecurity=False)
    return f"generated-{digest.hexdigest()}"


def registered(target: str) -> RawObject:
    """The entity that it is there, which here is the source."""
    address = f"{URL}:{target}"
    return {
        "apiVersion": BACKSTAGE[0],
        "kind": "Location",
        "metadata": {
            "name": _name_of_entity(URL, target),
            "annotations": {**locations(address), **links_of(address)},
        },
        "spec": {"type": URL, "target": target},
    }


def _source(target: str, namespace: str) -> RawObject:
    return {
        "apiVersion": API_VERSION,
        "kind": "CatalogSource",
        "metadata": {"name": _name_of(target), "namespace": namespace},
        "spec": {"type": URL, "url": {"targets": [target]}},
    }


def _fits(location: Mapping[str, str], where: Condition) -> bool:
    """Of few, so one by one."""
    told = {name.lower(): value.lower() for name, value in location.items()}
    match where:
        case Every(of):
            return all(_fits(location, one) for one in of)
        case Some(of):
            return any(_fits(location, one) for one in of)
        case Never(one):
            return not _fits(location, one)
        case Has(key):
            return key.lower() in told
        case Is(key, values):
            return told.get(key.lower()) in {value.lower() for value in values}
        case Begins(key, prefix):
            return told.get(key.lower(), "").startswith(prefix.lower())


async def _put(request: ApiRequest, location: Location, *instead: str) -> None:
    """Other targets, or none, in the place of this one. Raises Conflict when it never fits."""
    key, source = key_of(location.source), location.source
    for _ in range(TRIES):
        targets = list(source["spec"]["url"]["targets"])
        if location.target not in targets:
            raise NotFound(f"Found no location with ID {location.id}")
        at = targets.index(location.target)
        targets[at : at + 1] = instead
        seen = {"resourceVersion": source["metadata"]["resourceVersion"]}
        patch = {"metadata": seen, "spec": {"url": {"targets": targets}}}
        with suppress(Conflict):
            await request.api.patch(CATALOG_SOURCE, key.name, key.namespace, patch)
            return
        source = await request.api.get(CATALOG_SOURCE, key.name, key.namespace)
    raise Conflict(f"the source {key} is being changed all the time; try again")


async def _known(request: ApiRequest) -> list[Location]:
    """Of all sources that the visitor may read."""
    if request.viewer.projects is None:
        sources = (await request.api.list(CATALOG_SOURCE)).items
    else:
        sources = []
        for project in sorted(request.viewer.projects):
            sources += (await request.api.list(CATALOG_SOURCE, project)).items
    return [location for source in sources for location in _locations(source)]


async def _found(request: ApiRequest, location_id: str) -> Location:
    for location in await _known(request):
        if location.id == location_id:
            return location
    raise NotFound(f"Found no location with ID {location_id}")


def _locations(source: RawObject) -> Iterator[Location]:
    spec, uid = source["spec"], source["metadata"]["uid"]
    if spec["type"] == "git":
        namespace = source["metadata"]["namespace"]
        path = spec.get("path") or "catalog-info.yaml"
        target = f"{namespace}/{spec['repository']}/{path.strip('/')}"
        yield Location(uid, GIT, target, source, is_whole=True)
    elif spec["type"] == URL:
        targets = spec["url"]["targets"]
        for number, target in enumerate(targets):
            own = uid if number == 0 else str(uuid.uuid5(uuid.UUID(uid), target))
            yield Location(own, URL, target, source, is_whole=len(targets) == 1)


def _location_of(body: Mapping[str, Any]) -> tuple[str, str]:
    kind, target = str(body["type"]), str(body["target"])
    unknown = body.keys() - {"type", "target", "presence"}
    if unknown or body.get("presence", "required") not in ("required", "optional"):
        raise BadRequest(
            "Malformed request: a location has type and target, and presence required or optional"
        )
    if kind != URL:
        raise BadRequest('Registered locations must be of an allowed type ["url"]')
    return kind, target


def _namespace(request: ApiRequest) -> str:
    """Where the visitor's source is made: the project that they say, or the only one there is."""
    if said := _PROJECT.search(request.query):
        return said[1]
    projects = request.viewer.projects
    if projects is None:
        return SYSTEM_NAMESPACE
    if len(projects) == 1:
        return next(iter(projects))
    known = ", ".join(sorted(projects)) or "none"
    raise BadRequest(f"say whose the location is, as ?project=NAME; yours are: {known}")


def _name_of(target: str) -> str:
    return f"location-{hashlib.sha256(target.encode()).hexdigest()[:16]}"


def _stem(target: str) -> str:
    """A name for what lies there: that of the repository, in most addresses."""
    parts = [part for part in target.partition("://")[2].split("/") if part]
    name = parts[2] if len(parts) > 2 else parts[-1] if parts else "component"
    return _NOT_OF_NAMES.sub("-", name.removesuffix(".git")).strip("-")[:63] or "component"


def _project_slug(target: str) -> dict[str, Any]:
    parts = urlsplit(target)
    owner, _, rest = parts.path.strip("/").partition("/")
    if parts.netloc != "github.com" or not rest:
        return {}
    name = rest.partition("/")[0].removesuffix(".git")
    return {"annotations": {"github.com/project-slug": f"{owner}/{name}"}}


def _annotations(entity: bytes) -> Mapping[str, str]:
    annotations: Mapping[str, str] = orjson.loads(entity)["metadata"].get("annotations") or {}
    return annotations


def _invalid(errors: list[tuple[str, str]]) -> ApiAnswer:
    told = [{"name": name, "message": message} for name, message in errors]
    return ApiAnswer(orjson.dumps({"errors": told}), 400, "application/json; charset=utf-8")

"""Locations as Backstage has them: each is what a CatalogSource reads, with the visitor's rights.

A source of type url is a location for each of its targets; one of a hosted repository is of the
type `towpath-git`, as its entities say in `backstage.io/managed-by-location`. Other sources are no
locations of Backstage's kind and are not shown here.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from towpath.capabilities.portal.catalog.descriptors import parse_entities
from towpath.capabilities.portal.catalog.facts import LOCATION, ORIGIN
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.hooks.apis import ApiAnswer, ApiRequest
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.errors import AlreadyExists, BadRequest, Conflict, NotFound
from towpath.machinery.objects import RawObject, key_of
from towpath.machinery.references import BadReference, parse_reference
from towpath.records.contract import CatalogIndex
from towpath.records.questions import Is, Question

URL, GIT = "url", "towpath-git"
API_VERSION = "towpath.dev/v1alpha1"

EXISTING_MAX = 100

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
        return {"id": self.id, "type": self.type, "target": self.target}


class Locations:
    def __init__(self, catalog: CatalogIndex) -> None:
        self._catalog = catalog

    async def all(self, request: ApiRequest) -> bytes:
        found = [{"data": one.shown()} for one in await _known(request)]
        return orjson.dumps(found)

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
        raise NotFound(f"could not find location for {ref.lower()}")

    async def add(self, request: ApiRequest, body: Mapping[str, Any]) -> bytes:
        kind, target = _location_of(body)
        same = [one for one in await _known(request) if (one.type, one.target) == (kind, target)]
        if _DRY_RUN.search(request.query):
            told = {"id": f"{kind}:{target}", "type": kind, "target": target}
            return orjson.dumps({"location": told, "exists": bool(same), "entities": []})
        if same:
            raise Conflict(f"Location {kind}:{target} already exists")
        source = {
            "apiVersion": API_VERSION,
            "kind": "CatalogSource",
            "metadata": {"name": _name_of(target), "namespace": _namespace(request)},
            "spec": {"type": URL, "url": {"targets": [target]}},
        }
        try:
            made = await request.api.create(CATALOG_SOURCE, source)
        except AlreadyExists as error:
            raise Conflict(f"Location {kind}:{target} already exists") from error
        (location,) = _locations(made)
        return orjson.dumps({"location": location.shown(), "entities": []})

    async def remove(self, request: ApiRequest, location_id: str) -> None:
        location = await _found(request, location_id)
        key = key_of(location.source)
        if location.is_whole:
            await request.api.delete(CATALOG_SOURCE, key.name, key.namespace)
            return
        targets = list(location.source["spec"]["url"]["targets"])
        targets.remove(location.target)
        await request.api.patch(
            CATALOG_SOURCE, key.name, key.namespace, {"spec": {"url": {"targets": targets}}}
        )

    async def refresh(self, request: ApiRequest, body: Mapping[str, Any]) -> None:
        """The entity's sources are read again at once; what is our own is always current."""
        ref = body.get("entityRef")
        try:
            known = parse_reference(ref if isinstance(ref, str) else "")
        except BadReference as error:
            raise BadRequest(f"Malformed request: entityRef: {error}") from error
        entity = await self._catalog.get(request.viewer, known.key)
        if entity is None:
            raise NotFound(f"Failed to schedule {known.key} for refresh")
        annotations = entity.descriptor["metadata"].get("annotations") or {}
        places = {annotations.get(name, "") for name in (LOCATION, ORIGIN)}
        namespace = entity.project or SYSTEM_NAMESPACE
        patch = {"metadata": {"annotations": {REFRESH_ANNOTATION: _now()}}}
        for source in (await request.api.list(CATALOG_SOURCE, namespace)).items:
            if any(f"{one.type}:{one.target}" in places for one in _locations(source)):
                await request.api.patch(CATALOG_SOURCE, key_of(source).name, namespace, patch)

    async def analyze(self, request: ApiRequest, body: Mapping[str, Any]) -> bytes:
        """What is registered from there already; else the beginning of a descriptor."""
        location = body.get("location")
        kind, target = _location_of(location if isinstance(location, dict) else {})
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
            "metadata": {"name": _stem(target)},
            "spec": {"type": "other", "lifecycle": "unknown"},
        }
        generated = {"entity": entity, "fields": []}
        return orjson.dumps({"existingEntityFiles": [], "generateEntities": [generated]})

    def validate(self, body: Mapping[str, Any]) -> ApiAnswer:
        location = body.get("location")
        if not isinstance(location, str) or not location.startswith("url:"):
            message = (
                f"Invalid location ref {location}, only 'url:<target>' is supported, e.g. "
                "url:https://host/path"
            )
            return _invalid([("TypeError", message)])
        parsed = parse_entities([body.get("entity")])
        if body.get("entity") is None:
            return _invalid([("InputError", "entity: is required")])
        wrong = [
            ("InputError", f"{error.field or 'entity'}: {error.message}") for error in parsed.errors
        ]
        return _invalid(wrong) if wrong else ApiAnswer()


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
    kind, target = body.get("type"), body.get("target")
    if not isinstance(kind, str) or not isinstance(target, str) or not target:
        raise BadRequest("Malformed request: a location has a type and a target, both strings")
    if kind != URL:
        raise BadRequest("Registered locations must be of type 'url'")
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


def _annotations(entity: bytes) -> Mapping[str, str]:
    annotations: Mapping[str, str] = orjson.loads(entity)["metadata"].get("annotations") or {}
    return annotations


def _invalid(errors: list[tuple[str, str]]) -> ApiAnswer:
    told = [{"name": name, "message": message} for name, message in errors]
    return ApiAnswer(orjson.dumps({"errors": told}), 400)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

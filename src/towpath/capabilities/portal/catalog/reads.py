"""The catalogue for portal, command line and agents: what the viewer may see of it, and no more."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.catalog.entity_kinds import KINDS, STANDARD, Model
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.references import EntityRef
from towpath.records.contract import (
    CatalogIndex,
    Edges,
    Entity,
    EntityFilter,
    Relation,
    Viewer,
)
from towpath.records.properties import COMPUTED

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
FILTERS = (
    "kind",
    "namespace",
    "name",
    "type",
    "owner",
    "system",
    "lifecycle",
    "health",
    "project",
    "tag",
)
FACETS = ("kind", "type", "owner", "lifecycle", "system", "health", "tag", "project")

_SPELLING = {kind.lower(): kind for kind in KINDS}


def reads(platform: Platform) -> Sequence[Read]:
    catalogue = _Catalogue(platform.catalog)
    return (
        Read("catalog/entities", catalogue.entities),
        Read("catalog/entities/by-name/{kind}/{namespace}/{name}", catalogue.entity),
        Read("catalog/facets", catalogue.facets),
    )


class _Catalogue:
    def __init__(self, index: CatalogIndex) -> None:
        self._index = index

    async def entities(self, viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """A page of entities. Filters are fields; a comma separates alternatives."""
        page = await self._index.query(
            viewer,
            _filter(parameters),
            limit=_limit(parameters),
            continue_token=parameters.get("continue", ""),
            sort=parameters.get("sort", ""),
        )
        return {
            "items": [_shown(entity, entity.relations) for entity in page.entities],
            "totalItems": page.total,
            "continue": page.continue_token,
        }

    async def entity(self, viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """One entity, with its relations in both directions."""
        ref = EntityRef(parameters["kind"], parameters["namespace"], parameters["name"])
        entity = await self._index.get(viewer, ref.key)
        if entity is None:
            raise NotFound(f"there is no entity {ref}")
        return _shown(entity, both_ways(await self._index.edges(viewer, ref.key)))

    async def facets(self, viewer: Viewer, parameters: Mapping[str, str]) -> Any:
        """How many entities have which value, for each of `fields`."""
        fields = [name for name in parameters.get("fields", "").split(",") if name] or list(FACETS)
        if unknown := {name for name in fields if not name.startswith(COMPUTED)} - set(FACETS):
            raise BadRequest(f"fields: {min(unknown)!r} is none of {', '.join(FACETS)}")
        return await self._index.facets(viewer, _filter(parameters), fields)


def both_ways(edges: Edges, model: Model = STANDARD) -> list[Relation]:
    """What the entity says itself, and the inverse of what others say of it."""
    inverse = model.inverse
    incoming = (
        Relation(inverse[relation.type], relation.target)
        for relation in edges.incoming
        if relation.type in inverse
    )
    return sorted({*edges.outgoing, *incoming})


def _shown(entity: Entity, relations: Sequence[Relation]) -> RawObject:
    """The descriptor, with what a catalogue adds to it."""
    metadata = entity.descriptor["metadata"]
    return {
        **entity.descriptor,
        "metadata": {
            "namespace": entity.namespace,
            **metadata,
            "uid": entity.uid,
            "etag": entity.etag,
        },
        "relations": [
            {"type": relation.type, "targetRef": relation.target} for relation in relations
        ],
    }


def _filter(parameters: Mapping[str, str]) -> EntityFilter:
    fields = {
        name: tuple(_stored(name, value) for value in parameters[name].split(","))
        for name in (*FILTERS, *(name for name in parameters if name.startswith(COMPUTED)))
        if parameters.get(name)
    }
    return EntityFilter(fields, parameters.get("text", ""))


def _stored(field: str, value: str) -> str:
    """The value as the index has it: kinds by their own spelling, references in lower case."""
    if field == "kind":
        return _SPELLING.get(value.lower(), value)
    return value.lower() if field in ("owner", "system") else value


def _limit(parameters: Mapping[str, str]) -> int:
    text = parameters.get("limit") or str(LIMIT_DEFAULT)
    if not text.isdecimal() or not 1 <= int(text) <= LIMIT_MAX:
        raise BadRequest(f"limit: {text!r} is not a number from 1 to {LIMIT_MAX}")
    return int(text)

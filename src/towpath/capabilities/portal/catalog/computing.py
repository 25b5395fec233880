"""Computed properties of an entity, made when it is read of what the reader may see.

Nothing is stored, so nothing is ever out of date; it costs what the relations of one entity cost.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.catalog.custom_kinds import (
    CALCULATION,
    MIRROR,
    OF_ENTITY,
    OF_ITEM,
    CustomKind,
    Property,
)
from towpath.capabilities.portal.catalog.entity_kinds import Model
from towpath.machinery.cel import CelError
from towpath.machinery.objects import RawObject
from towpath.records.contract import CatalogIndex, Entity, EntityFilter, Viewer

TARGETS_MAX = 2000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Computed:
    title: str
    value: Any = None
    error: str = ""


async def computed(
    index: CatalogIndex, viewer: Viewer, model: Model, kind: CustomKind, entity: Entity
) -> dict[str, Computed]:
    """By the properties' names, in their order; a later one may name those before it."""
    found: dict[str, Computed] = {}
    for one in kind.properties:
        try:
            value = await _value(index, viewer, model, one, entity, found)
            found[one.name] = Computed(one.title, value)
        except (CelError, ValueError, TypeError) as error:
            found[one.name] = Computed(one.title, error=str(error))
    return found


async def _value(
    index: CatalogIndex,
    viewer: Viewer,
    model: Model,
    one: Property,
    entity: Entity,
    before: dict[str, Computed],
) -> Any:
    if one.how == CALCULATION:
        known = {name: found.value for name, found in before.items()}
        bindings = {"entity": entity.descriptor, "computed": known}
        return OF_ENTITY.compile(one.expression).evaluate(bindings)
    items = await _follow(index, viewer, model, one.via, entity)
    if one.how == MIRROR:
        values = [_at(item.descriptor, one.path) for item in items]
        told = [value for value in values if value is not None]
        return told[0] if told else None
    return _aggregated(one, entity, [item.descriptor for item in items])


def _aggregated(one: Property, entity: Entity, items: Sequence[RawObject]) -> Any:
    bindings = [{"entity": entity.descriptor, "item": item} for item in items]
    if one.where:
        chosen = OF_ITEM.compile(one.where)
        bindings = [binding for binding in bindings if chosen.evaluate(binding) is True]
    if one.function == "count":
        return len(bindings)
    program = OF_ITEM.compile(one.value)
    values = [value for value in (program.evaluate(one) for one in bindings) if value is not None]
    if not values:
        return None
    if one.function == "average":
        return sum(values) / len(values)
    reckon: dict[str, Callable[[list[Any]], Any]] = {"sum": sum, "min": min, "max": max}
    return reckon[one.function](values)


async def _follow(
    index: CatalogIndex, viewer: Viewer, model: Model, via: Sequence[str], entity: Entity
) -> list[Entity]:
    """The entities at the end of the relations, each once, by name."""
    here = [entity]
    for relation in via:
        refs: set[str] = set()
        for one in here:
            edges = await index.edges(viewer, one.ref)
            refs |= {edge.target for edge in edges.outgoing if edge.type == relation}
            other = model.inverse.get(relation)
            refs |= {edge.target for edge in edges.incoming if edge.type == other}
        here = await _named(index, viewer, sorted(refs)[:TARGETS_MAX])
    return here


async def _named(index: CatalogIndex, viewer: Viewer, refs: Sequence[str]) -> list[Entity]:
    found: list[Entity] = []
    for start in range(0, len(refs), _CHUNK):
        where = EntityFilter({"ref": tuple(refs[start : start + _CHUNK])})
        found += (await index.query(viewer, where, limit=_CHUNK, sort="name")).entities
    return found


def _at(descriptor: RawObject, path: str) -> Any:
    found: Any = descriptor
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found

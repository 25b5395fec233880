"""What is computed of entities: looked up, reckoned or counted, and how. Pure.

A property is a fact like any other, under the key `computed.<name>`, made of what its reader may
see. Import the names from `records.contract`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from towpath.machinery.cel import CelError, Environment
from towpath.machinery.cel.types import DYN
from towpath.machinery.objects import RawObject

MIRROR, CALCULATION, AGGREGATION = "mirror", "calculation", "aggregation"
OF_ENTITY = Environment({"entity": DYN, "computed": DYN})
OF_ITEM = Environment({"entity": DYN, "item": DYN})
COMPUTED = "computed."
"""Their keys begin so."""
LISTS_KEPT = 8


@dataclass(frozen=True, slots=True)
class Property:
    """One computed property, as it is written."""

    name: str
    title: str
    how: str
    via: tuple[str, ...] = ()
    """Relations to follow, one after the other."""
    path: str = ""
    expression: str = ""
    where: str = ""
    value: str = ""
    function: str = "count"

    def of(self, entity: RawObject, items: Sequence[RawObject], before: Mapping[str, Any]) -> Any:
        """Its value for an entity, the entities at the end of `via`, and the properties before it.

        Raises CelError, ValueError or TypeError.
        """
        if self.how == CALCULATION:
            bindings = {"entity": entity, "computed": before}
            return OF_ENTITY.compile(self.expression).evaluate(bindings)
        if self.how == MIRROR:
            values = (_at(item, self.path) for item in items)
            return next((value for value in values if value is not None), None)
        return self._aggregated(entity, items)

    def _aggregated(self, entity: RawObject, items: Sequence[RawObject]) -> Any:
        bindings = [{"entity": entity, "item": item} for item in items]
        if self.where:
            chosen = OF_ITEM.compile(self.where)
            bindings = [binding for binding in bindings if chosen.evaluate(binding) is True]
        if self.function == "count":
            return len(bindings)
        program = OF_ITEM.compile(self.value)
        told = [value for value in map(program.evaluate, bindings) if value is not None]
        if not told:
            return None
        if self.function == "average":
            return sum(told) / len(told)
        reckon: dict[str, Callable[[list[Any]], Any]] = {"sum": sum, "min": min, "max": max}
        return reckon[self.function](told)


@dataclass(frozen=True, slots=True)
class Computed:
    """What came of one property for one reader."""

    title: str
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Properties:
    """What is computed of which kind, in lower case, and the two names of every relation."""

    of: Mapping[str, tuple[Property, ...]] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def inverse(self) -> Mapping[str, str]:
        return {one: other for pair in self.pairs for one, other in (pair, pair[::-1])}

    @property
    def ways(self) -> set[tuple[str, tuple[str, ...]]]:
        """Each kind with the relations from it to whatever its properties look at."""
        return {
            (kind, one.via[:steps])
            for kind, properties in self.of.items()
            for one in properties
            for steps in range(1, len(one.via) + 1)
        }

    def differing(self, other: "Properties") -> list[str]:
        """The kinds of which something else is computed."""
        kinds = {*self.of, *other.of}
        if set(self.pairs) != set(other.pairs):
            return sorted(kinds)
        return sorted(kind for kind in kinds if self.of.get(kind) != other.of.get(kind))

    def written(self) -> bytes:
        return orjson.dumps({"of": self.of, "pairs": self.pairs}, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=LISTS_KEPT)
def properties_of(written: bytes) -> Properties:
    read = orjson.loads(written)
    of = {kind: tuple(map(_property, known)) for kind, known in read["of"].items()}
    return Properties(of, tuple((one, other) for one, other in read["pairs"]))


def _property(known: RawObject) -> Property:
    return Property(**{**known, "via": tuple(known["via"])})


def computed_of(
    properties: Sequence[Property], entity: RawObject, items: Callable[[Property], list[RawObject]]
) -> dict[str, Computed]:
    """By name, in their order; a later one may name those before it."""
    found: dict[str, Computed] = {}
    for one in properties:
        before = {name: known.value for name, known in found.items()}
        try:
            found[one.name] = Computed(one.title, one.of(entity, items(one), before))
        except (CelError, ValueError, TypeError) as error:
            found[one.name] = Computed(one.title, error=str(error))
    return found


def _at(descriptor: RawObject, path: str) -> Any:
    found: Any = descriptor
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found

"""Kinds and properties that a platform adds to the catalogue: one EntityKind, and it has all.

Pure. What a descriptor must say comes from its JSON Schema; the form and the page are made of the
same. What is computed of entities is told to the index, which computes it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from towpath.capabilities.portal.catalog.entity_kinds import (
    BACKSTAGE,
    KINDS,
    STANDARD,
    Field,
    Kind,
    Model,
)
from towpath.machinery.cel import CelSyntaxError
from towpath.machinery.objects import RawObject
from towpath.records.contract import Properties, Property
from towpath.records.properties import AGGREGATION, CALCULATION, MIRROR, OF_ENTITY, OF_ITEM

TOWPATH = "towpath.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class CustomKind:
    """What one EntityKind says."""

    kind: str
    extends: bool
    """It adds to a kind that is there already."""
    title: str
    description: str
    schema: RawObject
    properties: tuple[Property, ...] = ()
    relations: tuple[tuple[Field, str], ...] = ()
    """Fields that refer to others, each with the name from its other end."""
    problems: tuple[str, ...] = field(default_factory=tuple)


def custom_kind(obj: RawObject) -> CustomKind:
    """As far as it is right; what is wrong with it is in `problems`."""
    spec = obj["spec"]
    kind, extends = spec["kind"], bool(spec.get("extends"))
    schema = spec.get("schema") or {"type": "object"}
    properties = tuple(_property(one) for one in spec.get("computed") or ())
    relations = tuple(
        (
            Field(
                one["field"],
                one["relation"],
                one.get("targetKind") or "",
                many=bool(one.get("many", True)),
            ),
            one["inverse"],
        )
        for one in spec.get("relations") or ()
    )
    custom = CustomKind(
        kind,
        extends,
        spec.get("title") or kind,
        spec.get("description") or "",
        schema,
        properties,
        relations,
    )
    problems = tuple(_problems(custom))
    return CustomKind(
        kind, extends, custom.title, custom.description, schema, properties, relations, problems
    )


def _property(one: RawObject) -> Property:
    how = next(name for name in (MIRROR, CALCULATION, AGGREGATION) if name in one)
    said = one[how]
    title = one.get("title") or one["name"]
    if how == CALCULATION:
        return Property(one["name"], title, how, expression=said["expression"])
    via = tuple(said["via"])
    if how == MIRROR:
        return Property(one["name"], title, how, via, path=said["path"])
    return Property(
        one["name"],
        title,
        how,
        via,
        where=said.get("where") or "",
        value=said.get("value") or "",
        function=said.get("function") or "count",
    )


def _problems(custom: CustomKind) -> Iterator[str]:
    if custom.extends and custom.kind not in KINDS:
        yield f"kind: {custom.kind} cannot be extended; there are {', '.join(KINDS)}"
    if not custom.extends and custom.kind in KINDS:
        yield f"kind: {custom.kind} is one of the catalogue's own; add to it with extends: true"
    yield from _schema_problems(custom.schema)
    for one in custom.properties:
        for name, environment in (
            ("expression", OF_ENTITY),
            ("where", OF_ITEM),
            ("value", OF_ITEM),
        ):
            text = getattr(one, name)
            try:
                if text:
                    environment.compile(text)
            except CelSyntaxError as error:
                yield f"computed {one.name}: {name}: {error}"
        if one.function != "count" and one.how == AGGREGATION and not one.value:
            yield f"computed {one.name}: {one.function} needs value, an expression over item"


def _schema_problems(schema: RawObject) -> Iterator[str]:
    import jsonschema_rs

    if any(not reference.startswith("#") for reference in _references(schema)):
        yield "schema: $ref may only lead to the schema itself"
        return
    try:
        jsonschema_rs.Draft7Validator(schema)
    except ValueError as error:
        yield f"schema: {str(error).splitlines()[0]}"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def model_of(objects: Iterable[RawObject]) -> Model:
    """The catalogue's own kinds, with those that are right among the custom ones.

    Of two EntityKinds for one kind the first by name counts.
    """
    kinds: dict[str, Kind] = {}
    changed: dict[str, Kind] = {}
    pairs: list[tuple[str, str]] = []
    for obj in sorted(objects, key=lambda one: str(one["metadata"]["name"])):
        custom = custom_kind(obj)
        known = STANDARD.kinds.get(custom.kind)
        if custom.problems or custom.kind in kinds or custom.kind in changed:
            continue
        fields = tuple(one for one, _ in custom.relations)
        pairs += [(one.relation, inverse) for one, inverse in custom.relations]
        judge = _Judge(orjson.dumps(custom.schema))
        if known is None:
            owner = Field("owner", "ownedBy", "Group")
            system = Field("system", "partOf", "System")
            versions = (TOWPATH, *BACKSTAGE)
            kinds[custom.kind] = Kind((), (owner, system, *fields), versions, {}, judge)
        else:
            changed[custom.kind] = Kind(
                known.required, (*known.fields, *fields), known.api_versions, known.types, judge
            )
    found = STANDARD.with_kinds(kinds, pairs)
    return Model({**found.kinds, **changed}, found.pairs)


def properties_of(objects: Iterable[RawObject]) -> Properties:
    """What is computed by those that count, with the relations of all kinds."""
    known = sorted(objects, key=lambda one: str(one["metadata"]["name"]))
    kinds = {one["spec"]["kind"] for one in known}
    counting = (of_kind(known, kind) for kind in kinds)
    of = {one.kind.lower(): one.properties for one in counting if one and one.properties}
    return Properties(of, model_of(known).pairs)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Two that are the same judge alike, so that models can be compared."""

    schema: bytes

    def __call__(self, descriptor: RawObject) -> Iterator[tuple[str, str]]:
        for wrong in _validator(self.schema).iter_errors(descriptor.get("spec") or {}):
            path = "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong.instance_path
            )
            yield f"spec{path}", str(wrong.message)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Draft7Validator(orjson.loads(schema))


def of_kind(objects: Sequence[RawObject], kind: str) -> CustomKind | None:
    """The EntityKind that counts for a kind, whatever its letters."""
    for obj in sorted(objects, key=lambda one: str(one["metadata"]["name"])):
        if obj["spec"]["kind"].lower() == kind.lower():
            custom = custom_kind(obj)
            if not custom.problems:
                return custom
    return None

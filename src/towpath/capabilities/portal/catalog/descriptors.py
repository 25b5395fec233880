"""Entity descriptors as Backstage has them: read, checked one by one, and what they refer to.

Pure. A file holds several entities; each is judged alone, so one that is wrong never takes its
neighbours with it. References are filled in per field: an owner is a Group, a system a System.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.references import (
    DEFAULT_NAMESPACE,
    BadReference,
    EntityRef,
    parse_reference,
)
from towpath.records.contract import Entity, Relation

API_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")

WORKLOAD_ANNOTATION = "towpath.dev/workload"

_NAME = re.compile(r"[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*")
_NAMESPACE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_KEY = re.compile(r"([a-z0-9.-]+/)?[a-zA-Z0-9]+([-_.][a-zA-Z0-9]+)*")
_LENGTH_MAX = 63
_PREFIX_LENGTH_MAX = 253


@dataclass(frozen=True, slots=True)
class Field:
    """A field of spec that refers to other entities, and the relation that it tells."""

    name: str
    relation: str
    default_kind: str = ""
    many: bool = False


_OWNER = Field("owner", "ownedBy", "Group")
_SYSTEM = Field("system", "partOf", "System")
_DEPENDS_ON = Field("dependsOn", "dependsOn", many=True)
_DEPENDENCY_OF = Field("dependencyOf", "dependencyOf", many=True)


@dataclass(frozen=True, slots=True)
class Kind:
    """What spec must have, and what it refers to."""

    required: tuple[str, ...]
    fields: tuple[Field, ...]


KINDS: Mapping[str, Kind] = {
    "Component": Kind(
        ("type", "lifecycle", "owner"),
        (
            _OWNER,
            _SYSTEM,
            Field("subcomponentOf", "partOf", "Component"),
            Field("providesApis", "providesApi", "API", many=True),
            Field("consumesApis", "consumesApi", "API", many=True),
            _DEPENDS_ON,
            _DEPENDENCY_OF,
        ),
    ),
    "API": Kind(("type", "lifecycle", "owner", "definition"), (_OWNER, _SYSTEM)),
    "Resource": Kind(("type", "owner"), (_OWNER, _SYSTEM, _DEPENDS_ON, _DEPENDENCY_OF)),
    "System": Kind(("owner",), (_OWNER, Field("domain", "partOf", "Domain"))),
    "Domain": Kind(("owner",), (_OWNER, Field("subdomainOf", "partOf", "Domain"))),
    "Group": Kind(
        ("type", "children"),
        (
            Field("parent", "childOf", "Group"),
            Field("children", "parentOf", "Group", many=True),
            Field("members", "hasMember", "User", many=True),
        ),
    ),
    "User": Kind((), (Field("memberOf", "memberOf", "Group", many=True),)),
}

INVERSE: Mapping[str, str] = {
    one: other
    for pair in (
        ("ownedBy", "ownerOf"),
        ("partOf", "hasPart"),
        ("providesApi", "apiProvidedBy"),
        ("consumesApi", "apiConsumedBy"),
        ("dependsOn", "dependencyOf"),
        ("childOf", "parentOf"),
        ("memberOf", "hasMember"),
    )
    for one, other in (pair, pair[::-1])
}


@dataclass(frozen=True, slots=True)
class EntityError:
    """What is wrong with one entity. `entity` is its reference as far as it can be read."""

    entity: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Parsed:
    entities: tuple[Entity, ...]
    errors: tuple[EntityError, ...]


def parse_entities(documents: Sequence[Any]) -> Parsed:
    entities: dict[str, Entity] = {}
    errors: list[EntityError] = []
    for index, document in enumerate(documents):
        if document is None:
            continue
        found = list(_errors(document, f"document {index + 1}"))
        if not found:
            entity = entity_of(document)
            if entity.ref in entities:
                found = [EntityError(entity.ref, "metadata.name", "appears twice in this file")]
            else:
                entities[entity.ref] = entity
        errors += found
    return Parsed(tuple(entities.values()), tuple(errors))


def entity_of(descriptor: RawObject) -> Entity:
    """The entity as it is indexed. The descriptor must be free of errors."""
    metadata, spec = descriptor["metadata"], descriptor.get("spec") or {}
    ref = reference_of(descriptor)
    relations = tuple(dict.fromkeys(_relations(descriptor, ref.namespace)))
    return Entity(
        ref=ref.key,
        kind=descriptor["kind"],
        name=metadata["name"],
        namespace=ref.namespace,
        descriptor=descriptor,
        title=metadata.get("title") or (spec.get("profile") or {}).get("displayName") or "",
        description=metadata.get("description") or "",
        type=spec.get("type") or "",
        owner=_target(relations, "ownedBy"),
        system=_target(relations, "partOf", "system:"),
        lifecycle=spec.get("lifecycle") or "",
        tags=tuple(metadata.get("tags") or ()),
        relations=relations,
        workload=_workload(descriptor),
    )


def reference_of(descriptor: RawObject) -> EntityRef:
    metadata = descriptor["metadata"]
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    return EntityRef(descriptor["kind"], namespace, metadata["name"])


def with_annotations(entity: Entity, annotations: Mapping[str, str]) -> Entity:
    """The same entity with more annotations; its own win."""
    metadata = entity.descriptor["metadata"]
    merged = {**annotations, **(metadata.get("annotations") or {})}
    descriptor = {**entity.descriptor, "metadata": {**metadata, "annotations": merged}}
    return replace(entity, descriptor=descriptor)


def _relations(descriptor: RawObject, namespace: str) -> Iterator[Relation]:
    spec = descriptor.get("spec") or {}
    for field in KINDS[descriptor["kind"]].fields:
        for _, text in _texts(field, spec):
            found = parse_reference(
                text, default_kind=field.default_kind, default_namespace=namespace
            )
            yield Relation(field.relation, found.key)


def _workload(descriptor: RawObject) -> str:
    """A component is the workload of its project that its annotation names."""
    annotations = descriptor["metadata"].get("annotations") or {}
    name: str = annotations.get(WORKLOAD_ANNOTATION, "")
    return name if descriptor["kind"] == "Component" else ""


def _target(relations: Sequence[Relation], kind: str, prefix: str = "") -> str:
    return next((r.target for r in relations if r.type == kind and r.target.startswith(prefix)), "")


def _texts(field: Field, spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    value = spec.get(field.name)
    if not value:
        return
    if not field.many:
        yield f"spec.{field.name}", value
        return
    for index, item in enumerate(value):
        yield f"spec.{field.name}[{index}]", item


def _errors(document: Any, place: str) -> Iterator[EntityError]:
    if not isinstance(document, dict):
        yield EntityError(place, "", "must be an object with apiVersion, kind, metadata and spec")
        return
    known = _known_as(document, place)
    for field, message in _envelope_errors(document):
        yield EntityError(known, field, message)
    if document.get("kind") in KINDS and isinstance(document.get("spec", {}), dict):
        for field, message in _spec_errors(document["kind"], document.get("spec") or {}):
            yield EntityError(known, field, message)


def _known_as(document: RawObject, place: str) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    kind = document.get("kind")
    if not (isinstance(name, str) and isinstance(kind, str)):
        return place
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return EntityRef(kind, str(namespace or DEFAULT_NAMESPACE), name).key


def _envelope_errors(document: RawObject) -> Iterator[tuple[str, str]]:
    if document.get("apiVersion") not in API_VERSIONS:
        yield "apiVersion", f"must be {API_VERSIONS[0]}, not {document.get('apiVersion')!r}"
    kind = document.get("kind")
    if kind not in KINDS:
        yield "kind", f"{kind!r} is not supported here; supported are {', '.join(KINDS)}"
    if not isinstance(document.get("spec", {}), dict):
        yield "spec", "must be an object"
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        yield "metadata", "must be an object with a name"
        return
    yield from _metadata_errors(metadata)


def _metadata_errors(metadata: RawObject) -> Iterator[tuple[str, str]]:
    if not _fits(_NAME, metadata.get("name"), _LENGTH_MAX):
        yield (
            "metadata.name",
            f"{metadata.get('name')!r} must be letters and digits, separated by one of -_. each, "
            f"at most {_LENGTH_MAX} characters",
        )
    namespace = metadata.get("namespace")
    if namespace is not None and not _fits(_NAMESPACE, namespace, _LENGTH_MAX):
        yield "metadata.namespace", f"{namespace!r} must be a lower-case DNS label"
    tags = metadata.get("tags") or []
    if not isinstance(tags, list):
        yield "metadata.tags", "must be a list"
        tags = []
    for index, tag in enumerate(tags):
        if not _fits(_TAG, tag, _LENGTH_MAX):
            yield f"metadata.tags[{index}]", f"{tag!r} must be [a-z0-9:+#] joined by dashes"
    for name in ("annotations", "labels"):
        yield from _map_errors(f"metadata.{name}", metadata.get(name))


def _map_errors(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield field, "must be an object"
        return
    for key, text in value.items():
        if not _fits(_KEY, key, _PREFIX_LENGTH_MAX):
            yield field, f"the key {key!r} must be [<domain>/]<name>"
        if not isinstance(text, str):
            yield f"{field}.{key}", f"must be a text; quote it: {text!r}"


def _spec_errors(kind: str, spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in KINDS[kind].required:
        if spec.get(name) in (None, ""):
            yield f"spec.{name}", f"is required for a {kind}"
    for name in ("type", "lifecycle", "definition"):
        if spec.get(name) is not None and not isinstance(spec[name], str):
            yield f"spec.{name}", "must be a text"
    for field in KINDS[kind].fields:
        value = spec.get(field.name)
        if value is None:
            continue
        if field.many and not isinstance(value, list):
            yield f"spec.{field.name}", "must be a list of references"
            continue
        yield from _reference_errors(field, spec)


def _reference_errors(field: Field, spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, text in _texts(field, spec):
        if not isinstance(text, str):
            yield place, f"must be a reference, not {text!r}"
            continue
        try:
            parse_reference(text, default_kind=field.default_kind)
        except BadReference as error:
            yield place, str(error)


def _fits(pattern: re.Pattern[str], value: Any, length_max: int) -> bool:
    return (
        isinstance(value, str) and len(value) <= length_max and pattern.fullmatch(value) is not None
    )

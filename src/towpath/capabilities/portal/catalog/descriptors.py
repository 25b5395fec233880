"""Entity descriptors as Backstage has them: read, checked one by one, and what they refer to.

Pure. A file holds several entities; each is judged alone, so one that is wrong never takes its
neighbours with it. What a kind must say is in the model that it is judged by.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from sys import intern
from typing import Any

from towpath.capabilities.portal.catalog.entity_kinds import (
    STANDARD,
    Field,
    Kind,
    Model,
    is_text,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.references import (
    DEFAULT_NAMESPACE,
    BadReference,
    EntityRef,
    parse_reference,
)
from towpath.records.contract import Entity, Relation, written

WORKLOAD_ANNOTATION = "towpath.dev/workload"

# Upstream's code takes separators in a row, which its description does not: what is written there
# works there, and must here.
_NAME = re.compile(r"[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_KEY = re.compile(r"([a-z0-9]+([.-][a-z0-9]+)*/)?[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:.")
_NOT_NULL = frozenset({"namespace", "title", "description", "labels", "tags", "links"})
_ROOT = frozenset({"apiVersion", "kind", "metadata", "spec"})
_LENGTH_MAX = 63
_PREFIX_LENGTH_MAX = 253


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


def parse_entities(
    documents: Iterable[Any], model: Model = STANDARD, known_by: Mapping[str, str] | None = None
) -> Parsed:
    """`known_by` are annotations that each gets of where it was read: it is as answers have it."""
    entities: dict[str, Entity] = {}
    errors: list[EntityError] = []
    for index, document in enumerate(documents):
        if document is None:
            continue
        found = list(_errors(document, f"document {index + 1}", model))
        if not found:
            try:
                told = annotated(_ordered(document, model), known_by) if known_by else document
                entity = entity_of(told, model)
            except TypeError as error:
                ref = reference_of(document).key
                errors.append(EntityError(ref, "", f"cannot be kept as JSON: {error}"))
                continue
            if entity.ref in entities:
                found = [EntityError(entity.ref, "metadata.name", "appears twice in this file")]
            else:
                entities[entity.ref] = entity
        errors += found
    return Parsed(tuple(entities.values()), tuple(errors))


def entity_of(descriptor: RawObject, model: Model = STANDARD) -> Entity:
    """The entity as it is indexed. The descriptor must be free of errors."""
    metadata, spec = descriptor["metadata"], descriptor.get("spec") or {}
    ref = reference_of(descriptor)
    relations = tuple(dict.fromkeys(_relations(descriptor, ref.namespace, model)))
    return Entity(
        ref=ref.key,
        kind=descriptor["kind"],
        name=metadata["name"],
        namespace=ref.namespace,
        written=written(descriptor),
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
    """The same entity with more annotations, which win: nobody says for us where they come from."""
    descriptor = annotated(entity.descriptor, annotations)
    return replace(entity, written=written(descriptor))


def annotated(descriptor: RawObject, annotations: Mapping[str, str]) -> RawObject:
    metadata = descriptor["metadata"]
    merged = {**(metadata.get("annotations") or {}), **annotations}
    return {**descriptor, "metadata": {**metadata, "annotations": merged}}


def _ordered(descriptor: RawObject, model: Model) -> RawObject:
    """With its lists of references in one order, as Backstage answers them."""
    spec = descriptor["spec"]
    fields = model.kinds[descriptor["kind"]].of_type(spec.get("type")).fields
    lists = {one.name: sorted(spec[one.name]) for one in fields if one.many and one.name in spec}
    return {**descriptor, "spec": {**spec, **lists}}


def _relations(descriptor: RawObject, namespace: str, model: Model) -> Iterator[Relation]:
    spec = descriptor.get("spec") or {}
    for field in model.kinds[descriptor["kind"]].of_type(spec.get("type")).fields:
        for _, text in _texts(field, spec):
            found = parse_reference(
                text, default_kind=field.default_kind, default_namespace=namespace
            )
            kinds = {kind.lower() for kind in field.kinds}
            if not kinds or found.kind.lower() in kinds:
                # Thousands name the same few: each is kept once.
                yield Relation(field.relation, intern(found.key))


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


def _errors(document: Any, place: str, model: Model) -> Iterator[EntityError]:
    if not isinstance(document, dict):
        yield EntityError(place, "", "must be an object with apiVersion, kind, metadata and spec")
        return
    known = _known_as(document, place)
    envelope = list(_envelope_errors(document, model))
    for field, message in envelope:
        yield EntityError(known, field, message)
    kind, spec = model.kinds.get(document.get("kind") or ""), document.get("spec")
    if kind is None or not isinstance(spec, dict):
        return
    wrong = list(_spec_errors(document["kind"], kind.of_type(spec.get("type")), spec))
    for field, message in wrong:
        yield EntityError(known, field, message)
    if not envelope and not wrong:
        for field, message in kind.of_type(spec.get("type")).judge(document):
            yield EntityError(known, field, message)


def _known_as(document: RawObject, place: str) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    kind = document.get("kind")
    if not (isinstance(name, str) and isinstance(kind, str)):
        return place
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return EntityRef(kind, str(namespace or DEFAULT_NAMESPACE), name).key


def _envelope_errors(document: RawObject, model: Model) -> Iterator[tuple[str, str]]:
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in model.kinds:
        yield "kind", f"{kind!r} is not a kind of this catalogue: {', '.join(model.kinds)}"
    else:
        versions = model.kinds[kind].api_versions
        if document.get("apiVersion") not in versions:
            said = document.get("apiVersion")
            yield "apiVersion", f"must be {versions[0]} for a {kind}, not {said!r}"
    for name in document.keys() - _ROOT:
        yield f"{name}", f"is none of {', '.join(sorted(_ROOT))}; what is yours goes into spec"
    if not isinstance(document.get("spec"), dict):
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
    for name in _NOT_NULL & metadata.keys():
        if metadata[name] is None:
            yield f"metadata.{name}", "must not be null; leave it out"
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
    for key, value in _items(metadata.get("labels")):
        if isinstance(value, str) and value and not _fits(_NAME, value, _LENGTH_MAX):
            yield f"metadata.labels.{key}", f"{value!r} must be written as a name is, or be empty"
    for name in ("title", "description", "uid", "etag"):
        if metadata.get(name) is not None and not isinstance(metadata[name], str):
            yield f"metadata.{name}", f"must be a text; quote it: {metadata[name]!r}"
        elif metadata.get(name) == "" and name != "description":
            yield f"metadata.{name}", "must not be empty; leave it out"
    yield from _link_errors(metadata.get("links"))


def _items(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _link_errors(links: Any) -> Iterator[tuple[str, str]]:
    if links is None:
        return
    if not isinstance(links, list):
        yield "metadata.links", "must be a list of objects with a url"
        return
    for index, link in enumerate(links):
        if not isinstance(link, dict) or not isinstance(link.get("url"), str) or not link["url"]:
            yield f"metadata.links[{index}]", "must be an object with a url"
            continue
        if not _SCHEME.match(link["url"]):
            yield f"metadata.links[{index}].url", f"{link['url']!r} must be an address: https://…"
        for name in ("title", "icon", "type"):
            if not is_text(link.get(name, "a text")):
                yield f"metadata.links[{index}].{name}", "must be a text, or be left out"


def _map_errors(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield field, "must be an object"
        return
    for key, text in value.items():
        if not _fits(_KEY, key, _PREFIX_LENGTH_MAX + 1 + _LENGTH_MAX):
            yield field, f"the key {key!r} must be [<domain>/]<name>"
        if not isinstance(text, str):
            yield f"{field}.{key}", f"must be a text; quote it: {text!r}"


def _spec_errors(
    name_of_kind: str, kind: Kind, spec: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for name in kind.required:
        if spec.get(name) in (None, ""):
            yield f"spec.{name}", f"is required for a {name_of_kind}"
    references = {field.name for field in kind.fields}
    for name in ("type", "lifecycle", "definition", *kind.texts):
        is_missing = name in kind.required and spec.get(name) in (None, "")
        if name not in references and not (is_missing or is_text(spec.get(name, "a text"))):
            yield f"spec.{name}", "must be a text that is not empty"
    for name in kind.lists:
        if not _is_list_of_texts(spec.get(name, [])):
            yield f"spec.{name}", "must be a list of texts"
    for field in kind.fields:
        is_empty = spec.get(field.name) in (None, "")
        if field.name not in spec or (is_empty and field.name in kind.required):
            continue
        if field.many and not isinstance(spec[field.name], list):
            yield f"spec.{field.name}", "must be a list of references"
        elif not field.many and is_empty:
            yield f"spec.{field.name}", "must be a reference; leave it out where there is none"
        else:
            yield from _reference_errors(field, spec)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


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

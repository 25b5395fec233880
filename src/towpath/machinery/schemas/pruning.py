"""Unknown fields: found with their paths, and removed.

Rules of apiextensions-apiserver's pruning: what a schema does not name goes;
x-kubernetes-preserve-unknown-fields keeps the unknown fields of its own level and everything below
them, while the named fields below are pruned by their own schema; apiVersion, kind and metadata
are always known at the root and in embedded resources, and metadata has fields of its own. A null
whose field is neither nullable nor defaulted goes as well, silently; one with a default waits.
"""

from collections.abc import Callable
from typing import Any

from towpath.machinery.fieldsets import HOLDERS
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.metadata import OBJECT_META
from towpath.machinery.schemas.once import Memory, once

Visit = Callable[[Any, str, list[str], bool], None]
"""value, its path, where to note unknown paths, whether to remove them."""

RESOURCE_FIELDS = ("apiVersion", "kind", "metadata")


def compile_pruning(schema: RawObject, *, is_resource: bool) -> Visit | None:
    """None when nothing below can be unknown, so that callers skip the walk."""
    return _compile_node(schema, {}, is_resource=is_resource)


@once
def _compile(schema: RawObject, memory: Memory) -> Visit | None:
    return _compile_node(schema, memory, is_resource=False)


def _compile_node(schema: RawObject, memory: Memory, *, is_resource: bool) -> Visit | None:
    if isinstance(items := schema.get("items"), dict):
        return _items_visit(_compile(items, memory))
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return _values_visit(_compile(extra, memory), _drops_null(extra))
    if schema.get("type") != "object" and "properties" not in schema and not is_resource:
        return None if schema.get("x-kubernetes-preserve-unknown-fields") else _nothing_known
    is_resource = is_resource or bool(schema.get("x-kubernetes-embedded-resource"))
    fields: dict[str, Visit | None] = {}
    nulls: set[str] = set()
    for name, below in schema.get("properties", {}).items():
        if is_resource and name in RESOURCE_FIELDS:
            continue
        fields[name] = _compile(below, memory)
        if _drops_null(below):
            nulls.add(name)
    if is_resource:
        fields.update(dict.fromkeys(RESOURCE_FIELDS))
        fields["metadata"] = _compile(OBJECT_META, memory)
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields")) or extra is True
    return _object_visit(fields, frozenset(nulls), keeps)


def _drops_null(schema: RawObject) -> bool:
    return not schema.get("nullable") and "default" not in schema


def _object_visit(
    fields: dict[str, Visit | None], nulls: frozenset[str], keeps_unknown: bool
) -> Visit:
    def visit(value: Any, path: str, unknown: list[str], remove: bool) -> None:
        if not isinstance(value, dict):
            if not keeps_unknown:
                _nothing_known(value, path, unknown, remove)
            return
        gone: list[str] | None = None
        for name, below in value.items():
            if name in fields:
                if below is not None:
                    deeper = fields[name]
                    if deeper is _nothing_known and below.__class__ not in HOLDERS:
                        continue
                    if deeper is not None:
                        deeper(below, f"{path}.{name}" if path else name, unknown, remove)
                    continue
                if name not in nulls:
                    continue
            elif keeps_unknown:
                continue
            else:
                unknown.append(f"{path}.{name}" if path else name)
            if gone is None:
                gone = []
            gone.append(name)
        if gone is not None and remove:
            for name in gone:
                del value[name]

    return visit


def _nothing_known(value: Any, path: str, unknown: list[str], remove: bool) -> None:
    """Fields where there should be a text or a number, or a list: none of them is known."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            if item.__class__ in HOLDERS:
                _nothing_known(item, f"{path}[{position}]", unknown, remove)
    elif isinstance(value, dict):
        unknown.extend(f"{path}.{name}" for name in value)
        if remove:
            value.clear()


def _items_visit(each: Visit | None) -> Visit | None:
    if each is None:
        return None

    def visit(value: Any, path: str, unknown: list[str], remove: bool) -> None:
        if isinstance(value, dict):
            _nothing_known(value, path, unknown, remove)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                each(item, f"{path}[{position}]", unknown, remove)

    return visit


def _values_visit(each: Visit | None, drops_null: bool) -> Visit | None:
    def visit(value: Any, path: str, unknown: list[str], remove: bool) -> None:
        if not isinstance(value, dict):
            _nothing_known(value, path, unknown, remove)
            return
        if drops_null and remove and None in value.values():
            for name in [name for name, below in value.items() if below is None]:
                del value[name]
        if each is not None:
            for name, below in value.items():
                if each is not _nothing_known or below.__class__ in HOLDERS:
                    each(below, f"{path}.{name}" if path else name, unknown, remove)

    return visit

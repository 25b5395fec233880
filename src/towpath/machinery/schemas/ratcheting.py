"""Ratcheting: an error at a value that an update did not touch does not stop the update.

A value is compared with its old self where the two can be matched: fields by name, items of a
list-type map by their keys, other lists only as a whole.
"""

from collections.abc import Sequence
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.uniqueness import by_keys, identity

_MISSING = object()


def is_unchanged(schema: RawObject, path: Sequence[Any], new: Any, old: Any) -> bool:
    """Whether the value at `path`, or anything that holds it, is what it was."""
    if new == old:
        return True
    for step in path:
        old = _old_below(schema, step, new, old)
        if old is _MISSING:
            return False
        new = new[step]
        if new == old:
            return True
        schema = _schema_below(schema, step)
    return False


def _old_below(schema: RawObject, step: Any, new: Any, old: Any) -> Any:
    if isinstance(old, dict):
        return old.get(step, _MISSING)
    if isinstance(old, list) and schema.get("x-kubernetes-list-type") == "map":
        keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        return by_keys(old, keys).get(identity(new[step], keys), _MISSING)
    return _MISSING


def schema_at(schema: RawObject, path: Sequence[Any]) -> RawObject:
    """What is said of the value at `path`; nothing where nothing is said."""
    for step in path:
        schema = _schema_below(schema, step)
    return schema


def _schema_below(schema: RawObject, step: Any) -> RawObject:
    if isinstance(step, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return below if isinstance(below, dict) else {}

"""An entity as facts: keys with values, by which it is found. Pure.

As Backstage's search table has them: keys are paths, lists add nothing to a path, values are texts
in lower case of at most 200 characters, and what is longer or null is there without a value. A text
in a list is a key of its own there, `metadata.tags.java`; here it is the fact `metadata.tags` is
`java`, marked as listed, for there would be as many keys as values.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from towpath.machinery.objects import RawObject

LENGTH_MAX = 200
NOTHING = "\x00"
"""The value of what has none: no text of an entity is this, and it comes before all others."""

_APART = frozenset(
    {
        "attachments",
        "relations",
        "status",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.etag",
    }
)


class Fact(NamedTuple):
    key: str
    value: str
    spelled: str | None
    """As it is written, None when that is the value itself."""
    listed: bool


def facts_of(entity: RawObject) -> dict[tuple[str, str], Fact]:
    """By key and value; the first spelling of a value counts."""
    facts: dict[tuple[str, str], Fact] = {}
    for path, value, listed in _all(entity):
        key = path.lower()
        if len(key) > LENGTH_MAX:
            continue
        fact = _fact(key, value, listed=listed)
        known = facts.setdefault((key, fact.value), fact)
        if listed and not known.listed:
            facts[key, fact.value] = known._replace(listed=True)
    return facts


def text_of(value: Any) -> str:
    """As JavaScript writes a plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _all(entity: RawObject) -> Iterator[tuple[str, Any, bool]]:
    metadata = entity.get("metadata") or {}
    yield from _below("", entity)
    for name in ("name", "namespace", "uid"):
        yield f"metadata.{name}", metadata.get(name), False
    for relation in entity.get("relations") or ():
        yield f"relations.{relation['type']}", relation["targetRef"], False


def _below(path: str, value: Any) -> Iterator[tuple[str, Any, bool]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            inner_path = f"{path}.{name}" if path else name
            if inner_path not in _APART:
                yield from _below(inner_path, inner)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                yield path, item, True
            else:
                yield from _below(path, item)
    else:
        yield path, value, False


def _fact(key: str, value: Any, *, listed: bool) -> Fact:
    if value is None:
        return Fact(key, NOTHING, None, listed=False)
    spelled = text_of(value)
    lower = spelled.lower()
    if len(lower) > LENGTH_MAX or NOTHING in lower:
        return Fact(key, NOTHING, None, listed=False)
    return Fact(key, lower, None if spelled == lower else spelled, listed=listed)

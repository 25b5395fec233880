"""An entity as facts: keys with values, by which it is found. Pure.

As Backstage's search table has them: keys are paths, lists add nothing to a path, values are texts
in lower case of at most 200 characters, and what is longer or null is there without a value. A text
in a list is a key of its own there, `metadata.tags.java`; here it is the fact `metadata.tags` is
`java`, marked as listed, for there would be as many keys as values.
"""

from typing import Any

from towpath.machinery.objects import RawObject

LENGTH_MAX = 200
NOTHING = "\x00"
"""The value of what has none: no text of an entity is this, and it comes before all others."""

_APART = frozenset(
    {
        "attachments",
        "computed",
        "relations",
        "status",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.etag",
    }
)


Facts = dict[tuple[str, str], tuple[str | None, bool]]
"""By key and value: how it is spelled, None when that is the value itself; and whether it is a text
in a list."""


def facts_of(entity: RawObject) -> Facts:
    """The first spelling of a value counts."""
    facts: Facts = {}
    metadata = entity.get("metadata") or {}
    _below("", entity, facts)
    for name in ("name", "namespace", "uid"):
        _add(facts, f"metadata.{name}", metadata.get(name))
    for relation in entity.get("relations") or ():
        _add(facts, f"relations.{relation['type']}".lower(), relation["targetRef"])
    return facts


def add_facts(facts: Facts, path: str, value: Any) -> None:
    """Of a value that is no part of the entity's own text."""
    _below(path, value, facts)


def text_of(value: Any) -> str:
    """As JavaScript writes a plain value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _below(path: str, value: Any, facts: Facts) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            inner_path = f"{path}.{name}" if path else name
            if inner_path not in _APART:
                _below(inner_path, inner, facts)
    elif isinstance(value, list):
        key = path.lower()
        for item in value:
            if isinstance(item, str):
                _add(facts, key, item, listed=True)
            else:
                _below(path, item, facts)
    else:
        _add(facts, path.lower(), value)


def _add(facts: Facts, key: str, value: Any, *, listed: bool = False) -> None:
    if len(key) > LENGTH_MAX:
        return
    spelled = value if isinstance(value, str) else NOTHING if value is None else text_of(value)
    lower = spelled.lower()
    if len(lower) > LENGTH_MAX or NOTHING in lower:
        facts.setdefault((key, NOTHING), (None, False))
        return
    name = (key, lower)
    known = facts.get(name)
    if known is None:
        facts[name] = (None if spelled == lower else spelled, listed)
    elif listed and not known[1]:
        facts[name] = (known[0], True)

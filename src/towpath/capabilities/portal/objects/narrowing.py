"""What an edit claims: the fields that were changed, and no others. Pure functions.

Applying the whole text would make the editor a co-owner of every field in it, and then neither Git
nor a controller could take one away again. So what is applied are the changed fields, with those
that the editor has owned since earlier edits (leaving them out would remove them).
"""

from typing import Any

from towpath.machinery.fieldsets import FieldSet
from towpath.machinery.objects import RawObject

_NOT_EDITABLE = (
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)


def editable(obj: RawObject) -> RawObject:
    """The object without what only the server writes."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in _NOT_EDITABLE}
    return {
        **{key: value for key, value in obj.items() if key != "status"},
        "metadata": metadata,
    }


def owned_by(obj: RawObject, manager: str) -> FieldSet:
    """The fields that the manager has applied before."""
    for entry in obj["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            found: FieldSet = entry.get("fieldsV1") or {}
            return found
    return {}


def claims(edited: RawObject, live: RawObject, owned: FieldSet) -> RawObject:
    """What to apply: identity, what differs from `live`, and what was owned before."""
    metadata = edited["metadata"]
    identity = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    found = _claimed(edited, live, owned) or {}
    return {
        **found,
        "apiVersion": edited["apiVersion"],
        "kind": edited["kind"],
        "metadata": {**found.get("metadata", {}), **identity},
    }


def _claimed(edited: Any, live: Any, owned: FieldSet) -> Any:
    """None when nothing is claimed. Lists are claimed whole."""
    if not isinstance(edited, dict):
        return edited if edited != live or owned else None
    before = live if isinstance(live, dict) else {}
    found = {}
    for key, value in edited.items():
        step = owned.get(f"f:{key}")
        if key in before and before[key] == value and step is None:
            continue
        if isinstance(value, dict) and isinstance(before.get(key), dict):
            inner = _claimed(value, before[key], step or {})
            if inner:
                found[key] = inner
        else:
            found[key] = value
    return found or None


def left_out(edited: Any, live: Any, prefix: str = "") -> list[str]:
    """Fields that are there and were taken out of the text; at most what a person reads."""
    if not isinstance(edited, dict) or not isinstance(live, dict):
        return []
    gone = [f"{prefix}{key}" for key in live if key not in edited]
    for key, value in edited.items():
        if key in live:
            gone += left_out(value, live[key], f"{prefix}{key}.")
    return gone

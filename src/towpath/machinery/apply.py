"""Server-side apply and the bookkeeping of managedFields.

Every writer of an object is a manager with a set of fields. Applying takes the fields of the
configuration, gives back the fields the manager no longer names (and removes those that nobody
else claims), and is refused where it would change what another manager owns. Other writes own what
they change. Entries and objects that say nothing new come back as they were, so that a no-op stays
one. Sources: sigs.k8s.io/structured-merge-diff and apimachinery's pkg/util/managedfields.

Managers that wrote other versions of the kind are compared field by field as they are: conversion
strategy None is the only one we serve.
"""

from collections.abc import Collection, Iterable
from typing import Any

import orjson
from msgspec import Struct
from msgspec.structs import replace

from towpath.machinery.comparison import Comparison, compare
from towpath.machinery.errors import BadRequest, Cause, Conflict
from towpath.machinery.fieldsets import (
    FieldSet,
    difference,
    fields_of,
    intersection,
    paths,
    union,
    without,
    without_identity,
)
from towpath.machinery.merging import merge, remove
from towpath.machinery.objects import RawObject
from towpath.machinery.topology import Topology

UPDATE_MANAGERS_MAX = 10
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_SERVER_OWNED = ("uid", "resourceVersion", "generation", "creationTimestamp", "selfLink")
_IDENTITY = ("name", "namespace", "generateName")


class ManagerId(Struct, frozen=True):
    """Who: appliers are the same in every version, updaters are not."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    def __str__(self) -> str:
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == "Apply" else f"{text} using {self.api_version}"


class Entry(Struct, frozen=True):
    fields: FieldSet
    time: str
    api_version: str


Entries = dict[ManagerId, Entry]


def manager_name(field_manager: str, user_agent: str = "") -> str:
    """The explicit name, else the program's name from its user agent."""
    return (field_manager or user_agent.partition("/")[0])[:128] or "unknown"


def read_entries(managed_fields: Iterable[RawObject]) -> Entries:
    """metadata.managedFields by manager; entries that make no sense are left out."""
    entries: Entries = {}
    for raw in managed_fields:
        fields = raw.get("fieldsV1")
        operation = raw.get("operation")
        if operation not in ("Apply", "Update") or not isinstance(fields, dict):
            continue
        identity = _identity(
            raw.get("manager", ""), operation, raw.get("apiVersion", ""), raw.get("subresource", "")
        )
        entries[identity] = Entry(fields, raw.get("time", ""), raw.get("apiVersion", ""))
    return entries


def _identity(manager: str, operation: str, api_version: str, subresource: str) -> ManagerId:
    return ManagerId(manager, operation, "" if operation == "Apply" else api_version, subresource)


def write_entries(entries: Entries) -> list[RawObject]:
    def rank(item: tuple[ManagerId, Entry]) -> tuple[str, str, str, str, str]:
        identity, entry = item
        return (
            identity.operation,
            entry.time,
            identity.manager,
            entry.api_version,
            identity.subresource,
        )

    result = []
    for identity, entry in sorted(entries.items(), key=rank):
        raw: RawObject = {
            "manager": identity.manager,
            "operation": identity.operation,
            "apiVersion": entry.api_version,
        }
        if entry.time:
            raw["time"] = entry.time
        raw["fieldsType"] = "FieldsV1"
        raw["fieldsV1"] = entry.fields
        if identity.subresource:
            raw["subresource"] = identity.subresource
        result.append(raw)
    return result


def apply(
    live: RawObject | None,
    applied: RawObject,
    topology: Topology,
    *,
    manager: str,
    now: str,
    force: bool = False,
    subresource: str = "",
    resets: Collection[str] = (),
    empty: RawObject | None = None,
) -> RawObject:
    """The object after applying; neither argument changes. `empty` as for track_update().

    `applied` is pruned and not defaulted: a manager owns what it wrote. `resets` are top-level
    fields that this endpoint does not write (`status` of the main resource where there is a status
    subresource; `metadata` and `spec` of the status subresource). Raises Conflict, BadRequest.
    """
    if applied.get("metadata", {}).get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    ignored = frozenset(resets)
    config = {name: value for name, value in applied.items() if name not in ignored}
    api_version = applied["apiVersion"]
    base = live if live is not None else {"apiVersion": api_version, "kind": applied["kind"]}
    entries, bare = _taken_apart(base)
    if live is not None and not entries:
        everything = compare(empty or {}, bare, topology).limited(ignored).added
        entries = _before_first_apply(everything, api_version, now)
    identity = _identity(manager, "Apply", api_version, subresource)
    try:
        fields = without(without_identity(fields_of(config, topology)), ignored)
        merged = merge(bare, config, topology)
    except ValueError as error:
        raise BadRequest(_typed_error(applied, error)) from None
    previous = entries.get(identity)
    others = {other: entry for other, entry in entries.items() if other != identity}
    result = merged
    if previous is not None and previous.fields != fields:
        kept = fields
        for entry in others.values():
            kept = union(kept, entry.fields)
        result = remove(merged, previous.fields, kept, topology)
    _restore_server_fields(result, bare)
    change = compare(bare, result, topology).limited(ignored)
    _refuse_conflicts(others, change, force or _owns_by_annotation(manager, bare, topology, change))
    remaining = _without_lost(others, change)
    remaining[identity] = _own_entry(previous, fields, api_version, now, result == bare)
    if not fields:
        del remaining[identity]
    if manager == "kubectl":
        _refresh_last_applied(result, applied)
    return _put_together(result, remaining)


def _taken_apart(obj: RawObject) -> tuple[Entries, RawObject]:
    """The managers' entries, and the object without them."""
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return {}, obj
    rest = {name: value for name, value in metadata.items() if name != "managedFields"}
    return read_entries(metadata["managedFields"] or ()), {**obj, "metadata": rest}


def _put_together(obj: RawObject, entries: Entries) -> RawObject:
    metadata = {
        name: value
        for name, value in (obj.get("metadata") or {}).items()
        if name != "managedFields"
    }
    if entries:
        metadata["managedFields"] = write_entries(entries)
    return {**obj, "metadata": metadata}


def _typed_error(applied: RawObject, error: ValueError) -> str:
    metadata = applied.get("metadata") or {}
    where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
    kind = f"{applied['apiVersion']}, Kind={applied['kind']}"
    return f"failed to create typed patch object ({where}; {kind}): {error}"


def _before_first_apply(found: FieldSet, api_version: str, now: str) -> Entries:
    """An object that nobody was recorded for: its fields belong to whoever made it."""
    if not found:
        return {}
    identity = _identity(BEFORE_FIRST_APPLY, "Update", api_version, "")
    return {identity: Entry(found, now, api_version)}


def _restore_server_fields(result: RawObject, bare: RawObject) -> None:
    """What the server says about an object cannot be applied."""
    metadata = dict(result.get("metadata") or {})
    before = bare.get("metadata") or {}
    for name in _SERVER_OWNED:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    for name in _IDENTITY:
        # Nobody owns them: they would go with the last field of metadata that somebody owned.
        if name in before:
            metadata.setdefault(name, before[name])
    if metadata or "metadata" in result:
        result["metadata"] = metadata


def _own_entry(
    previous: Entry | None, fields: FieldSet, api_version: str, now: str, unchanged: bool
) -> Entry:
    if (
        previous is not None
        and unchanged
        and previous.fields == fields
        and previous.api_version == api_version
    ):
        return previous
    return Entry(fields, now, api_version)


def _without_lost(entries: Entries, change: Comparison) -> Entries:
    """Others lose what was written over and what is gone; who has nothing left is left out."""
    written = change.written
    result = {}
    for identity, entry in entries.items():
        fields = difference(difference(entry.fields, written), change.removed)
        if fields == entry.fields:
            result[identity] = entry
        elif fields:
            result[identity] = replace(entry, fields=fields)
    return result


def _refuse_conflicts(others: Entries, change: Comparison, force: bool) -> None:
    written = change.written
    if force or not written:
        return
    found = [
        (identity, list(paths(both)))
        for identity, entry in others.items()
        if (both := intersection(entry.fields, written))
    ]
    if not found:
        return
    found.sort(key=lambda item: str(item[0]))
    causes = [
        Cause("FieldManagerConflict", f"conflict with {identity}", path)
        for identity, listed in found
        for path in listed
    ]
    raise Conflict(_conflict_message(found, len(causes)), causes=causes)


def _conflict_message(found: list[tuple[ManagerId, list[str]]], count: int) -> str:
    if count == 1:
        identity, listed = found[0]
        return f"Apply failed with 1 conflict: conflict with {identity}: {listed[0]}"
    lines = []
    for identity, listed in found:
        lines.append(f"conflicts with {identity}:")
        lines += [f"- {path}" for path in listed]
    return f"Apply failed with {count} conflicts: " + "\n".join(lines)


def _owns_by_annotation(
    manager: str, bare: RawObject, topology: Topology, change: Comparison
) -> bool:
    """kubectl moving from client-side apply: what its annotation names was its own all along."""
    if manager != "kubectl":
        return False
    last = _last_applied(bare)
    if last is None:
        return False
    try:
        owned = without_identity(fields_of(last, topology))
    except ValueError:
        return False
    since = compare(last, bare, topology)
    for changed in (since.modified, since.added, since.removed):
        owned = difference(owned, changed)
    return not difference(change.written, owned)


def _last_applied(obj: RawObject) -> RawObject | None:
    text = (obj.get("metadata", {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        last: Any = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None
    return last if isinstance(last, dict) else None


def _refresh_last_applied(result: RawObject, applied: RawObject) -> None:
    annotations = result.get("metadata", {}).get("annotations") or {}
    if not annotations.get(LAST_APPLIED):
        return
    metadata = dict(applied.get("metadata") or {})
    if LAST_APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {
            name: value for name, value in metadata["annotations"].items() if name != LAST_APPLIED
        }
    text = _as_go_writes({**applied, "metadata": metadata})
    result["metadata"] = {
        **result["metadata"],
        "annotations": {**annotations, LAST_APPLIED: text},
    }


def _as_go_writes(obj: RawObject) -> str:
    """As kubectl writes it, which compares the text."""
    text = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def track_update(
    live: RawObject | None,
    new: RawObject,
    topology: Topology,
    *,
    manager: str,
    now: str,
    subresource: str = "",
    resets: Collection[str] = (),
    empty: RawObject | None = None,
) -> RawObject:
    """`new` with its managedFields, after a create, update or patch; neither argument changes.

    `empty` is an object of the kind that nobody has written anything into: what a new one has in
    common with it is nobody's.
    managedFields in `new` are taken over when they name anybody, so that clients may edit them; an
    empty list forgets all managers.
    """
    given = (new.get("metadata") or {}).get("managedFields")
    live_entries, live_bare = _taken_apart(live) if live is not None else ({}, empty or {})
    new_entries, new_bare = _taken_apart(new)
    if subresource or (not new_entries and not _is_reset(given)):
        entries = live_entries
    else:
        entries = new_entries
    if live is not None and not entries:
        # Who is not tracked from the start, or was forgotten on purpose, stays untracked until
        # the next apply, as on a kube-apiserver.
        return _put_together(new_bare, {})
    ignored = frozenset(resets)
    change = compare(live_bare, new_bare, topology).limited(ignored)
    remaining = _without_lost(entries, change)
    if written := change.written:
        identity = _identity(manager, "Update", new["apiVersion"], subresource)
        before = remaining.get(identity)
        fields = written if before is None else union(before.fields, written)
        remaining[identity] = Entry(fields, now, new["apiVersion"])
    return _put_together(new_bare, _capped(remaining))


def _is_reset(given: Any) -> bool:
    return given is not None and (len(given) == 0 or given == [{}])


def _capped(entries: Entries) -> Entries:
    """The oldest updaters share one entry per version once there are too many."""
    updaters = [item for item in entries.items() if item[0].operation == "Update"]
    if len(updaters) <= UPDATE_MANAGERS_MAX:
        return entries
    updaters.sort(key=lambda item: (item[1].time, item[0].manager))
    result = dict(entries)
    first: dict[str, tuple[ManagerId, Entry]] = {}
    count = len(updaters)
    for identity, entry in updaters:
        if count <= UPDATE_MANAGERS_MAX:
            break
        version = entry.api_version
        bucket = _identity(ANCIENT, "Update", version, "")
        if bucket in result and bucket != identity:
            del result[identity]
            merged = union(result[bucket].fields, entry.fields)
            result[bucket] = Entry(merged, max(entry.time, result[bucket].time), version)
            count -= 1
        elif version in first:
            other, other_entry = first.pop(version)
            result.pop(other, None)
            result.pop(identity, None)
            merged = union(other_entry.fields, entry.fields)
            result[bucket] = Entry(merged, max(other_entry.time, entry.time), version)
            count -= 1
        else:
            first[version] = (identity, entry)
    return result


def settle(live: RawObject | None, result: RawObject) -> RawObject:
    """`live` itself when `result` says nothing new, times of managedFields apart."""
    if live is None or live is result:
        return result
    if _without_times(live) == _without_times(result):
        return live
    return result


def _without_times(obj: RawObject) -> RawObject:
    metadata = obj.get("metadata") or {}
    entries = [
        {name: value for name, value in entry.items() if name != "time"}
        for entry in metadata.get("managedFields") or ()
    ]
    return {**obj, "metadata": {**metadata, "managedFields": entries}}

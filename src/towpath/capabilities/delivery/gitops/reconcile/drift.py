"""Drift: the world differs from Git although Git has not changed. What, who, when, what became.

Who did it is asked of the audit trail; where there is none, the field manager is the best answer.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.gitops.kinds import FIELD_MANAGER
from towpath.capabilities.delivery.gitops.reconcile.status import Look
from towpath.capabilities.delivery.gitops.state.destination import Destination
from towpath.capabilities.delivery.gitops.state.manifests import ResourceId
from towpath.capabilities.delivery.gitops.state.world import Wanted
from towpath.hooks.platform import Trail
from towpath.machinery.conditions import now
from towpath.machinery.objects import RawObject

KEPT_MAX = 10
VALUE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Drift:
    resource: ResourceId
    change: str
    """`modified`, `deleted`, or `added` for what Git does not have."""
    fields: tuple[str, ...]
    by: str
    """"" when nobody knows."""
    values: tuple[tuple[str, str, str], ...] = ()
    """Of each field: its path, what Git says and what was there, as JSON, "" for nothing."""

    @property
    def sentence(self) -> str:
        who = f" by {self.by}" if self.by else ""
        what = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.resource} was {self.change}{who}, not through Git{what}"

    def to_raw(self) -> RawObject:
        return {
            "group": self.resource.group,
            "kind": self.resource.kind,
            "namespace": self.resource.namespace,
            "name": self.resource.name,
            "change": self.change,
            "fields": list(self.fields),
            "values": [{"path": path, "git": git, "live": live} for path, git, live in self.values],
            "by": self.by,
            "at": now(),
            "healed": False,
        }


async def find_drift(
    trail: Trail, destination: Destination, look: Look, wanted: Sequence[Wanted]
) -> list[Drift]:
    """Every resource that somebody has changed or deleted since it was synced."""
    found = []
    for entry in wanted:
        if entry.id not in look.differing:
            continue
        live = look.live[entry.id]
        writer = await _writer(trail, destination, entry, live)
        change = "deleted" if live is None else "modified"
        fields = look.differing[entry.id]
        values = tuple(
            (path, shown(value_at(entry.manifest.obj, path)), shown(value_at(live or {}, path)))
            for path in fields
        )
        found.append(Drift(entry.id, change, fields, writer, values))
    return found


def value_at(document: Any, path: str) -> Any:
    """The value at a path of `changed_paths`, None where there is none. Keys may hold dots."""
    if not path:
        return document
    if isinstance(document, list):
        index, _, rest = path.removeprefix("[").partition("]")
        inside = path.startswith("[") and index.isdecimal() and int(index) < len(document)
        return value_at(document[int(index)], rest.removeprefix(".")) if inside else None
    if not isinstance(document, dict):
        return None
    if path in document:
        return document[path]
    for name, value in document.items():
        if path.startswith((f"{name}.", f"{name}[")):
            return value_at(value, path[len(name) :].removeprefix("."))
    return None


def shown(value: Any) -> str:
    """A value in a few words of JSON."""
    text = "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}..."


async def _writer(
    trail: Trail, destination: Destination, wanted: Wanted, live: RawObject | None
) -> str:
    resource = wanted.resource
    name = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    writer = await trail.last_writer(
        destination.trail_cluster, name, wanted.id.namespace, wanted.id.name
    )
    if writer == destination.deployer_name:
        return ""  # our own last sync: whoever came after it left no trace
    return writer or (last_manager(live) if live else "")


def last_manager(live: RawObject) -> str:
    """The field manager of the newest write to what is not status, ours left out."""
    entries = [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("subresource") != "status" and entry["manager"] != FIELD_MANAGER
    ]
    newest = max(entries, key=lambda entry: entry.get("time") or "", default=None)
    return newest["manager"] if newest else ""


def recorded(before: RawObject, found: Sequence[Drift], *, healed: bool) -> list[RawObject]:
    """The last drifts. One that lasts is told once; healing marks what was open."""
    entries: list[RawObject] = [dict(entry) for entry in before.get("drift") or ()]
    open_now = {_identity(entry) for entry in entries if not entry["healed"]}
    for drift in found:
        raw = drift.to_raw()
        if _identity(raw) not in open_now:
            entries.append(raw)
    if healed:
        for entry in entries:
            if not entry["healed"]:
                entry |= {"healed": True, "healedAt": now()}
    return entries[-KEPT_MAX:]


def _identity(entry: RawObject) -> tuple[str, str, str, str]:
    return entry["group"], entry["kind"], entry["namespace"], entry["name"]

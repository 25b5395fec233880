"""An Application's status, in Argo CD's words, computed from what one look has found. Pure.

Nothing here changes by itself with time: an unchanged world gives an unchanged status.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from towpath.capabilities.delivery.gitops.health import MISSING, Health, assess, worst
from towpath.capabilities.delivery.gitops.reconcile.sync import Phase, SyncOutcome, is_prunable
from towpath.capabilities.delivery.gitops.state.manifests import ResourceId, resource_id, wave_of
from towpath.machinery.conditions import now
from towpath.machinery.objects import RawObject

HISTORY_MAX = 10
SYNCED, OUT_OF_SYNC, UNKNOWN = "Synced", "OutOfSync", "Unknown"


@dataclass(slots=True)
class Look:
    """What one look at an Application has found."""

    revision: str
    digest: str
    live: dict[ResourceId, RawObject | None] = field(default_factory=dict)
    """Every desired resource, as it is."""
    versions: dict[ResourceId, str] = field(default_factory=dict)
    differing: dict[ResourceId, tuple[str, ...]] = field(default_factory=dict)
    """Those that differ from Git, with the paths; a missing one has none."""
    extra: list[RawObject] = field(default_factory=list)
    """What Git no longer has."""

    @property
    def in_sync(self) -> bool:
        return not self.differing and not self.extra

    def needs_sync(self, *, prune: bool) -> bool:
        """Whether a sync would change anything."""
        return bool(self.differing) or (prune and any(is_prunable(obj) for obj in self.extra))


def resources(look: Look) -> list[RawObject]:
    entries = [
        _resource(identity, look.versions[identity], obj, synced=identity not in look.differing)
        for identity, obj in look.live.items()
    ]
    for obj in look.extra:
        version = obj["apiVersion"].rpartition("/")[2]
        entry = _resource(resource_id(obj), version, obj, synced=False)
        entries.append({**entry, "requiresPruning": True})
    return sorted(entries, key=_order)


def _order(entry: RawObject) -> tuple[str, str, str, str]:
    return entry.get("group", ""), entry["kind"], entry.get("namespace", ""), entry["name"]


def _resource(
    identity: ResourceId, version: str, obj: RawObject | None, *, synced: bool
) -> RawObject:
    entry: RawObject = {
        "group": identity.group,
        "version": version,
        "kind": identity.kind,
        "name": identity.name,
        "status": SYNCED if synced else OUT_OF_SYNC,
    }
    if identity.namespace:
        entry["namespace"] = identity.namespace
    health = MISSING if obj is None else assess(obj)
    if health is not None:
        entry["health"] = health.to_raw()
    if obj is not None and (wave := wave_of(obj)):
        entry["syncWave"] = wave
    return entry


def overall_health(look: Look) -> Health:
    return worst(
        health
        for obj in look.live.values()
        if (health := MISSING if obj is None else assess(obj)) is not None
    )


def summary(objects: Iterable[RawObject | None]) -> RawObject:
    """The images that run, as Argo CD lists them."""
    images: set[str] = set()
    for obj in objects:
        template = ((obj or {}).get("spec") or {}).get("template")
        if isinstance(template, dict):
            pod = template.get("spec") or {}
            images |= {container["image"] for container in pod.get("containers") or ()}
    return {"images": sorted(images)} if images else {}


def operation_state(
    before: RawObject, outcome: SyncOutcome, revision: str, operation: RawObject, digest: str
) -> RawObject:
    """How the sync went. A sync that goes on keeps when it began; a retry counts up."""
    known: RawObject = before.get("operationState") or {}
    same = known.get("digest") == digest
    retries = known.get("retryCount", 0) + 1 if same and known.get("phase") == "Failed" else 0
    started = known.get("startedAt") if same and known.get("phase") == "Running" else None
    state: RawObject = {
        "operation": operation,
        "phase": outcome.phase.value,
        "message": outcome.message,
        "startedAt": started or now(),
        "digest": digest,
        "retryCount": retries,
        "syncResult": {
            "revision": revision,
            "resources": [outcome.results[identity] for identity in sorted(outcome.results)],
        },
    }
    if outcome.phase is not Phase.RUNNING:
        state["finishedAt"] = now()
    return state


def history(before: RawObject, entry: RawObject, limit: int) -> list[RawObject]:
    known: list[RawObject] = list(before.get("history") or [])
    if known and known[-1]["revision"] == entry["revision"]:
        return known
    number = known[-1]["id"] + 1 if known else 0
    return [*known, {"id": number, **entry}][-limit:] if limit else []


def conditions(before: RawObject, found: Sequence[tuple[str, str]]) -> list[RawObject]:
    """Argo CD's conditions: there is one only for what is wrong. Its time is when it began."""
    known = {
        (condition["type"], condition["message"]): condition
        for condition in before.get("conditions") or ()
    }
    return [
        known.get((kind, message))
        or {"type": kind, "message": message, "lastTransitionTime": now()}
        for kind, message in found
    ]

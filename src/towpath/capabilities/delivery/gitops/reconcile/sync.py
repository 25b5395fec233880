"""Making it so: server-side apply in waves, then pruning in reverse, as the namespace's deployer.

A wave is healthy before the next begins; what stands in the way is the operation's message. The
outcome of each resource is kept, and one failure ends the wave after its class of kinds.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from towpath.capabilities.delivery.gitops.health import HealthStatus, assess
from towpath.capabilities.delivery.gitops.kinds import (
    ALLOW_MASS_DELETION_ANNOTATION,
    FIELD_MANAGER,
    SYNC_OPTIONS_ANNOTATION,
)
from towpath.capabilities.delivery.gitops.state.manifests import (
    ResourceId,
    in_waves,
    resource_id,
    tracked_by,
    wave_of,
)
from towpath.capabilities.delivery.gitops.state.world import Wanted, World
from towpath.client.protocols import Propagation
from towpath.machinery.errors import Forbidden, NotFound, StatusError, Unavailable
from towpath.machinery.objects import RawObject, annotations_of, is_deleting, uid_of


class Phase(StrEnum):
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(slots=True)
class SyncOutcome:
    phase: Phase = Phase.SUCCEEDED
    message: str = "successfully synced (all tasks run)"
    results: dict[ResourceId, RawObject] = field(default_factory=dict)
    objects: dict[ResourceId, RawObject] = field(default_factory=dict)
    """As they are after the sync."""
    passing: bool = False
    """The failure is the server's, not the manifest's: trying again may help."""

    def note(self, identity: ResourceId, status: str, message: str) -> None:
        self.results[identity] = {
            "group": identity.group,
            "kind": identity.kind,
            "namespace": identity.namespace,
            "name": identity.name,
            "status": status,
            "message": message,
            "syncPhase": "Sync",
        }

    def fail(self, message: str, *, passing: bool = False) -> None:
        if self.phase is not Phase.FAILED:
            self.phase, self.message, self.passing = Phase.FAILED, message, passing


async def apply_all(world: World, application: str, wanted: Sequence[Wanted]) -> SyncOutcome:
    """Apply every manifest, wave by wave. Stops at a failure, or at a wave that is not healthy."""
    outcome = SyncOutcome()
    by_manifest = {entry.id: entry for entry in wanted}
    waves = in_waves([entry.manifest for entry in wanted])
    for number, classes in enumerate(waves):
        for manifests in classes:
            async with asyncio.TaskGroup() as tasks:
                for manifest in manifests:
                    entry = by_manifest[manifest.id]
                    tasks.create_task(_apply_one(world, application, entry, outcome))
            if outcome.phase is Phase.FAILED:
                return outcome
        in_wave = [manifest.id for manifests in classes for manifest in manifests]
        if number < len(waves) - 1 and (blocker := _not_healthy(in_wave, outcome)):
            outcome.phase = Phase.RUNNING
            outcome.message = f"waiting for healthy state of {blocker}"
            return outcome
    return outcome


async def _apply_one(world: World, application: str, wanted: Wanted, outcome: SyncOutcome) -> None:
    live = await world.look(wanted)
    if live is not None and (other := tracked_by(live)) not in ("", application):
        message = f"{wanted.id} is part of Application {other}; give one of the two another name"
        outcome.note(wanted.id, "SyncFailed", message)
        outcome.fail(message)
        return
    try:
        applied = await world.destination.deployer.apply(
            wanted.resource, wanted.manifest.obj, manager=FIELD_MANAGER, force=True, strict=True
        )
    except StatusError as error:
        message = _refusal(world, wanted, error)
        outcome.note(wanted.id, "SyncFailed", message)
        outcome.fail(message, passing=isinstance(error, Unavailable | NotFound))
        return
    outcome.objects[wanted.id] = applied
    outcome.note(wanted.id, "Synced", "serverside-applied")


def _refusal(world: World, wanted: Wanted, error: StatusError) -> str:
    if isinstance(error, Forbidden):
        return (
            f"{wanted.manifest.file}: {wanted.id} may not be deployed to namespace "
            f"{world.destination.namespace}: {error.message}"
        )
    return f"{wanted.manifest.file}: {error.message}"


def _not_healthy(identities: Sequence[ResourceId], outcome: SyncOutcome) -> str:
    for identity in identities:
        health = assess(outcome.objects[identity])
        if health is not None and health.status is not HealthStatus.HEALTHY:
            return str(identity)
    return ""


def mass_deletion(
    application: RawObject, extra: Sequence[RawObject], wanted: Sequence[Wanted], revision: str
) -> str:
    """Why this pruning needs a person, "" when it does not: it removes more than half."""
    total = len(extra) + len(wanted)
    if 2 * len(extra) <= total:
        return ""
    allowed = annotations_of(application).get(ALLOW_MASS_DELETION_ANNOTATION)
    if allowed == revision:
        return ""
    names = ", ".join(str(resource_id(obj)) for obj in extra[:5])
    return (
        f"commit {revision[:8]} would remove {len(extra)} of {total} resources ({names}); nothing "
        f"is removed until the Application is annotated {ALLOW_MASS_DELETION_ANNOTATION}={revision}"
    )


def is_prunable(obj: RawObject) -> bool:
    """What is being deleted already needs no second word."""
    protected = "Prune=false" in annotations_of(obj).get(SYNC_OPTIONS_ANNOTATION, "")
    return not protected and not is_deleting(obj)


async def prune(world: World, extra: Sequence[RawObject], outcome: SyncOutcome) -> None:
    """Delete what Git no longer has, last wave first."""
    for obj in sorted(extra, key=wave_of, reverse=True):
        identity = resource_id(obj)
        if not is_prunable(obj):
            outcome.note(identity, "PruneSkipped", "ignored (no prune)")
            continue
        try:
            await remove(world, obj)
        except StatusError as error:
            outcome.note(identity, "SyncFailed", error.message)
            outcome.fail(f"{identity} could not be pruned: {error.message}")
            return
        outcome.note(identity, "Pruned", "pruned")


async def remove(world: World, obj: RawObject) -> None:
    """Delete one object with all that it owns; one that is gone, or another by now, is left."""
    resource = await world.resolve(obj["apiVersion"], obj["kind"])
    if resource is None:
        return
    metadata = obj["metadata"]
    try:
        await world.destination.deployer.delete(
            resource,
            metadata["name"],
            metadata.get("namespace", ""),
            uid=uid_of(obj),
            propagation=Propagation.FOREGROUND,
        )
    except NotFound:
        return

"""Deleting an Application with Argo CD's finalizer: what it manages goes first, last wave first."""

from collections.abc import Sequence

from towpath.capabilities.delivery.gitops.kinds import SYNC_OPTIONS_ANNOTATION
from towpath.capabilities.delivery.gitops.reconcile.sync import remove
from towpath.capabilities.delivery.gitops.state.manifests import resource_id, wave_of
from towpath.capabilities.delivery.gitops.state.world import World
from towpath.machinery.errors import Forbidden
from towpath.machinery.objects import RawObject, annotations_of, is_deleting

DELETE_OPTION = "Delete=false"


async def remove_all(world: World, application: str, synced_before: Sequence[RawObject]) -> str:
    """One step towards nothing left; returns what is still there, "" when all has gone."""
    await world.follow((), synced_before)
    left = world.live.tracked(world.destination.cluster, application)
    left = [
        obj
        for obj in left
        if DELETE_OPTION not in annotations_of(obj).get(SYNC_OPTIONS_ANNOTATION, "")
    ]
    if not left:
        return ""
    last_wave = max(wave_of(obj) for obj in left)
    for obj in left:
        if wave_of(obj) == last_wave and not is_deleting(obj):
            await _remove(world, obj)
    return ", ".join(sorted(str(resource_id(obj)) for obj in left))


async def _remove(world: World, obj: RawObject) -> None:
    try:
        await remove(world, obj)
    except Forbidden:
        # The deployer may have gone before us, with its namespace; then ours are the last hands.
        await remove(world.as_platform(), obj)

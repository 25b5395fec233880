"""Old runs go, with their approvals and logs; what they have made stays."""

from collections.abc import Sequence

from towpath.capabilities.portal.actions.kinds import ACTION_RUN, is_finished
from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

RUNS_KEPT = 100
"""Of each action in each project."""


async def drop_old_runs(api: Client, run: RawObject) -> None:
    """After one has ended: the oldest of the same action beyond RUNS_KEPT."""
    project = run["metadata"]["namespace"]
    fields = f"spec.action.name={run['spec']['action']['name']}"
    found = (await api.list(ACTION_RUN, project, fields=fields)).items
    for old in to_go(found):
        metadata = old["metadata"]
        try:
            await api.delete(ACTION_RUN, metadata["name"], project, uid=metadata["uid"])
        except NotFound:
            continue


def to_go(runs: Sequence[RawObject]) -> list[RawObject]:
    """What has ended, beyond the newest; nothing that a lease goes back to. Pure."""
    newest = sorted(runs, key=lambda one: one["metadata"]["creationTimestamp"], reverse=True)
    return [one for one in newest[RUNS_KEPT:] if is_finished(one) and not _is_leased(one)]


def _is_leased(run: RawObject) -> bool:
    return bool(((run.get("status") or {}).get("plan") or {}).get("lease"))

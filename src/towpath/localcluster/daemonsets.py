"""DaemonSets: one pod on every node, which here means one."""

from towpath.localcluster.podtemplate import (
    hash_of,
    is_active,
    is_ready,
    phase_of,
    pod_name,
    pod_of,
)
from towpath.localcluster.revisions import REVISION_LABEL, Revisions
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import DAEMON_SET, POD
from towpath.machinery.objects import Key, RawObject, is_deleting, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys


def controller(state: ClusterState) -> Controller:
    daemon_sets = DaemonSets(state)
    return Controller(
        "daemonsets",
        daemon_sets.reconcile,
        [
            Subscribed(state[DAEMON_SET].informer),
            Subscribed(state[POD].informer, owner_keys(DAEMON_SET)),
        ],
    )


class DaemonSets:
    def __init__(self, state: ClusterState) -> None:
        self._daemon_sets = state[DAEMON_SET]
        self._pods = state[POD]
        self._revisions = Revisions(state)

    async def reconcile(self, key: Key) -> float | None:
        daemon_set = self._daemon_sets.get(key)
        if daemon_set is None or is_deleting(daemon_set):
            return None
        revision = hash_of(daemon_set["spec"]["template"])
        pods = self._pods.owned_by(daemon_set)
        await self._revisions.keep(daemon_set, pods)
        for pod in pods:
            outdated = labels_of(pod).get(REVISION_LABEL) != revision
            ended = phase_of(pod) in ("Succeeded", "Failed")
            if (outdated or ended) and not is_deleting(pod):
                await self._pods.delete(pod)
        if not pods:
            pod = pod_of(daemon_set, daemon_set["spec"]["template"], pod_name(key.name))
            pod["metadata"]["labels"][REVISION_LABEL] = revision
            await self._pods.create(pod)
        await self._write_status(daemon_set, revision)
        return None

    async def _write_status(self, daemon_set: RawObject, revision: str) -> None:
        pods = [pod for pod in self._pods.owned_by(daemon_set) if is_active(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        status = {
            "observedGeneration": daemon_set["metadata"].get("generation", 0),
            "desiredNumberScheduled": 1,
            "currentNumberScheduled": len(pods),
            "updatedNumberScheduled": sum(
                labels_of(pod).get(REVISION_LABEL) == revision for pod in pods
            ),
            "numberMisscheduled": 0,
            "numberReady": ready,
            "numberAvailable": ready,
            "numberUnavailable": 1 - min(1, ready),
        }
        await self._daemon_sets.set_status(daemon_set, status)

"""StatefulSets: pods with names that stay, made and replaced one after the other.

Volume claims are refused by name: a local cluster has no disks to attach; use emptyDir, or a
database that the platform offers.
"""

from towpath.localcluster.podtemplate import (
    available_in_s,
    hash_of,
    is_active,
    is_ready,
    phase_of,
    pod_of,
    utc_now,
)
from towpath.localcluster.revisions import REVISION_LABEL, Revisions
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import POD, STATEFUL_SET
from towpath.machinery.errors import Forbidden
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys

ORDINAL_LABEL = "apps.kubernetes.io/pod-index"
NAME_LABEL = "statefulset.kubernetes.io/pod-name"


def controller(state: ClusterState) -> Controller:
    stateful_sets = StatefulSets(state)
    return Controller(
        "statefulsets",
        stateful_sets.reconcile,
        [
            Subscribed(state[STATEFUL_SET].informer),
            Subscribed(state[POD].informer, owner_keys(STATEFUL_SET)),
        ],
    )


class StatefulSets:
    def __init__(self, state: ClusterState) -> None:
        self._stateful_sets = state[STATEFUL_SET]
        self._pods = state[POD]
        self._events = state.happenings("statefulset-controller")
        self._revisions = Revisions(state)

    async def reconcile(self, key: Key) -> float | None:
        stateful_set = self._stateful_sets.get(key)
        if stateful_set is None or is_deleting(stateful_set):
            return None
        revision = f"{key.name}-{hash_of(stateful_set['spec']['template'])}"
        await self._revisions.keep(stateful_set, self._pods.owned_by(stateful_set))
        if stateful_set["spec"].get("volumeClaimTemplates"):
            self._events.warning(
                stateful_set,
                "FailedCreate",
                "volumeClaimTemplates: a local cluster has no volumes to claim; use emptyDir",
            )
            return None
        await self._move(stateful_set, revision)
        return await self._write_status(stateful_set, revision)

    def _by_ordinal(self, stateful_set: RawObject) -> dict[int, RawObject]:
        prefix = key_of(stateful_set).name + "-"
        pods = self._pods.owned_by(stateful_set)
        return {int(key_of(pod).name.removeprefix(prefix)): pod for pod in pods}

    async def _move(self, stateful_set: RawObject, revision: str) -> None:
        """One step; the next follows when its effect is seen."""
        spec, pods = stateful_set["spec"], self._by_ordinal(stateful_set)
        wanted = int(spec.get("replicas", 1))
        parallel = spec.get("podManagementPolicy") == "Parallel"
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                await self._create(stateful_set, ordinal, revision)
            elif phase_of(pod) in ("Succeeded", "Failed") and not is_deleting(pod):
                await self._pods.delete(pod)
            elif is_active(pod) and is_ready(pod):
                continue
            if not parallel:
                return
        for ordinal in sorted((number for number in pods if number >= wanted), reverse=True):
            if not is_deleting(pods[ordinal]):
                await self._delete(stateful_set, pods[ordinal])
            if not parallel:
                return
        await self._update(stateful_set, pods, revision)

    async def _update(
        self, stateful_set: RawObject, pods: dict[int, RawObject], revision: str
    ) -> None:
        strategy = stateful_set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = int((strategy.get("rollingUpdate") or {}).get("partition", 0))
        for ordinal in sorted(pods, reverse=True):
            pod = pods[ordinal]
            if is_deleting(pod):
                return
            if ordinal >= partition and labels_of(pod).get(REVISION_LABEL) != revision:
                await self._delete(stateful_set, pod)
                return

    async def _create(self, stateful_set: RawObject, ordinal: int, revision: str) -> None:
        name = f"{key_of(stateful_set).name}-{ordinal}"
        pod = pod_of(stateful_set, stateful_set["spec"]["template"], name)
        pod["metadata"]["labels"] |= {
            REVISION_LABEL: revision,
            NAME_LABEL: name,
            ORDINAL_LABEL: str(ordinal),
        }
        pod["spec"] |= {"hostname": name, "subdomain": stateful_set["spec"].get("serviceName", "")}
        if not pod["spec"]["subdomain"]:
            del pod["spec"]["subdomain"]
        try:
            await self._pods.create(pod)
        except Forbidden as error:
            self._events.warning(
                stateful_set, "FailedCreate", f"create Pod {name}: {error.message}"
            )
            raise
        own_name = key_of(stateful_set).name
        self._events.normal(
            stateful_set,
            "SuccessfulCreate",
            f"create Pod {name} in StatefulSet {own_name} successful",
        )

    async def _delete(self, stateful_set: RawObject, pod: RawObject) -> None:
        await self._pods.delete(pod)
        self._events.normal(
            stateful_set,
            "SuccessfulDelete",
            f"delete Pod {key_of(pod).name} in StatefulSet {key_of(stateful_set).name} successful",
        )

    async def _write_status(self, stateful_set: RawObject, revision: str) -> float | None:
        spec = stateful_set["spec"]
        wanted = int(spec.get("replicas", 1))
        pods = [pod for pod in self._by_ordinal(stateful_set).values() if is_active(pod)]
        waits = [
            available_in_s(pod, int(spec.get("minReadySeconds", 0)), utc_now()) for pod in pods
        ]
        updated = sum(labels_of(pod).get(REVISION_LABEL) == revision for pod in pods)
        known = stateful_set.get("status") or {}
        finished = updated == wanted == len(pods)
        current = revision if finished else known.get("currentRevision", revision)
        status = {
            "observedGeneration": stateful_set["metadata"].get("generation", 0),
            "replicas": len(pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": sum(wait == 0 for wait in waits),
            "updatedReplicas": updated,
            "currentReplicas": sum(labels_of(pod).get(REVISION_LABEL) == current for pod in pods),
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        await self._stateful_sets.set_status(stateful_set, status)
        soon = [wait for wait in waits if wait]
        return min(soon) if soon else None

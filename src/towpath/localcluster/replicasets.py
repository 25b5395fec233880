"""ReplicaSets, and the older ReplicationControllers: as many pods of one template as asked for."""

from towpath.localcluster.podtemplate import (
    available_in_s,
    cheapest_to_lose,
    has_labels,
    is_active,
    is_ready,
    pod_name,
    pod_of,
    utc_now,
)
from towpath.localcluster.state import ClusterState
from towpath.machinery.conditions import get_condition, now
from towpath.machinery.core_kinds import POD, REPLICA_SET, REPLICATION_CONTROLLER
from towpath.machinery.errors import Forbidden
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys

BURST_MAX = 50
"""Pods made or removed in one pass; the rest follows when they are seen."""


def controllers(state: ClusterState) -> tuple[Controller, ...]:
    return (
        _controller(state, REPLICA_SET, "replicaset-controller"),
        _controller(state, REPLICATION_CONTROLLER, "replication-controller"),
    )


def _controller(state: ClusterState, kind: Resource, name: str) -> Controller:
    return Controller(
        kind.plural,
        ReplicaSets(state, kind, name).reconcile,
        [Subscribed(state[kind].informer), Subscribed(state[POD].informer, owner_keys(kind))],
    )


class ReplicaSets:
    def __init__(self, state: ClusterState, kind: Resource, component: str) -> None:
        self._replica_sets = state[kind]
        self._pods = state[POD]
        self._events = state.happenings(component)

    async def reconcile(self, key: Key) -> float | None:
        replica_set = self._replica_sets.get(key)
        if replica_set is None or is_deleting(replica_set):
            return None
        active = [pod for pod in self._pods.owned_by(replica_set) if is_active(pod)]
        wanted = int(replica_set["spec"].get("replicas", 1))
        refusal = ""
        if len(active) < wanted:
            refusal = await self._create(replica_set, active, wanted - len(active))
        elif len(active) > wanted:
            await self._delete(replica_set, active, len(active) - wanted)
        return await self._write_status(replica_set, refusal)

    async def _create(self, replica_set: RawObject, active: list[RawObject], count: int) -> str:
        """Returns why a pod was refused, "" when none was."""
        template = replica_set["spec"]["template"]
        for _ in range(min(count, BURST_MAX)):
            name = pod_name(replica_set["metadata"]["name"])
            try:
                pod = await self._pods.create(pod_of(replica_set, template, name))
            except Forbidden as error:
                # A quota or a policy: not a fault of ours, and people must see it.
                refusal = without_name(error.message, name, replica_set["metadata"]["name"])
                self._events.warning(replica_set, "FailedCreate", f"Error creating: {refusal}")
                return refusal
            active.append(pod)
            self._events.normal(replica_set, "SuccessfulCreate", f"Created pod: {key_of(pod).name}")
        return ""

    async def _delete(self, replica_set: RawObject, active: list[RawObject], count: int) -> None:
        for pod in cheapest_to_lose(active)[: min(count, BURST_MAX)]:
            await self._pods.delete(pod)
            self._events.normal(replica_set, "SuccessfulDelete", f"Deleted pod: {key_of(pod).name}")

    async def _write_status(self, replica_set: RawObject, refusal: str) -> float | None:
        spec = replica_set["spec"]
        pods = [pod for pod in self._pods.owned_by(replica_set) if is_active(pod)]
        moment = utc_now()
        waits = [available_in_s(pod, int(spec.get("minReadySeconds", 0)), moment) for pod in pods]
        labels = (spec["template"].get("metadata") or {}).get("labels") or {}
        status: RawObject = {
            "replicas": len(pods),
            "fullyLabeledReplicas": sum(has_labels(pod, labels) for pod in pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": sum(wait == 0 for wait in waits),
            "observedGeneration": replica_set["metadata"].get("generation", 0),
        }
        if refusal:
            status["conditions"] = [_failure(replica_set, refusal)]
        await self._replica_sets.set_status(replica_set, status)
        soon = [wait for wait in waits if wait]
        if refusal:
            return 5.0
        return min(soon) if soon else None


def without_name(refusal: str, pod: str, replica_set: str) -> str:
    """Each attempt has a name of its own. Told with it, the same refusal would be a new state every
    time, and every new state is looked at: an endless round."""
    return refusal.replace(pod, replica_set)


def _failure(replica_set: RawObject, refusal: str) -> RawObject:
    known = get_condition(replica_set, "ReplicaFailure") or {}
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": refusal,
        "lastTransitionTime": known.get("lastTransitionTime") or now(),
    }

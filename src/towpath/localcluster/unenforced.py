"""Kinds that are kept for the real clusters and do nothing here, and say so themselves.

An autoscaler and a budget say it in a condition; a NetworkPolicy has no status, so an event tells.
"""

from collections.abc import Sequence

from towpath.localcluster.podtemplate import is_active, is_ready
from towpath.localcluster.state import ClusterState
from towpath.machinery.conditions import get_condition, now
from towpath.machinery.core_kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
    POD,
    POD_DISRUPTION_BUDGET,
    STATEFUL_SET,
)
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import Key, RawObject, is_deleting, labels_of, uid_of
from towpath.machinery.selectors import from_object
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed

REASON = "NotEnforced"
MESSAGE = "not enforced on a local cluster"


def controllers(state: ClusterState) -> Sequence[Controller]:
    unenforced = Unenforced(state)
    return (
        Controller(
            "autoscalers",
            unenforced.autoscaler,
            [Subscribed(state[HORIZONTAL_POD_AUTOSCALER].informer)],
        ),
        Controller(
            "budgets", unenforced.budget, [Subscribed(state[POD_DISRUPTION_BUDGET].informer)]
        ),
        Controller(
            "networkpolicies", unenforced.policy, [Subscribed(state[NETWORK_POLICY].informer)]
        ),
    )


class Unenforced:
    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._events = state.happenings("local-cluster")
        self._told: set[str] = set()

    async def autoscaler(self, key: Key) -> float | None:
        autoscaler = self._state[HORIZONTAL_POD_AUTOSCALER].get(key)
        if autoscaler is None or is_deleting(autoscaler):
            return None
        target = autoscaler["spec"]["scaleTargetRef"]
        kind = {"Deployment": DEPLOYMENT, "StatefulSet": STATEFUL_SET}.get(target["kind"])
        found = self._state[kind].get(Key(key.namespace, target["name"])) if kind else None
        replicas = int(found["spec"].get("replicas", 1)) if found else 0
        status = {
            "currentReplicas": replicas,
            "desiredReplicas": replicas,
            "observedGeneration": autoscaler["metadata"].get("generation", 1),
            "conditions": [_condition(autoscaler, "ScalingActive")],
        }
        await self._state[HORIZONTAL_POD_AUTOSCALER].set_status(autoscaler, status)
        return None

    async def budget(self, key: Key) -> float | None:
        budget = self._state[POD_DISRUPTION_BUDGET].get(key)
        if budget is None or is_deleting(budget):
            return None
        try:
            selector = from_object(budget["spec"].get("selector"))
        except BadRequest:
            return None  # nothing can be selected by it; the API server has said so
        pods = [
            pod
            for pod in self._state[POD].all(key.namespace)
            if is_active(pod) and selector.matches(labels_of(pod))
        ]
        status = {
            "expectedPods": len(pods),
            "currentHealthy": sum(is_ready(pod) for pod in pods),
            "desiredHealthy": 0,
            "disruptionsAllowed": len(pods),
            "observedGeneration": budget["metadata"].get("generation", 1),
            "conditions": [
                {
                    **_condition(budget, "DisruptionAllowed"),
                    "observedGeneration": budget["metadata"].get("generation", 1),
                }
            ],
        }
        await self._state[POD_DISRUPTION_BUDGET].set_status(budget, status)
        return None

    async def policy(self, key: Key) -> float | None:
        policy = self._state[NETWORK_POLICY].get(key)
        if policy is not None and uid_of(policy) not in self._told:
            self._told.add(uid_of(policy))
            self._events.normal(policy, REASON, f"This policy is {MESSAGE}")
        return None


def _condition(obj: RawObject, condition_type: str) -> RawObject:
    known = get_condition(obj, condition_type)
    return known or {
        "type": condition_type,
        "status": "False",
        "reason": REASON,
        "message": MESSAGE,
        "lastTransitionTime": now(),
    }

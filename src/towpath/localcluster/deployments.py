"""Deployments: one ReplicaSet per template, and an orderly way from one to the next.

A reconcile is: find or make the ReplicaSet of the current template, move the numbers one step
towards it, forget what is too old, write the status that `kubectl rollout status` reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from towpath.localcluster.deployment_status import is_recreate, limits_of, status_of
from towpath.localcluster.podtemplate import TEMPLATE_HASH, hash_of, utc_now, without_hash
from towpath.localcluster.rollout import Bounds, Generation, scale_down, scale_up
from towpath.localcluster.state import ClusterState
from towpath.machinery.core_kinds import DEPLOYMENT, POD, REPLICA_SET
from towpath.machinery.objects import (
    Key,
    RawObject,
    annotations_of,
    is_deleting,
    key_of,
    owner_reference,
    owners_of,
)
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys

REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
NOT_COPIED = {REVISION, DESIRED, "kubectl.kubernetes.io/last-applied-configuration"}


def controller(state: ClusterState) -> Controller:
    deployments = Deployments(state)
    return Controller(
        "deployments",
        deployments.reconcile,
        [
            Subscribed(state[DEPLOYMENT].informer),
            Subscribed(state[REPLICA_SET].informer, owner_keys(DEPLOYMENT)),
            Subscribed(state[POD].informer, deployments.waiting_for),
        ],
    )


@dataclass(slots=True)
class Rollout:
    """A deployment with its ReplicaSets, read once per pass."""

    deployment: RawObject
    new: RawObject | None
    old: list[RawObject] = field(default_factory=list)
    """Oldest first."""

    @property
    def wanted(self) -> int:
        return int(self.deployment["spec"].get("replicas", 1))

    @property
    def paused(self) -> bool:
        return bool(self.deployment["spec"].get("paused"))

    @property
    def all(self) -> list[RawObject]:
        return [*self.old, *([self.new] if self.new else [])]


class Deployments:
    def __init__(self, state: ClusterState) -> None:
        self._deployments = state[DEPLOYMENT]
        self._replica_sets = state[REPLICA_SET]
        self._pods = state[POD]
        self._events = state.happenings("deployment-controller")

    def waiting_for(self, pod: RawObject) -> Iterable[Key]:
        """Deployments that recreate, and so wait for the very end of their old pods."""
        for owner in owners_of(pod, REPLICA_SET.api_version, REPLICA_SET.kind):
            replica_set = self._replica_sets.get(owner)
            if is_deleting(pod) and replica_set is not None:
                yield from owners_of(replica_set, DEPLOYMENT.api_version, DEPLOYMENT.kind)

    async def reconcile(self, key: Key) -> float | None:
        deployment = self._deployments.get(key)
        if deployment is None or is_deleting(deployment):
            return None
        rollout = self._read(deployment)
        if not rollout.paused:
            await self._ensure_new(rollout)
            await self._move(rollout)
            await self._forget_old(rollout)
        else:
            await self._scale_only(rollout)
        return await self._write_status(rollout)

    def _read(self, deployment: RawObject) -> Rollout:
        owned = [one for one in self._replica_sets.owned_by(deployment) if not is_deleting(one)]
        owned.sort(key=lambda one: (revision_of(one), one["metadata"]["creationTimestamp"]))
        template = without_hash(deployment["spec"]["template"])
        name = self._name(deployment)
        new = next(
            (
                one
                for one in owned
                if key_of(one).name == name or without_hash(one["spec"]["template"]) == template
            ),
            None,
        )
        return Rollout(deployment, new, [one for one in owned if one is not new])

    def _name(self, deployment: RawObject) -> str:
        return f"{key_of(deployment).name}-{hash_of(deployment['spec']['template'])}"

    # -- the ReplicaSet of the current template ----------------------------------------------

    async def _ensure_new(self, rollout: Rollout) -> None:
        latest = max((revision_of(one) for one in rollout.old), default=0)
        if rollout.new is None:
            rollout.new = await self._create_new(rollout, latest + 1)
        elif revision_of(rollout.new) <= latest:
            # A rollback: the old ReplicaSet becomes the newest revision.
            patch = {"metadata": {"annotations": {REVISION: str(latest + 1)}}}
            rollout.new = await self._replica_sets.patch(rollout.new, patch)
        revision = str(revision_of(rollout.new))
        if annotations_of(rollout.deployment).get(REVISION) != revision:
            patch = {"metadata": {"annotations": {REVISION: revision}}}
            rollout.deployment = await self._deployments.patch(rollout.deployment, patch)

    async def _create_new(self, rollout: Rollout, revision: int) -> RawObject:
        made = await self._replica_sets.create(self._new_replica_set(rollout, revision))
        self._tell_scaled(rollout.deployment, made, 0, made["spec"]["replicas"])
        return made

    def _new_replica_set(self, rollout: Rollout, revision: int) -> RawObject:
        deployment = rollout.deployment
        spec, key = deployment["spec"], key_of(deployment)
        template = without_hash(spec["template"])
        label = {TEMPLATE_HASH: hash_of(template)}
        labels = {**(template["metadata"].get("labels") or {}), **label}
        template["metadata"]["labels"] = labels
        selector = dict(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **label}
        new = REPLICA_SET.object(self._name(deployment), key.namespace)
        copied = {k: v for k, v in annotations_of(deployment).items() if k not in NOT_COPIED}
        new["metadata"] |= {
            "labels": labels,
            "annotations": {**copied, REVISION: str(revision), DESIRED: str(rollout.wanted)},
            "ownerReferences": [owner_reference(deployment)],
        }
        new["spec"] = {
            "replicas": self._first_size(rollout),
            "selector": selector,
            "template": template,
        }
        if spec.get("minReadySeconds"):
            new["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return new

    def _first_size(self, rollout: Rollout) -> int:
        nothing = Generation("", 0, 0)
        if is_recreate(rollout.deployment):
            return 0 if any(one["spec"]["replicas"] for one in rollout.old) else rollout.wanted
        return scale_up(rollout.wanted, nothing, _generations(rollout.old), _bounds(rollout))

    # -- moving ------------------------------------------------------------------------------

    async def _move(self, rollout: Rollout) -> None:
        if is_recreate(rollout.deployment):
            await self._recreate(rollout)
            return
        assert rollout.new is not None
        limits = _bounds(rollout)
        new, old = _generation(rollout.new), _generations(rollout.old)
        rollout.new = await self._scale(
            rollout, rollout.new, scale_up(rollout.wanted, new, old, limits)
        )
        sizes = scale_down(rollout.wanted, _generation(rollout.new), old, limits)
        rollout.old = [
            await self._scale(rollout, one, sizes.get(key_of(one).name, one["spec"]["replicas"]))
            for one in rollout.old
        ]

    async def _recreate(self, rollout: Rollout) -> None:
        rollout.old = [await self._scale(rollout, one, 0) for one in rollout.old]
        # A pod that is still ending would meet its successor: it holds its object until then.
        left = any(self._pods.owned_by(one) for one in rollout.old)
        assert rollout.new is not None
        if not left:
            rollout.new = await self._scale(rollout, rollout.new, rollout.wanted)

    async def _scale_only(self, rollout: Rollout) -> None:
        """Paused: no step of the rollout, but the wanted number still counts."""
        active = [one for one in rollout.all if one["spec"]["replicas"]]
        if len(active) <= 1 and rollout.all:
            one = active[0] if active else rollout.all[-1]
            scaled = await self._scale(rollout, one, rollout.wanted)
            if rollout.new is one:
                rollout.new = scaled

    async def _scale(self, rollout: Rollout, replica_set: RawObject, size: int) -> RawObject:
        before = int(replica_set["spec"]["replicas"])
        if before == size:
            return replica_set
        patch = {
            "metadata": {"annotations": {DESIRED: str(rollout.wanted)}},
            "spec": {"replicas": size},
        }
        scaled = await self._replica_sets.patch(replica_set, patch)
        self._tell_scaled(rollout.deployment, scaled, before, size)
        return scaled

    def _tell_scaled(
        self, deployment: RawObject, replica_set: RawObject, before: int, after: int
    ) -> None:
        if before == after:
            return
        name = key_of(replica_set).name
        direction = "up" if after > before else "down"
        self._events.normal(
            deployment,
            "ScalingReplicaSet",
            f"Scaled {direction} replica set {name} from {before} to {after}",
        )

    async def _forget_old(self, rollout: Rollout) -> None:
        limit = int(rollout.deployment["spec"].get("revisionHistoryLimit", 10))
        idle = [
            one
            for one in rollout.old
            if not one["spec"]["replicas"] and not (one.get("status") or {}).get("replicas")
        ]
        for one in idle[: max(0, len(idle) - limit)]:
            await self._replica_sets.delete(one)
            rollout.old.remove(one)

    # -- status ------------------------------------------------------------------------------

    async def _write_status(self, rollout: Rollout) -> float | None:
        status, again_s = status_of(rollout.deployment, rollout.new, rollout.old, utc_now())
        await self._deployments.set_status(rollout.deployment, status)
        return again_s


def revision_of(replica_set: RawObject) -> int:
    text = annotations_of(replica_set).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _bounds(rollout: Rollout) -> Bounds:
    return limits_of(rollout.deployment)


def _generation(replica_set: RawObject) -> Generation:
    status = replica_set.get("status") or {}
    replicas = int(replica_set["spec"]["replicas"])
    available = min(replicas, int(status.get("availableReplicas", 0)))
    return Generation(key_of(replica_set).name, replicas, available)


def _generations(replica_sets: list[RawObject]) -> list[Generation]:
    return [_generation(one) for one in replica_sets]

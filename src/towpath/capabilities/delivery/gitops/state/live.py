"""What lives on the target clusters, as far as it belongs to an Application: watched, not polled.

One informer per cluster and kind, started when the first Application needs it. Two indexes are kept
up to date by what they report: the objects that an Application tracks, and the objects that
others own. A change of either names the Application that must be looked at.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from towpath.capabilities.delivery.gitops.health import assess
from towpath.capabilities.delivery.gitops.kinds import ARGOCD_NAMESPACE
from towpath.capabilities.delivery.gitops.state.manifests import ResourceId, resource_id, tracked_by
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import JOB, POD, REPLICA_SET
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue

TREE_NODES_MAX = 200
SYNC_WAIT_S = 5.0

CHILD_KINDS = (REPLICA_SET, POD, JOB)
"""What controllers of a workload cluster make of what is synced there."""


@dataclass(frozen=True, slots=True)
class _Seen:
    application: str
    owners: tuple[str, ...]
    obj: RawObject


@dataclass(slots=True)
class _Cluster:
    """The indexes of one cluster."""

    informers: dict[Resource, Informer] = field(default_factory=dict)
    seen: dict[str, _Seen] = field(default_factory=dict)
    """By uid."""
    tracked: dict[str, dict[str, RawObject]] = field(default_factory=dict)
    """Application -> uid -> object."""
    children: dict[str, dict[str, RawObject]] = field(default_factory=dict)
    """Owner's uid -> uid -> object."""


class LiveState:
    """A source of Application keys, and what it knows."""

    def __init__(self) -> None:
        self._clusters: dict[str, _Cluster] = {}
        self._group: asyncio.TaskGroup | None = None
        self._waiting: list[Informer] = []
        self._enqueue: Enqueue | None = None

    async def run(self, enqueue: Enqueue) -> None:
        self._enqueue = enqueue
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for informer in self._waiting:
                    group.create_task(informer.run())
                self._waiting.clear()
                await asyncio.Event().wait()
            finally:
                self._group = None

    async def follow(self, cluster: str, client: Client, resources: Iterable[Resource]) -> None:
        """Know these kinds on that cluster from now on; returns when they are known."""
        known = self._clusters.setdefault(cluster, _Cluster())
        for resource in resources:
            if resource not in known.informers:
                known.informers[resource] = self._start(cluster, client, resource)
        async with asyncio.timeout(SYNC_WAIT_S):
            for resource in resources:
                await known.informers[resource].synced.wait()

    def _start(self, cluster: str, client: Client, resource: Resource) -> Informer:
        informer = Informer(client, resource)

        def changed(obj: RawObject) -> None:
            self._index(cluster, informer, obj)

        informer.subscribe(changed)
        if self._group is None:
            self._waiting.append(informer)
        else:
            self._group.create_task(informer.run(), name=f"gitops-{cluster}-{resource.plural}")
        return informer

    def tracked(self, cluster: str, application: str) -> list[RawObject]:
        """What carries the Application's tracking annotation there."""
        known = self._clusters.get(cluster)
        return list(known.tracked.get(application, {}).values()) if known else []

    def tree(self, cluster: str, roots: Iterable[RawObject]) -> list[RawObject]:
        """What the roots have made, breadth first, each node with its parent and health."""
        known = self._clusters.get(cluster)
        if known is None:
            return []
        nodes: list[RawObject] = []
        parents = list(roots)
        while parents and len(nodes) < TREE_NODES_MAX:
            parent = parents.pop(0)
            children = known.children.get(parent["metadata"]["uid"], {}).values()
            for child in sorted(children, key=resource_id):
                nodes.append(_node(child, resource_id(parent)))
                parents.append(child)
        return nodes[:TREE_NODES_MAX]

    def _index(self, cluster: str, informer: Informer, obj: RawObject) -> None:
        known = self._clusters[cluster]
        uid = obj["metadata"]["uid"]
        affected = {self._application(known, uid)}
        self._forget(known, uid)
        current = informer.get(key_of(obj))
        if current is not None and current["metadata"]["uid"] == uid:
            self._learn(known, uid, current)
        affected |= {self._application(known, uid)}
        # A deleted child is forgotten by now: its parents still say whose it was.
        affected |= {self._application(known, owner) for owner in _owners(obj)}
        if self._enqueue is not None:
            for application in affected - {""}:
                self._enqueue(Key(ARGOCD_NAMESPACE, application))

    def _learn(self, known: _Cluster, uid: str, obj: RawObject) -> None:
        seen = _Seen(tracked_by(obj), _owners(obj), obj)
        known.seen[uid] = seen
        if seen.application:
            known.tracked.setdefault(seen.application, {})[uid] = obj
        for owner in seen.owners:
            known.children.setdefault(owner, {})[uid] = obj

    def _forget(self, known: _Cluster, uid: str) -> None:
        seen = known.seen.pop(uid, None)
        if seen is None:
            return
        if seen.application:
            _discard(known.tracked, seen.application, uid)
        for owner in seen.owners:
            _discard(known.children, owner, uid)

    def _application(self, known: _Cluster, uid: str, depth: int = 0) -> str:
        """Whose an object is, up its owners; they are few levels, and a circle must not hang us."""
        seen = known.seen.get(uid)
        if seen is None or depth > 5:
            return ""
        if seen.application:
            return seen.application
        return next(
            filter(None, (self._application(known, owner, depth + 1) for owner in seen.owners)), ""
        )


def _discard(index: dict[str, dict[str, RawObject]], key: str, uid: str) -> None:
    entries = index.get(key)
    if entries is None:
        return
    entries.pop(uid, None)
    if not entries:
        del index[key]


def _owners(obj: RawObject) -> tuple[str, ...]:
    return tuple(owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ())


def _node(obj: RawObject, parent: ResourceId) -> RawObject:
    identity = resource_id(obj)
    node: RawObject = {
        "group": identity.group,
        "version": obj["apiVersion"].rpartition("/")[2],
        "kind": identity.kind,
        "namespace": identity.namespace,
        "name": identity.name,
        "uid": obj["metadata"]["uid"],
        "parent": {"group": parent.group, "kind": parent.kind, "name": parent.name},
    }
    if health := assess(obj):
        node["health"] = health.to_raw()
    if is_deleting(obj):
        node["leaving"] = True
    return node

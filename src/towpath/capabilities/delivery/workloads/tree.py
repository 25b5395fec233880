"""The resource tree of a workload in one environment: what is there, made by what, how it is.

Read from the cluster with the visitor's rights: what they may not list is left out.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from towpath.capabilities.delivery.environments.kinds import DEPLOYABLE
from towpath.capabilities.delivery.workloads.processes import shown_pod
from towpath.client.protocols import Client
from towpath.hooks.showing import object_page
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    INGRESS,
    JOB,
    POD,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
)
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

MADE_THERE = (REPLICA_SET, POD, ENDPOINT_SLICE)
ALIKE_MAX = 30
"""Side by side in the tree; more would hide what is wrong."""
NOT_ENFORCED = "NotEnforced"
"""The reason in a condition of what a local cluster keeps and does not act on."""


@dataclass
class Node:
    kind: str
    name: str
    status: str
    detail: str = ""
    created: str = ""
    href: str = ""
    children: list["Node"] = field(default_factory=list)


async def resource_tree(client: Client, workload: str, namespace: str, cluster: str) -> list[Node]:
    """The objects that Git put there, each with what was made for it."""
    kinds = dict.fromkeys((*DEPLOYABLE, *MADE_THERE))
    labels = f"app.kubernetes.io/name={workload}"
    lists = await asyncio.gather(*(_listed(client, kind, namespace, labels) for kind in kinds))
    found = [(kind, obj) for kind, objects in zip(kinds, lists, strict=True) for obj in objects]
    nodes = {obj["metadata"]["uid"]: node_of(kind, obj) for kind, obj in found}
    for kind, obj in found:
        name = obj["metadata"]["name"]
        nodes[obj["metadata"]["uid"]].href = object_page(kind, name, namespace, cluster)
    roots: list[Node] = []
    for _, obj in found:
        node = nodes[obj["metadata"]["uid"]]
        above = [owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ()]
        parent = next((nodes[uid] for uid in above if uid in nodes), None)
        (parent.children if parent else roots).append(node)
    _prune(roots)
    return roots


async def _listed(client: Client, kind: Resource, namespace: str, labels: str) -> list[RawObject]:
    try:
        return (await client.list(kind, namespace, labels=labels)).items
    except StatusError:
        return []  # not served there, or not for this visitor


def crowd_apart(nodes: Sequence[Node]) -> list[Node]:
    """Of very many alike those that are unwell and a few others; a node says how many more."""
    kept = []
    for node in nodes:
        node.children = crowd_apart(node.children)
        kept.append(node)
    if len(kept) <= ALIKE_MAX:
        return kept
    kept.sort(key=lambda node: node.status in ("Ready", "Healthy", "Succeeded", ""))
    left = kept[ALIKE_MAX:]
    unwell = sum(1 for node in left if node.status not in ("Ready", "Healthy", "Succeeded", ""))
    detail = f"{unwell} of them not ready" if unwell else "all of them well"
    return [*kept[:ALIKE_MAX], Node("", f"{len(left)} more", "", detail)]


def _prune(nodes: Sequence[Node]) -> None:
    """An old ReplicaSet that keeps nothing running only distracts."""
    for node in nodes:
        node.children[:] = [
            child
            for child in node.children
            if child.kind != REPLICA_SET.kind or child.children or child.detail != "0 of 0 ready"
        ]
        _prune(node.children)


def node_of(kind: Resource, obj: RawObject) -> Node:
    health, detail = _state(kind, obj)
    metadata = obj["metadata"]
    return Node(kind.kind, metadata["name"], health, detail, metadata.get("creationTimestamp", ""))


def _state(kind: Resource, obj: RawObject) -> tuple[str, str]:
    status: Mapping[str, Any] = obj.get("status") or {}
    if kind in (DEPLOYMENT, REPLICA_SET, STATEFUL_SET):
        wanted = int(obj["spec"].get("replicas", 1))
        ready = int(status.get("readyReplicas", 0))
        health = "Healthy" if ready >= wanted else "Progressing"
        return health, f"{ready} of {wanted} ready"
    if kind is POD:
        pod = shown_pod(obj)
        restarts = pod["restarts"]
        return pod["phase"], "" if not restarts else f"{restarts} restart{_s(restarts)}"
    if kind is JOB:
        return ("Succeeded" if status.get("succeeded") else "Progressing"), ""
    condition = get_condition(obj, "Ready")
    if condition is not None:
        well = condition["status"] == "True"
        return ("Healthy" if well else "Degraded"), "" if well else condition.get("message", "")
    for one in status.get("conditions") or ():
        if one.get("reason") == NOT_ENFORCED:
            return NOT_ENFORCED, one.get("message", "")
    return ("Healthy" if kind in (SERVICE, INGRESS) else ""), _detail(obj)


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _detail(obj: RawObject) -> str:
    spec = obj.get("spec") or {}
    hosts = [rule.get("host", "") for rule in spec.get("rules") or () if isinstance(rule, dict)]
    ports = [
        str(port.get("port", "")) for port in spec.get("ports") or () if isinstance(port, dict)
    ]
    return ", ".join(filter(None, hosts)) or (f"port {', '.join(ports)}" if ports else "")

"""The cluster that every platform starts with, and what everybody may see of every cluster."""

from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, LOCAL
from towpath.machinery.core_kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, RBAC_GROUP
from towpath.machinery.objects import RawObject
from towpath.machinery.users import AUTHENTICATED

OBJECTS: tuple[RawObject, ...] = (
    CLUSTER.object(
        LOCAL,
        spec={"type": "local", "description": "Workloads run as processes on this machine."},
    ),
)

_SEES_NODES = "towpath:sees-nodes"
_MANAGED = {"app.kubernetes.io/managed-by": "towpath"}


def _managed(obj: RawObject) -> RawObject:
    return {**obj, "metadata": {**obj["metadata"], "labels": _MANAGED}}


CLUSTER_OBJECTS: tuple[RawObject, ...] = (
    _managed(
        CLUSTER_ROLE.object(
            _SEES_NODES,
            rules=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}],
        )
    ),
    _managed(
        CLUSTER_ROLE_BINDING.object(
            _SEES_NODES,
            roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _SEES_NODES},
            subjects=[{"apiGroup": RBAC_GROUP, "kind": "Group", "name": AUTHENTICATED}],
        )
    ),
)
"""Nodes say how large a cluster is and nothing about who uses it."""

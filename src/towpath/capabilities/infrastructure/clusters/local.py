"""The cluster that every platform starts with."""

from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, LOCAL
from towpath.machinery.objects import RawObject

OBJECTS: tuple[RawObject, ...] = (
    CLUSTER.object(
        LOCAL,
        spec={"type": "local", "description": "Workloads run as processes on this machine."},
    ),
)

"""The cluster as its controllers see it: one copy of each kind, and the events they write."""

import asyncio

from towpath.client.protocols import Client
from towpath.localcluster.collection import Collection
from towpath.localcluster.happenings import Happenings
from towpath.machinery import core_kinds
from towpath.machinery.kinds import Resource

KINDS = (
    core_kinds.NAMESPACE,
    core_kinds.POD,
    core_kinds.SERVICE,
    core_kinds.CONFIG_MAP,
    core_kinds.SECRET,
    core_kinds.DEPLOYMENT,
    core_kinds.REPLICA_SET,
    core_kinds.REPLICATION_CONTROLLER,
    core_kinds.STATEFUL_SET,
    core_kinds.DAEMON_SET,
    core_kinds.CONTROLLER_REVISION,
    core_kinds.JOB,
    core_kinds.CRON_JOB,
    core_kinds.INGRESS,
    core_kinds.NETWORK_POLICY,
    core_kinds.ENDPOINT_SLICE,
    core_kinds.POD_DISRUPTION_BUDGET,
    core_kinds.HORIZONTAL_POD_AUTOSCALER,
)


class ClusterState:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._collections = {kind: Collection(client, kind) for kind in KINDS}
        self._happenings: dict[str, Happenings] = {}

    def __getitem__(self, resource: Resource) -> Collection:
        return self._collections[resource]

    def happenings(self, component: str) -> Happenings:
        """Where `component` tells what has happened; ask before `run`."""
        return self._happenings.setdefault(component, Happenings(self.client, component))

    async def run(self) -> None:
        """Keep the copies current until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind, collection in self._collections.items():
                tasks.create_task(collection.informer.run(), name=f"informer-{kind.plural}")
            for component, happenings in self._happenings.items():
                tasks.create_task(happenings.run(), name=f"events-{component}")

    async def synced(self) -> None:
        """Every copy has been filled once."""
        for collection in self._collections.values():
            await collection.informer.synced.wait()

"""A wired API server whose pods are processes of this machine, for clients that use pods."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.scenarios.localcluster.world import OneFileImages, running_cluster
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.pods import Connected, ExecOptions, Execution, PodLogOptions
from towpath.engines.processes.host import SupervisedProcesses
from towpath.localcluster.cluster import LocalCluster
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

IMAGE = "example.dev/shell"
"""It has no program of its own: pods say what they run."""


class ClusterPods:
    """apiserver.pods.Pods; who used what is not put on record."""

    def __init__(self) -> None:
        self.cluster: asyncio.Future[LocalCluster] = asyncio.get_running_loop().create_future()

    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        return await (await self.cluster).pod_logs(pod, options)

    async def put_on_record(
        self, user: UserInfo, pod: RawObject, subresource: str, detail: RawObject
    ) -> None:
        pass

    async def execute(self, pod: RawObject, options: ExecOptions) -> Execution:
        return await (await self.cluster).execute(pod, options)

    async def attach(self, pod: RawObject, options: ExecOptions) -> Execution:
        return await (await self.cluster).attach(pod, options)

    async def connect(self, pod: RawObject, port: str) -> Connected:
        return await (await self.cluster).connect(pod, port)


@asynccontextmanager
async def wired_cluster(folder: Path) -> AsyncIterator[WiredApi]:
    pods = ClusterPods()
    async with (
        wired_api_server(folder, pods=pods) as wired,
        SupervisedProcesses(folder / "data/run", grace_s=1.0) as processes,
        running_cluster(
            wired.front.client(), processes, OneFileImages({IMAGE: ""}), folder
        ) as cluster,
    ):
        pods.cluster.set_result(cluster)
        yield wired

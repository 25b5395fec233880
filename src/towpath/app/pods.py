"""The pods of the local cluster, for its API server, which is open before the cluster runs.

What somebody executes in a pod is no write to the API, so it is put on record here, before it
begins; what was not put on record is not done.
"""

import time
import uuid
from collections.abc import AsyncIterator

from towpath.apiserver.pods import Connected, ExecOptions, Execution, PodLogOptions
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.client.protocols import Reader
from towpath.localcluster.cluster import LocalCluster
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import Unavailable
from towpath.machinery.objects import RawObject, key_of, labels_of
from towpath.machinery.users import UserInfo
from towpath.records.contract import AuditEntry, AuditTrail, RecordsUnavailable


class LocalPods:
    """apiserver.pods.Pods. `cluster` is given when it is there."""

    def __init__(self, trail: AuditTrail) -> None:
        self.cluster: LocalCluster | None = None
        self._trail = trail

    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        return await self._running().pod_logs(pod, options)

    async def put_on_record(
        self, user: UserInfo, pod: RawObject, subresource: str, detail: RawObject
    ) -> None:
        cluster, key = self._running(), key_of(pod)
        entry = AuditEntry(
            id=f"{cluster.name}/{subresource}/{uuid.uuid4()}",
            time_s=time.time(),
            cluster=cluster.name,
            user=user.name,
            verb="create",
            resource="pods",
            namespace=key.namespace,
            name=key.name,
            project=await _project(cluster.state.client, key.namespace),
            subresource=subresource,
            detail=detail,
        )
        try:
            await self._trail.append([entry])
        except RecordsUnavailable as error:
            raise Unavailable(f"{subresource} cannot be put on record: {error}") from error

    async def execute(self, pod: RawObject, options: ExecOptions) -> Execution:
        return await self._running().execute(pod, options)

    async def attach(self, pod: RawObject, options: ExecOptions) -> Execution:
        return await self._running().attach(pod, options)

    async def connect(self, pod: RawObject, port: str) -> Connected:
        return await self._running().connect(pod, port)

    def _running(self) -> LocalCluster:
        if self.cluster is None:
            raise Unavailable("the cluster is starting")
        return self.cluster


async def _project(client: Reader, namespace: str) -> str:
    return labels_of(await client.get(NAMESPACE, namespace)).get(PROJECT_LABEL, "")

"""The pods of the local cluster, for its API server, which is open before the cluster runs.

A command that somebody executes is no write to the API, so it is put on record here, before it
begins; what was not put on record is not executed.
"""

import time
import uuid
from collections.abc import AsyncIterator

from towpath.apiserver.pods import ExecOptions, Execution, PodLogOptions
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.client.protocols import Reader
from towpath.localcluster.cluster import LocalCluster
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import Unavailable
from towpath.machinery.objects import RawObject, key_of, labels_of
from towpath.machinery.users import UserInfo
from towpath.records.contract import AuditEntry, AuditTrail, RecordsUnavailable

COMMAND_LENGTH_MAX = 1000


class LocalPods:
    """apiserver.pods.Pods. `cluster` is given when it is there."""

    def __init__(self, trail: AuditTrail) -> None:
        self.cluster: LocalCluster | None = None
        self._trail = trail

    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        return await self._running().pod_logs(pod, options)

    async def execute(self, user: UserInfo, pod: RawObject, options: ExecOptions) -> Execution:
        cluster = self._running()
        try:
            await self._trail.append([await self._entry(cluster, user, pod, options)])
        except RecordsUnavailable as error:
            raise Unavailable(
                f"nothing is executed that cannot be put on record: {error}"
            ) from error
        return await cluster.execute(pod, options)

    def _running(self) -> LocalCluster:
        if self.cluster is None:
            raise Unavailable("the cluster is starting")
        return self.cluster

    async def _entry(
        self, cluster: LocalCluster, user: UserInfo, pod: RawObject, options: ExecOptions
    ) -> AuditEntry:
        key = key_of(pod)
        return AuditEntry(
            id=f"{cluster.name}/exec/{uuid.uuid4()}",
            time_s=time.time(),
            cluster=cluster.name,
            user=user.name,
            verb="create",
            resource="pods",
            namespace=key.namespace,
            name=key.name,
            project=await _project(cluster.state.client, key.namespace),
            subresource="exec",
            detail={
                "container": options.container,
                "command": " ".join(options.command)[:COMMAND_LENGTH_MAX],
            },
        )


async def _project(client: Reader, namespace: str) -> str:
    return labels_of(await client.get(NAMESPACE, namespace)).get(PROJECT_LABEL, "")

"""What a rendering needs, read from the API.

With the platform's rights to deliver; with a visitor's to show beforehand what a promotion would
change. Both come to the same files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.render import RenderInput, ValueChange
from towpath.capabilities.delivery.promotions.render.network import SERVICE_MONITOR
from towpath.capabilities.delivery.promotions.score import parse_score
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD, workload_host
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

KEEP = "infra/.keep"
"""Keeps the folder where there is no resource: its Application then syncs "none", not an error."""


@dataclass(frozen=True, slots=True)
class Gathering:
    api: Client
    cluster: Callable[[str], Client]

    async def inputs(
        self,
        project: str,
        workload: str,
        environment: str,
        release: str,
        changes: Sequence[ValueChange] = (),
    ) -> RenderInput:
        """Raises NotFound, and ScoreError for a Score file that cannot be read."""
        found = await self.api.get(RELEASE, release, project)
        stage = await self.api.get(ENVIRONMENT, environment, project)
        owner = await self.api.get(WORKLOAD, workload, project)
        cluster_name: str = stage["spec"]["cluster"]
        cluster = await self.api.get(CLUSTER, cluster_name)
        is_local = cluster["spec"]["type"] == "local"
        policy = owner["spec"].get("deletionPolicy") or {}
        return RenderInput(
            project=project,
            workload=workload,
            environment=environment,
            release=release,
            image=found["spec"]["image"],
            score=parse_score(found["spec"]["score"]),
            host=workload_host(project, workload, environment) if is_local else "",
            local=is_local,
            retain_data=policy.get("data") == "Retain",
            served=await self._served(cluster_name),
            changes=changes,
        )

    async def _served(self, cluster: str) -> frozenset[str]:
        try:
            await self.cluster(cluster).resolve("monitoring.coreos.com/v1", "ServiceMonitor")
        except NotFound:
            return frozenset()
        return frozenset({SERVICE_MONITOR})


def changes_of(promotion: RawObject) -> list[ValueChange]:
    return [
        ValueChange(one["kind"], one["name"], one["path"], one["value"])
        for one in promotion["spec"].get("changes") or ()
    ]


def with_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a rendering as they are committed."""
    if any(path.startswith("infra/") for path in files):
        return files
    return {**files, KEEP: b""}

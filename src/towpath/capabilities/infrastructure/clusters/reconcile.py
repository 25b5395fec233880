"""What is known of a cluster: whether it answers, who uses it, how well it keeps them apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.hooks.platform import Clusters, Platform
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import SpecWatch, Watch
from towpath.runtime.steps import Subject, stepwise


def controllers(platform: Platform) -> Sequence[Controller]:
    cluster = ClusterReconciler(platform.api, platform.clusters, platform.processes.isolation)
    return (
        Controller(
            name="clusters",
            reconcile=stepwise(
                platform.api,
                CLUSTER,
                [cluster.connect, cluster.look_who_uses_it, cluster.judge_isolation],
                ready_message="It answers.",
            ),
            sources=(
                Watch(platform.api, CLUSTER),
                SpecWatch(platform.api, ENVIRONMENT, _cluster_of),
            ),
            concurrency=1,
        ),
    )


def _cluster_of(environment: RawObject) -> Iterable[Key]:
    return (Key("", environment["spec"]["cluster"]),)


@dataclass(frozen=True, slots=True)
class ClusterReconciler:
    api: Client
    clusters: Clusters
    isolation: str

    async def connect(self, subject: Subject) -> None:
        name = subject.key.name
        try:
            client = self.clusters.client(name)
        except NotFound:
            subject.mark("Connected", False, "NotConnected", "The platform has no way to it.")
            raise Stalled(
                "NotConnected",
                f"Cluster {name} of type {subject.spec['type']} is not connected: this version "
                "connects the local clusters that it starts itself; use cluster local.",
            ) from None
        await client.list(NAMESPACE, limit=1)
        subject.mark("Connected", True, "Connected")

    async def look_who_uses_it(self, subject: Subject) -> None:
        environments = (await self.api.list(ENVIRONMENT)).items
        subject.status["projects"] = sorted(
            {
                environment["metadata"]["namespace"]
                for environment in environments
                if environment["spec"]["cluster"] == subject.key.name
            }
        )

    async def judge_isolation(self, subject: Subject) -> None:
        if subject.spec["type"] != "local":
            return
        subject.status["isolation"] = self.isolation
        if self.isolation == "none":
            subject.mark(
                "Isolated",
                False,
                "SingleTrust",
                "This machine cannot run projects as different users: everything on this cluster "
                "trusts everything else on it. Start as root, or allow user namespaces.",
            )
        else:
            subject.mark(
                "Isolated", True, "Isolated", f"Projects are kept apart by {self.isolation}."
            )

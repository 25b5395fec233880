"""What is known of a cluster: whether it answers, and how well it keeps projects apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.hooks.platform import Clusters, Platform
from towpath.machinery.core_kinds import NODE
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import KeysOf, Watch
from towpath.runtime.steps import Subject, stepwise


def controllers(platform: Platform) -> Sequence[Controller]:
    cluster = ClusterReconciler(platform.clusters, platform.processes.isolation)
    return (
        Controller(
            name="clusters",
            reconcile=stepwise(
                platform.api,
                CLUSTER,
                [cluster.connect, cluster.judge_isolation],
                ready_message="It answers.",
            ),
            sources=(
                Watch(platform.api, CLUSTER),
                *(
                    Watch(platform.clusters.client(name), NODE, _always(name))
                    for name in platform.clusters.names()
                ),
            ),
            concurrency=1,
        ),
    )


def _always(name: str) -> KeysOf:
    """Nodes come a moment after their API answers."""
    return lambda _: (Key("", name),)


@dataclass(frozen=True, slots=True)
class ClusterReconciler:
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
        nodes = (await client.list(NODE, limit=1)).items
        if nodes:
            info = (nodes[0].get("status") or {}).get("nodeInfo") or {}
            subject.status["version"] = info.get("kubeletVersion", "")
        # Everybody may read Clusters, and which projects there are is not everybody's to know.
        subject.status.pop("projects", None)
        subject.mark("Connected", True, "Connected")

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

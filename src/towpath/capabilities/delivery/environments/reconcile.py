"""What an Environment makes on its cluster, step by step, and takes back when it goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.environments.secret_store import SecretStore
from towpath.capabilities.delivery.environments.target import Target
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import (
    PROJECT,
    PROJECT_UID_LABEL,
)
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.hooks.platform import Clusters, Platform
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, key_of, uid_of
from towpath.runtime.claims import claim_namespace, release_namespace
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.outcomes import Stalled, Waiting
from towpath.runtime.sources import Periodic, Running, SpecWatch
from towpath.runtime.steps import Subject, stepwise

FINALIZER = "towpath.dev/environments"
RENEWAL_CHECK_S = timedelta(hours=1).total_seconds()


def controllers(platform: Platform) -> Sequence[Controller]:
    informer = Informer(platform.api, ENVIRONMENT)
    store = SecretStore(platform.service_account_token, platform.addresses, platform.ca_file)
    environment = EnvironmentReconciler(
        platform.api, platform.clusters, store, platform.processes.isolation
    )

    def of_project(project: RawObject) -> Iterable[Key]:
        return [key_of(found) for found in informer.list(project["metadata"]["name"])]

    def of_workload(workload: RawObject) -> Iterable[Key]:
        return [key_of(found) for found in informer.list(workload["metadata"]["namespace"])]

    def of_cluster(cluster: RawObject) -> Iterable[Key]:
        name = cluster["metadata"]["name"]
        return [key_of(found) for found in informer.list() if found["spec"]["cluster"] == name]

    async def every() -> Iterable[Key]:
        return [key_of(found) for found in informer.list()]

    return (
        Controller(
            name="environments",
            reconcile=stepwise(
                platform.api,
                ENVIRONMENT,
                [
                    environment.check_trust,
                    environment.claim,
                    environment.prepare,
                    environment.store_secrets,
                ],
                finalizer=FINALIZER,
                release=[environment.wait_for_workloads, environment.release],
                ready_message="Workloads can be promoted to it.",
            ),
            sources=(
                Running(informer),
                SpecWatch(platform.api, PROJECT, of_project),
                SpecWatch(platform.api, WORKLOAD, of_workload),
                SpecWatch(platform.api, CLUSTER, of_cluster),
                Periodic(RENEWAL_CHECK_S, every),
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class EnvironmentReconciler:
    api: Client
    clusters: Clusters
    store: SecretStore
    isolation: str

    async def check_trust(self, subject: Subject) -> None:
        """One project alone on a cluster that cannot keep two apart (DESIGN 12.10)."""
        cluster = await self._cluster(subject)
        if cluster["spec"]["type"] != "local" or self.isolation != "none":
            return
        if cluster["spec"].get("trust") == "single":
            return
        first = await self._first_project(cluster["metadata"]["name"])
        if first != subject.key.namespace:
            raise Stalled(
                "SingleTrust",
                f"Cluster {cluster['metadata']['name']} cannot isolate projects on this machine "
                f"and project {first} uses it. Set the Cluster's spec.trust to single to allow "
                "it, or start the platform as root.",
            )

    async def claim(self, subject: Subject) -> None:
        target = await self._target(subject)
        await claim_namespace(
            target.client,
            target.namespace,
            uid_label=PROJECT_UID_LABEL,
            uid=uid_of(target.project),
            labels=target.labels,
        )
        subject.status["namespace"] = target.namespace

    async def prepare(self, subject: Subject) -> None:
        target = await self._target(subject)
        await target.make_deployer()
        await target.bind_members()
        await target.set_quota(subject.spec.get("quota"))

    async def store_secrets(self, subject: Subject) -> None:
        target = await self._target(subject)
        await self.store.make(target)
        subject.mark("SecretsReachable", True, "Reachable")

    async def wait_for_workloads(self, subject: Subject) -> None:
        name = subject.key.name
        workloads = (await self.api.list(WORKLOAD, subject.key.namespace)).items
        using = sorted(
            workload["metadata"]["name"]
            for workload in workloads
            if name in workload["spec"]["environments"]
        )
        if using:
            raise Waiting(
                "WorkloadsLeft",
                f"Workloads still list this environment: {', '.join(using)}. Delete them or take "
                f"{name} out of their spec.environments.",
            )

    async def release(self, subject: Subject) -> None:
        try:
            target = await self._target(subject)
        except NotFound:
            return  # the cluster or the project is gone, and the namespace with it
        await release_namespace(
            target.client,
            target.namespace,
            uid_label=PROJECT_UID_LABEL,
            uid=uid_of(target.project),
        )

    async def _cluster(self, subject: Subject) -> RawObject:
        name = subject.spec["cluster"]
        try:
            return await self.api.get(CLUSTER, name)
        except NotFound:
            raise Stalled(
                "ClusterNotFound",
                f"spec.cluster is {name!r}, and there is no such Cluster; `kubectl get clusters` "
                "lists them.",
            ) from None

    async def _first_project(self, cluster: str) -> str:
        using = [
            environment
            for environment in (await self.api.list(ENVIRONMENT)).items
            if environment["spec"]["cluster"] == cluster
        ]
        first = min(using, key=lambda found: found["metadata"]["creationTimestamp"])
        namespace: str = first["metadata"]["namespace"]
        return namespace

    async def _target(self, subject: Subject) -> Target:
        project = await self.api.get(PROJECT, subject.key.namespace)
        return Target(
            client=self.clusters.client(subject.spec["cluster"]),
            project=project,
            environment=subject.key.name,
        )

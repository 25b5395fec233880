"""Where an Application goes: the cluster, the namespace, and as whom."""

from dataclasses import dataclass

from towpath.capabilities.governance.projects.kinds import DEPLOYER_ACCOUNT
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER, IN_CLUSTER, engine_of
from towpath.client.protocols import Client
from towpath.hooks.platform import Clusters
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import service_account


class UnknownDestination(ValueError):
    """`str()` says which field of spec.destination leads nowhere."""


@dataclass(frozen=True, slots=True)
class Destination:
    cluster: str
    namespace: str
    client: Client
    """With the platform's rights: to look."""
    deployer: Client
    """As the namespace's own deployer account: to change."""
    external: bool
    """Another GitOps engine works there, and ours keeps its hands off."""

    @property
    def deployer_name(self) -> str:
        return service_account(self.namespace, DEPLOYER_ACCOUNT).name

    @property
    def trail_cluster(self) -> str:
        """The name under which the audit trail knows it."""
        return "" if self.cluster == IN_CLUSTER else self.cluster


@dataclass(frozen=True, slots=True)
class Destinations:
    api: Client
    clusters: Clusters

    async def find(self, spec: RawObject) -> Destination:
        """Raises UnknownDestination."""
        destination = spec["destination"]
        name, namespace = destination.get("name") or "", destination.get("namespace") or ""
        if not name:
            raise UnknownDestination(
                "spec.destination.name is missing: the embedded engine finds clusters by name, "
                "not by server"
            )
        if not namespace:
            raise UnknownDestination("spec.destination.namespace is missing")
        client, external = await self._cluster(name)
        user = service_account(namespace, DEPLOYER_ACCOUNT)
        deployer = client.acting_as(user.name, user.groups)
        return Destination(name, namespace, client, deployer, external)

    async def _cluster(self, name: str) -> tuple[Client, bool]:
        if name == IN_CLUSTER:
            return self.api, False
        try:
            cluster = await self.api.get(CLUSTER, name)
            client = self.clusters.client(name)
        except NotFound:
            raise UnknownDestination(
                f"spec.destination.name is {name!r}, and no such cluster is connected"
            ) from None
        return client, engine_of(cluster, "gitops") == "external"

"""The clusters that this process runs, and the audit trail over all of its APIs."""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.app.planes import Plane
from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.users import PLATFORM, UserInfo


@dataclass(frozen=True, slots=True)
class LocalClusters:
    """hooks.platform.Clusters over planes in this process."""

    planes: Mapping[str, Plane]

    def client(self, name: str) -> Client:
        return self.client_of(PLATFORM, name)

    def client_of(self, user: UserInfo, name: str) -> Client:
        """With that user's rights there. Raises NotFound."""
        if name not in self.planes:
            known = ", ".join(sorted(self.planes))
            raise NotFound(f"cluster {name!r} is not connected; connected are: {known}")
        return self.planes[name].front.client(user)

    def names(self) -> list[str]:
        return sorted(self.planes)


@dataclass(frozen=True, slots=True)
class StoreTrail:
    """hooks.platform.Trail: who wrote last, from the rows committed with the objects themselves."""

    planes: Mapping[str, Plane]
    """By cluster name; "" is the platform's own API."""

    async def last_writer(
        self, cluster: str, resource: str, namespace: str, name: str
    ) -> str | None:
        plane = self.planes.get(cluster)
        if plane is None:
            return None
        plural, _, group = resource.partition(".")
        key = f"{namespace}/{name}" if namespace else name
        for row in await plane.store.writers(f"{group or 'core'}/{plural}", key):
            # What controllers report, and what the platform does by itself, is nobody's doing.
            if row.audit.subresource != "status" and row.audit.user != PLATFORM.name:
                return row.audit.user
        return None

"""What a hook is given: the API, the clusters and the engines, each by its port."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from towpath.client.protocols import Client
from towpath.engines.git.port import GitHost
from towpath.engines.processes.port import ProcessHost
from towpath.engines.registry.port import ImageUnpacker
from towpath.hooks.sources import FindSource
from towpath.hooks.templates import TemplateAction
from towpath.machinery.users import Authorize, UserInfo
from towpath.records.changes import Changes
from towpath.records.contract import AuditTrail, CatalogIndex, Inbox, LogBook
from towpath.records.provisioned_contract import ProvisionedPeople
from towpath.records.scoring import Scores
from towpath.records.search import DocsShelf, Passages, Seen

if TYPE_CHECKING:
    from towpath.hooks.pages import Visit

SYSTEM_NAMESPACE = "towpath-system"
"""Where the platform's own objects live; its golden paths too."""

ARGOCD_NAMESPACE = "argocd"


class Clusters(Protocol):
    """The workload clusters, by the name of their Cluster object."""

    def client(self, name: str) -> Client:
        """With the platform's own rights there. Raises NotFound."""
        ...

    def client_of(self, user: UserInfo, name: str) -> Client:
        """With that user's rights there. Raises NotFound."""
        ...

    def names(self) -> list[str]: ...


class Addresses(Protocol):
    """Addresses to show, computed from the ports in use now; never store one (DESIGN 12.7)."""

    def portal(self, path: str = "/") -> str:
        """`http://localhost:8080<path>`"""
        ...

    def api(self, cluster: str = "") -> str:
        """The API's address: of the platform, or of a local cluster. TLS."""
        ...

    def service(self, host: str) -> str:
        """The address of a host that the gateway serves: `http://<host>:8080`."""
        ...

    def registry(self) -> str:
        """`localhost:8080`: what the registry's logical host stands for here."""
        ...


class Trail(Protocol):
    """Who did what, as the audit trail knows it."""

    async def last_writer(
        self, cluster: str, resource: str, namespace: str, name: str
    ) -> str | None:
        """Whose the newest write to that object was ("" is the platform's API), None unknown.

        Reports of status and the platform's own writes do not count.

        `resource` is `<plural>` or `<plural>.<group>`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything a capability may use. Nothing else is shared between capabilities."""

    api: Client
    clusters: Clusters
    git: GitHost
    images: ImageUnpacker
    processes: ProcessHost
    logs: LogBook
    catalog: CatalogIndex
    trail: Trail
    audit: AuditTrail
    """Every write, for people to search; reconcilers ask `trail`."""
    inbox: Inbox
    passages: Passages
    docs: DocsShelf
    seen: Seen
    scores: Scores
    provisioned: ProvisionedPeople
    """What identity providers have pushed."""
    changes: Changes
    """Says when something has been stored."""
    people: Callable[[], Awaitable[Sequence[UserInfo]]]
    """Everybody that the platform knows, with their groups."""
    sign_out: Callable[[str], Awaitable[bool]]
    """End the sessions and tokens of the account of that name; whether there were any."""
    addresses: Addresses
    authorize: Authorize
    service_account_token: "TokenIssuer"
    template_actions: Callable[[], Mapping[str, TemplateAction]]
    data_dir: Path
    cache_dir: Path
    """Shared, may be deleted at any time: wheels, base layers, unpacked images."""
    database_url: str
    """The embedded PostgreSQL server's administrator URL, "" when there is none."""
    ca_file: Path
    """The CA that signs the API's certificate, PEM; for child processes that call the API."""
    catalog_roots: tuple[str, ...] = ()
    """Folders of this machine below which catalogue sources may read."""
    template_actions_changed: Callable[[], AsyncIterator[None]] | None = None
    """Yields when actions and sources have come that were not there before; None where that never
    happens."""
    plugin_source: FindSource = lambda plugin, source: None
    visit_as: "Callable[[UserInfo], Awaitable[Visit]] | None" = None
    """What pages and checks are given, with that user's rights; None where there is no portal."""
    people_changed: Callable[[], AsyncIterator[None]] | None = None
    """Yields at once and when `people` answers something else; None where that never happens."""


class TokenIssuer(Protocol):
    async def __call__(self, namespace: str, name: str, *, ttl_s: int) -> str:
        """A bearer token for a ServiceAccount of the platform's API."""
        ...

"""What every verb stands on: the store, the registry, the authoriser and the admission chain.

`Operation` is one write on its way: who, what, the object before and after. Admission functions
look at it and may change `obj`; nothing else is passed around.
"""

from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from towpath.apiserver import refusals
from towpath.apiserver.auditing.asked import annotations_of_request
from towpath.apiserver.calls import Target
from towpath.apiserver.indexes import Indexes
from towpath.apiserver.measures import Durations
from towpath.apiserver.registry import Registry, Served
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS, AccessRequest, Authorize, UserInfo
from towpath.store.contract import Store


class Operation(Struct):
    """One write on its way through defaults, admission and validation to the store."""

    user: UserInfo
    target: Target
    served: Served
    verb: str
    """What was asked: create, update, patch, apply, delete."""
    kind: str
    """What it means for the object: CREATE, UPDATE or DELETE."""
    obj: RawObject
    """The object as it will be; for DELETE as it is."""
    old: RawObject | None
    dry_run: bool = False
    manager: str = ""
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=annotations_of_request)
    """For the audit event, from admission."""
    when_ended: list[Callable[[], object]] = field(default_factory=list)
    """Called once the write is over, whichever way: what admission has reserved is given back."""

    @property
    def namespace(self) -> str:
        return self.target.namespace

    @property
    def name(self) -> str:
        return self.target.name


Admit = Callable[["Core", Operation], Awaitable[None]]
"""Looks at a write, may change `operation.obj`; raises a StatusError to refuse it."""


Link = tuple[tuple[str, ...], Admit]
"""The collections whose writes the function looks at, and the function."""
EVERY: tuple[str, ...] = ()
"""Of all collections."""


class Chain:
    """Admission functions in the order in which they are asked."""

    def __init__(self, *links: Link) -> None:
        self._everywhere = tuple(admit for of, admit in links if of is EVERY)
        self._named = {
            name: tuple(admit for of, admit in links if of is EVERY or name in of)
            for names, _ in links
            for name in names
        }

    def of(self, collection: str) -> tuple[Admit, ...]:
        """Those that look at its writes: most kinds concern few of them."""
        return self._named.get(collection, self._everywhere)


class Core(Struct, frozen=True):
    store: Store
    registry: Registry
    authorize: Authorize
    indexes: Indexes
    mutating: Chain = field(default_factory=Chain)
    validating: Chain = field(default_factory=Chain)
    explain: Callable[[UserInfo, AccessRequest], str] = lambda _user, _request: ""
    """What a refusal adds to its words: roles that are bound and not there."""
    commits: Durations = field(
        default_factory=lambda: Durations(
            "etcd_request_duration_seconds", "group", "operation", "resource"
        )
    )
    """How long the store takes over a write, under the name that dashboards ask for."""

    async def require(
        self, user: UserInfo, verb: str, target: Target, field_selector: str = ""
    ) -> None:
        """Raise Forbidden unless the user may. `system:masters` may everything, as everywhere.

        Who lists or watches `metadata.name=x` asks for the object x, and may have no more.
        """
        if MASTERS in user.groups:
            return
        resource = target.resource
        request = AccessRequest(
            verb=verb,
            group=resource.group,
            resource=resource.plural,
            namespace=target.namespace,
            name=target.name or (selected_name(field_selector) if field_selector else ""),
            subresource=target.subresource,
        )
        if not await self.authorize(user, request):
            raise refusals.denied(user, request, self.explain(user, request))


def selected_name(field_selector: str) -> str:
    """The one name that a field selector takes, "" when it takes several."""
    for requirement in field_selector.split(","):
        field, equals, name = requirement.partition("=")
        name = name.removeprefix("=").strip()
        if field.strip() == "metadata.name" and equals and name:
            return name
    return ""


def key_for(served: Served, namespace: str, name: str) -> str:
    """The key in the store."""
    return f"{namespace}/{name}" if served.resource.namespaced else name


def prefix_for(served: Served, namespace: str) -> str:
    return f"{namespace}/" if namespace and served.resource.namespaced else ""


async def allow_all(_user: UserInfo, _request: AccessRequest) -> bool:
    """An authoriser for tests and for a server that has none yet."""
    return True

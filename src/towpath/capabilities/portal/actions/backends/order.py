"""What a backend is given and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from towpath.capabilities.portal.actions.kinds import RUN_ANNOTATION
from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, annotations_of
from towpath.machinery.users import UserInfo


class Refused(Exception):
    """It cannot be done, now or later; `str()` is one sentence for the person who asked."""


class NothingToUndo(Refused):
    """This backend does not know how to take back what it did."""


@dataclass(frozen=True, slots=True)
class Order:
    """One execution of one run; it may be the second, after a crash in the middle of the first."""

    run: RawObject
    requester: UserInfo
    """With the groups of now; of an undo, who wants that."""
    plan: RawObject
    """The backend's part of the Action, all filled in."""
    made: RawObject
    """What `prepare` answered."""
    known: Mapping[str, Any]
    """What is told to services: target, inputs, outputs."""
    log: Callable[[str], None]
    action_namespace: str
    lease: Mapping[str, str] = field(default_factory=dict)
    """Annotations that say until when what is made is kept; none for ever."""
    suffix: str = ""
    """Of an undo, for its names and ids."""
    attempts: int = 0

    @property
    def project(self) -> str:
        return str(self.run["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.run["metadata"]["name"])

    @property
    def is_undo(self) -> bool:
        return bool(self.suffix)

    @property
    def uid(self) -> str:
        """Of this execution: an undo is another one than what it takes back."""
        return f"{self.run['metadata']['uid']}{self.suffix}"

    @property
    def made_name(self) -> str:
        """Of the run of another kind that it is done by."""
        return f"{self.name}{self.suffix}"


@dataclass(frozen=True, slots=True)
class Result:
    message: str
    links: tuple[tuple[str, str], ...] = ()
    """Title and address."""
    outputs: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    @property
    def can_undo(self) -> bool:
        """Without an `undo` of the Action's own."""
        ...

    async def prepare(self, order: Order) -> RawObject:
        """What must be known before anything is done. Raises Refused."""
        ...

    async def act(self, order: Order) -> Result:
        """Do it, or what is left of it. Raises Refused, Waiting, or whatever may pass."""
        ...

    async def cancel(self, order: Order) -> None:
        """Stop what goes on outside, as far as that can be."""
        ...

    async def undo(self, order: Order) -> Result:
        """Take back what `made` says. Raises NothingToUndo, Refused, Waiting."""
        ...


async def patch_own(api: Client, resource: Resource, order: Order, patch: RawObject) -> None:
    """What this execution has made, with the platform's rights; never another's of that name."""
    try:
        found = await api.get(resource, order.made_name, order.project)
        if annotations_of(found).get(RUN_ANNOTATION) == order.uid:
            await api.patch(resource, order.made_name, order.project, patch)
    except NotFound:
        return

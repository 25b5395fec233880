"""What the platform asks of its records. SQLite implements it, for now alone.

Every read that a person can reach takes the Viewer, and the viewer's projects go into the SQL.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from towpath.machinery.errors import Unavailable
from towpath.machinery.objects import RawObject
from towpath.records.catalog_contract import (
    HEALTHS,
    INVERSE,
    PAIRS,
    UNTOLD,
    CatalogIndex,
    Cause,
    Edges,
    Entity,
    EntityFilter,
    EntityPage,
    Finding,
    Ingested,
    Relation,
    WorkloadState,
    written,
)
from towpath.records.properties import Computed, Properties, Property
from towpath.records.viewers import Viewer

__all__ = [
    "HEALTHS",
    "INVERSE",
    "PAIRS",
    "UNTOLD",
    "AuditEntry",
    "AuditFilter",
    "AuditPage",
    "AuditTrail",
    "CatalogIndex",
    "Cause",
    "Computed",
    "Edges",
    "Entity",
    "EntityFilter",
    "EntityPage",
    "Finding",
    "Inbox",
    "Ingested",
    "LogBook",
    "LogLine",
    "Notice",
    "Notification",
    "NotificationPage",
    "Properties",
    "Property",
    "RecordsUnavailable",
    "Relation",
    "SavedView",
    "SavedViews",
    "Unread",
    "Viewer",
    "WorkloadState",
    "written",
]


class RecordsUnavailable(Unavailable):
    """The records could not be read or written; `str()` says why. What was to be written is not."""


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    """1, 2, 3... within its stream: the address of the line."""
    time_s: float
    text: str


class LogBook(Protocol):
    """Logs of runs, one stream per step: `templaterun/<project>/<name>/<step>` and so on.

    The second part of a stream's name is the project it belongs to.
    """

    def append(self, stream: str, lines: Sequence[str]) -> None:
        """Add lines at the end; returns at once, stored in the next group commit.

        May be called from any thread. Who writes much awaits `settled` now and then: what memory
        cannot hold is dropped, and a line says how much.
        """
        ...

    def end(self, stream: str) -> None:
        """Nothing more will come: followers finish. Lines appended later open it again."""
        ...

    async def settled(self) -> None:
        """Wait until everything appended so far is stored."""
        ...

    async def read(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[LogLine]: ...

    async def tail(self, stream: str, limit: int = 1000) -> list[LogLine]:
        """The last lines, in their order."""
        ...

    def follow(self, stream: str, *, after: int = 0) -> AsyncGenerator[LogLine, None]:
        """Lines after number `after`, then new ones as they come, until the stream has ended."""
        ...

    async def streams(self, prefix: str) -> list[str]:
        """The names of the streams that begin with `prefix`, in the order they began."""
        ...

    async def forget(self, prefix: str) -> None:
        """Delete the streams that begin with `prefix`; their followers finish."""
        ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One write to the API. `id` makes delivering it twice harmless."""

    id: str
    time_s: float
    cluster: str
    """"" is the platform's API."""
    user: str
    verb: str
    resource: str
    """`<plural>` or `<plural>.<group>`."""
    namespace: str
    name: str
    project: str
    """The project it belongs to; "" is the platform's own, which only who sees all may see."""
    subresource: str = ""
    code: int = 200
    user_agent: str = ""
    detail: RawObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Every field that is not empty must match."""

    cluster: str | None = None
    user: str = ""
    verb: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    named_after: str = ""
    """The name itself, and those that begin with it and a dash."""
    since_s: float = 0.0
    until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Newest first."""

    entries: list[AuditEntry]
    continue_token: str = ""


class AuditTrail(Protocol):
    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Durable when it returns; entries that are there already are left as they are."""
        ...

    async def query(
        self, viewer: Viewer, where: AuditFilter, *, limit: int = 100, continue_token: str = ""
    ) -> AuditPage: ...

    async def lately(self, viewer: Viewer, resource: str, *, limit: int) -> list[tuple[str, str]]:
        """Namespace and name of the objects of a kind that were created last, newest first.

        Some may have been deleted since.
        """
        ...

    async def created(
        self, projects: Sequence[str], resource: str, prefix: str, *, limit: int
    ) -> list[tuple[str, str]]:
        """Project and name of the newest objects of a kind whose names begin so.

        `projects` are those that the viewer may see. Some may have been deleted since.
        """
        ...

    async def makers(
        self,
        viewer: Viewer,
        resource: str,
        named_after: Sequence[tuple[str, str]],
        *,
        since_s: float = 0.0,
    ) -> list[dict[str, int]]:
        """Of objects of a kind named after each (project and name): who created how many of them.

        Of those that have come since then, the newest `records.audit.MADE_MAX`.
        """
        ...

    async def last_writer(
        self, cluster: str, resource: str, namespace: str, name: str
    ) -> str | None:
        """The user of the newest successful write to that object, None when unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person is told of. `cause` is the same for the same happening, for ever."""

    person: str
    cause: str
    sort: str
    title: str
    href: str
    why: str
    """Why they get it, as a sentence: `You may approve promotions in demo.`"""
    time_s: float
    status: str = ""
    text: str = ""
    who: str = ""
    asks: bool = False
    """It waits for something that they can do, until it is settled."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice as it lies in somebody's inbox."""

    id: int
    project: str
    notice: Notice
    read: bool
    settled: bool
    """What it was about is over."""


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """Newest first."""

    notifications: list[Notification]
    continue_token: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """How many are unread, and the highest id of all, by which a page knows what is new."""

    count: int = 0
    latest: int = 0


class Inbox(Protocol):
    """What each person has been told. A read shows only what is of projects the viewer may see."""

    async def settle(self, subject: str, project: str, notices: Sequence[Notice]) -> None:
        """Make these the notices about a subject.

        What is new is added, once; what is not among them any more is over, and read.
        """
        ...

    async def forget(self, subject: str) -> None:
        """The subject is no more: nothing is left to look at."""
        ...

    async def subjects(self, prefix: str) -> list[str]:
        """The subjects beginning with `prefix` that notices are kept of."""
        ...

    async def unread(self, viewer: Viewer) -> Unread: ...

    async def asking(self, viewer: Viewer, *, limit: int = 10) -> tuple[list[Notification], int]:
        """What waits for the person, newest first, and how many there are."""
        ...

    async def page(
        self,
        viewer: Viewer,
        *,
        sorts: Sequence[str] = (),
        unread: bool = False,
        after: int = 0,
        limit: int = 50,
        continue_token: str = "",
    ) -> NotificationPage:
        """Of these sorts, "" being all; only those with an id greater than `after`."""
        ...

    async def mark(self, viewer: Viewer, ids: Sequence[int], *, read: bool) -> None:
        """Read or unread, as far as they are the viewer's own; no ids are all of them."""
        ...

    async def dismiss(self, viewer: Viewer, ids: Sequence[int]) -> None:
        """They do not wait for the viewer any more, whatever becomes of them."""
        ...


@dataclass(frozen=True, slots=True)
class SavedView:
    name: str
    query: str
    """Of the catalogue's address."""


class SavedViews(Protocol):
    """Names that people give to queries of the catalogue, each for themselves."""

    async def of(self, person: str) -> list[SavedView]: ...

    async def save(self, person: str, view: SavedView) -> bool:
        """False when the person has as many as are kept."""
        ...

    async def remove(self, person: str, name: str) -> None: ...

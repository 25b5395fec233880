"""Pages of the portal: read parameters, call the API as the visitor, name a template.

A capability knows neither the web framework nor Jinja: it returns `Page(template, data)`. Templates
live in the capability's `templates/` folder, are named `<capability>/<file>` and are built from the
macros of `web/components.html`. A form posts to a page with `submit`, whose token has been checked
before; `submit` does what is asked with the visitor's rights and answers `Redirect`, or the page
again with what is wrong.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from towpath.client.protocols import Client
from towpath.engines.git.port import GitReader
from towpath.hooks.platform import Addresses
from towpath.machinery.kinds import Resource
from towpath.machinery.users import UserInfo
from towpath.records.changes import Changes
from towpath.records.contract import (
    AuditTrail,
    CatalogIndex,
    Inbox,
    LogBook,
    SavedViews,
    Viewer,
)
from towpath.records.scoring import Scores
from towpath.records.search import DocsShelf, Passages

if TYPE_CHECKING:
    from towpath.hooks.checks import ServiceCheck
    from towpath.hooks.offered_actions import ActionSource
    from towpath.hooks.palette import PaletteSource
    from towpath.hooks.tabs import ServiceTab


class Records(Protocol):
    """Evidence, to read. Ask `viewer.may_see(project)` before reading a project's log."""

    @property
    def logs(self) -> LogBook: ...

    @property
    def catalog(self) -> CatalogIndex: ...

    @property
    def audit(self) -> AuditTrail: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def views(self) -> SavedViews: ...

    @property
    def passages(self) -> Passages: ...

    @property
    def docs(self) -> DocsShelf: ...

    @property
    def scores(self) -> Scores: ...

    @property
    def changes(self) -> Changes:
        """Says when something has been stored, for pages that are open."""
        ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a page: who asks, what they may reach, and the parameters of the address."""

    user: UserInfo
    viewer: Viewer
    api: Client
    addresses: Addresses
    parameters: Mapping[str, str]
    """Parts of the path and the query."""
    records: Records
    cluster: Callable[[str], Client]
    """A workload cluster's API with the visitor's rights there. Raises NotFound."""
    git: GitReader
    """Repositories as the visitor may read them; others are answered as if they did not exist."""
    session: str = ""
    """The id of the visitor's session, by which the identity lists it."""
    form: Mapping[str, str] = field(default_factory=dict)
    """What was posted, without the token; of a field that came twice, the lines together."""
    tabs: Sequence["ServiceTab"] = ()
    """What capabilities and plug-ins add to the service page just now."""
    checks: Sequence["ServiceCheck"] = ()
    offers: Sequence["PaletteSource"] = ()
    """What capabilities offer in the palette."""
    actions: Sequence["ActionSource"] = ()
    """What capabilities offer to do with a thing; see `offered_actions.offered`."""


@dataclass(frozen=True, slots=True)
class Page:
    template: str
    data: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    title: str = ""
    """"" takes the route's name."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go and look there: the answer to a form that did what it was for."""

    path: str
    notice: str = ""
    """One sentence, shown once on the next page."""


Answer = Page | Redirect


@dataclass(frozen=True, slots=True)
class LiveWatch:
    """Objects that a page shows: when one of them changes, the page is fetched again."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    labels: str = ""
    cluster: str = ""
    """"" is the platform's API."""


@dataclass(frozen=True, slots=True)
class LiveRecords:
    """Evidence that a page shows: when more of it is stored, the page is fetched again.

    `catalog` of the projects that the visitor may see, or `inbox`, what the visitor is told.
    """

    noun: str


Live = LiveWatch | LiveRecords


@dataclass(frozen=True, slots=True)
class PageRoute:
    """`path` may hold `{name}` parts, which arrive in the visit's parameters with the query."""

    path: str
    answer: Callable[[Visit], Awaitable[Answer]]
    name: str
    """What the page is called in the title and in lists of pages."""
    submit: Callable[[Visit], Awaitable[Answer]] | None = None
    """Answers a POST to the same path."""
    live: Callable[[Visit], Sequence[Live]] | None = None
    """What the page shows just now; None for a page that does not change by itself."""
    section: str = ""
    """The path of the rail's entry that is marked while this page is open, as `/catalog`."""

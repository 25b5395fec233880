"""What is asked of a Git host of others: to be looked through, to publish to, to propose to.

"It is not there" and "it could not be read" are different errors: of the second nothing may be
concluded. A list that the host cuts short is the second.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urljoin

import orjson

PAGES_MAX = 1000
JSON = "application/json"


class HostError(Exception):
    """Base of what a Git host of others can answer; `str()` is one sentence."""


class HostMissing(HostError):
    """There is no such owner, repository or file."""


class HostUnread(HostError):
    """It could not be read now, or not as a whole."""


class HostRefused(HostError):
    """It was asked and said no: trying again the same does not help."""

    def __init__(self, told: str, status: int = 0) -> None:
        super().__init__(told)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answered:
    """A good answer."""

    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""

    def json(self) -> Any:
        """Raises HostUnread: a page for people is no answer of an API."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise HostUnread(f"the answer is no JSON: {error}") from error


Ask = Callable[[str, str], Awaitable[Answered]]
"""GET of an address, accepting a media type. Raises HostMissing for 404 and 410, and the asker's
own errors for everything else that is no good answer."""


@dataclass(frozen=True, slots=True)
class ForeignRepository:
    name: str
    """Below its owner: `orders`, of a group of groups `payments/orders`."""
    page: str
    """Its address for people, without a slash at the end."""
    id: str
    """By which the host's API is asked for it, ready for an address."""
    branch: str
    """The default one; "" while it has no commit."""
    changed: str
    """Another one with every push, as the host tells it; "" where it does not."""
    archived: bool = False
    fork: bool = False
    topics: tuple[str, ...] = ()

    @property
    def changed_s(self) -> float | None:
        try:
            return datetime.fromisoformat(self.changed.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return None


class ForeignHost(Protocol):
    settles_s: float
    """So much later `ForeignRepository.changed` says whether there was a push."""

    def __init__(self, url: str) -> None:
        """`url` is the host's address for people; "" where there is one for everybody."""
        ...

    def page(self, owner: str) -> str:
        """The address that the addresses of all the owner's files begin with."""
        ...

    def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        """Raises HostMissing, HostUnread."""
        ...

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        """Of all files of its branch. Raises HostUnread, also when they are too many to tell."""
        ...

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        """Of one file of its branch. Raises HostMissing, HostUnread."""
        ...

    def folder(self, repository: ForeignRepository) -> str:
        """What comes before the path in the address, for people, of a file of its branch."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """One repository there."""

    owner: str
    """As the host's addresses have it: `acme`, `group/below`, `organisation/project`."""
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}" if self.owner else self.name


@dataclass(frozen=True, slots=True)
class Credential:
    """What a host is told of who asks; never shown."""

    token: str
    username: str = ""

    @property
    def bearer(self) -> str:
        return f"Bearer {self.token}"

    def basic(self, username: str = "") -> str:
        """`username` for one who needs none: hosts that want one do not look at it."""
        pair = f"{self.username or username}:{self.token}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


class Call(Protocol):
    async def __call__(self, method: str, url: str, body: Any = None) -> Any:
        """A request of a host's API, answered in JSON: None where nothing came.

        Raises HostMissing for 404 and 410, HostRefused for every other no, HostUnread.
        """
        ...


@dataclass(frozen=True, slots=True)
class NewRepository:
    description: str
    visibility: str
    """`private`, `internal` or `public`."""
    branch: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """What only this kind of host knows: a workspace's project, for example."""


class PublishingHost(Protocol):
    """Repositories are made there. `call` and `git` are who speaks, with which credential."""

    def __init__(self, url: str) -> None: ...

    def api_credential(self, credential: Credential) -> str:
        """The header `authorization` for the API."""
        ...

    def git_credential(self, credential: Credential) -> str:
        """The same for Git itself."""
        ...

    def remote(self, place: Place) -> str:
        """The address that Git clones from."""
        ...

    def contents(self, place: Place, branch: str) -> str:
        """The page of the branch's files."""
        ...

    async def create(self, call: Call, place: Place, new: NewRepository) -> None: ...

    async def exists(self, call: Call, place: Place) -> bool: ...

    async def shows(self, call: Call, place: Place, branch: str) -> bool:
        """Whether its API knows of a branch that has been pushed: some learn of it later."""
        ...

    async def delete(self, call: Call, place: Place) -> None: ...

    async def details(self, call: Call, place: Place) -> dict[str, Any]:
        """What templates are told of a new repository beside its addresses, as Backstage does."""
        ...


OPENED, MERGED, CLOSED = "Open", "Merged", "Closed"
"""What a pull request is at its host, whatever it is called there."""
SUCCEEDED, FAILED, RUNNING = "Succeeded", "Failed", "Running"
"""What has become of a check."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A merge request, a change: what is proposed there, as it is now."""

    id: str
    """By which the host's API is asked for it."""
    page: str
    state: str
    head: str = ""
    """The commit that it proposes."""
    merged: str = ""
    """The commit of the branch that holds it, where the host tells."""
    raw: Any = None
    """As the host told it: some want a version back."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a pull request is to say. The commits are pushed before."""

    branch: str
    base: str
    """The branch that it is for."""
    title: str
    body: str
    head: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """What only this kind of host knows: reviewers, a draft."""


@dataclass(frozen=True, slots=True)
class HostCheck:
    name: str
    phase: str
    page: str = ""


class ProposingHost(PublishingHost, Protocol):
    """Changes are proposed there."""

    is_one_commit: bool
    """Whether a proposal is one commit there, and no branch."""

    def target(self, branch: str, base: str) -> str:
        """The ref that is pushed to. One of a host's own branches, but for Gerrit."""
        ...

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        """The open one of that branch."""
        ...

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest: ...

    async def look(self, call: Call, place: Place, id: str) -> PullRequest: ...

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        """Its title and description."""
        ...

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None: ...

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        """Only as it was looked at: with `pull.head`."""
        ...

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        """Of its head."""
        ...


class BranchHost:
    """Of hosts whose proposals are branches of the repository itself."""

    is_one_commit = False

    def target(self, branch: str, base: str) -> str:
        del base
        return f"refs/heads/{branch}"

    async def shows(self, call: Call, place: Place, branch: str) -> bool:
        del call, place, branch
        return True

    async def details(self, call: Call, place: Place) -> dict[str, Any]:
        del call, place
        return {}


async def pages(ask: Ask, url: str) -> AsyncIterator[Any]:
    """Every page of a list whose answers lead to the next one by a Link header."""
    for _ in range(PAGES_MAX):
        answered = await ask(url, JSON)
        yield answered.json()
        following = _next_of(answered.headers.get("link", ""))
        if not following:
            return
        url = urljoin(url, following)
    raise HostUnread(f"the list has more than {PAGES_MAX} pages")


def _next_of(link: str) -> str:
    for one in link.split(","):
        target, *parameters = (part.strip() for part in one.split(";"))
        if any(part.replace('"', "").lower() == "rel=next" for part in parameters):
            return target.strip("<>")
    return ""


async def listed(ask: Ask, urls: tuple[str, ...]) -> AsyncIterator[Any]:
    """The items of the first of some lists that exists. Raises HostMissing when none does."""
    missing: HostMissing | None = None
    for url in urls:
        try:
            async for page in pages(ask, url):
                for item in items_of(page):
                    yield item
        except HostMissing as error:
            missing = error
        else:
            return
    if missing is not None:
        raise missing


def items_of(page: Any, key: str = "") -> list[Any]:
    """Raises HostUnread when the answer is no such list."""
    found = page.get(key) if key and isinstance(page, dict) else page
    if not isinstance(found, list):
        raise HostUnread("the answer is not the list that its API describes")
    return found


async def is_there(call: Call, url: str) -> bool:
    try:
        await call("GET", url)
    except HostMissing:
        return False
    return True


def phase_of(told: str, *, good: str, bad: str) -> str:
    """`good` and `bad` are a host's words for checks that have ended."""
    word = (told or "").lower()
    return SUCCEEDED if word in good.split() else FAILED if word in bad.split() else RUNNING


def newest(checks: Iterable[HostCheck]) -> list[HostCheck]:
    """The first of each name: hosts tell the newest first."""
    found: dict[str, HostCheck] = {}
    for check in checks:
        found.setdefault(check.name, check)
    return sorted(found.values(), key=lambda check: check.name)

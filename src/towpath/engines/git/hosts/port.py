"""What is asked of a Git host of others.

"It is not there" and "it could not be read" are different errors: of the second nothing may be
concluded. A list that the host cuts short is the second.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urljoin

import orjson

PAGES_MAX = 1000
JSON = "application/json"


class HostMissing(Exception):
    """There is no such owner, repository or file; `str()` is one sentence."""


class HostUnread(Exception):
    """It could not be read now, or not as a whole; `str()` is one sentence."""


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

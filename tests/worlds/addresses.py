"""Every page of the portal at a real address, found by following links from the first page.

Pages come from the table of routes, so none can be forgotten; that links lead to each is what makes
it a page that somebody can find.
"""

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlsplit

import httpx2
from starlette.routing import compile_path

from tests.worlds.visiting import Visitor
from towpath.app.capabilities import BUILT_IN
from towpath.web import styleguide

VISITS_MAX = 3
"""Of pages of one sort; the links of three services lead to everything that one has."""
SHELL = ("/account", "/about", *(page.path for page in styleguide.PAGES))
TELLING = ("/catalog?kind=API", "/search?q=order")
"""That lead where the first links of others do not: there is more of everything else."""
EXAMPLES = tuple(page.path for page in styleguide.PAGES)
"""What these link to is made up."""
LINK = re.compile(r'href="(/[^"#]*)')
NO_PAGES = re.compile(r"/(static|api|git|-)/|/sign-")


def routes() -> dict[str, str]:
    """The path of each page and what it is called, in the order in which they are matched."""
    pages = [page for one in BUILT_IN for page in one.load_pages()]
    return {**{page.path: page.name for page in pages}, **{path: path for path in SHELL}}


@dataclass(slots=True)
class Found:
    """Where links lead."""

    addresses: dict[str, str] = field(default_factory=dict)
    """Of each page, by its path in the table of routes, the first address that shows it."""
    strays: list[str] = field(default_factory=list)
    """Links that lead to no page."""

    def missing(self) -> list[str]:
        """Pages that no link leads to."""
        return [path for path in routes() if path not in self.addresses]


async def follow_links(visitor: Visitor, first: Iterable[str] = ()) -> Found:
    """`first` are addresses that tell more than others of their sort."""
    async with visitor.http() as http:
        return await _follow(http, first)


async def _follow(http: httpx2.AsyncClient, first: Iterable[str]) -> Found:
    patterns = [(compile_path(path)[0], path) for path in routes()]
    found, visits = Found(), Counter[str]()
    queue = deque(dict.fromkeys((*first, "/", *TELLING, *SHELL)))
    seen = set(queue)
    while queue:
        address = queue.popleft()
        route = next((path for pattern, path in patterns if pattern.match(_path(address))), "")
        if route and visits[route] >= VISITS_MAX:
            continue
        visits[route] += 1
        answer = await http.get(address)
        if not route or answer.status_code >= 300:
            found.strays.append(address)
            continue
        found.addresses.setdefault(route, address)
        links = [unescape(link) for link in LINK.findall(answer.text)]
        if route in EXAMPLES:
            continue
        new = [link for link in dict.fromkeys(links) if link not in seen]
        seen.update(new)
        queue.extend(link for link in new if not NO_PAGES.match(link))
    return found


def _path(address: str) -> str:
    return urlsplit(address).path

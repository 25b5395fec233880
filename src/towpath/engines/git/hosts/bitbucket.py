"""Bitbucket Cloud: an owner is a workspace. It knows no archived repositories and no topics."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    JSON,
    PAGES_MAX,
    Ask,
    ForeignRepository,
    HostMissing,
    HostUnread,
    items_of,
)

DEPTH_MAX = 20
"""Of folders, as far as it is asked to look."""


class Bitbucket:
    settles_s = 60.0

    def __init__(self, url: str) -> None:
        self._url = url or "https://bitbucket.org"
        is_public = self._url == "https://bitbucket.org"
        self._api = "https://api.bitbucket.org/2.0" if is_public else f"{self._url}/2.0"

    def page(self, owner: str) -> str:
        return f"{self._url}/{owner}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        async for one in _values(ask, f"{self._api}/repositories/{quote(owner)}?pagelen=100"):
            branch = one.get("mainbranch") or {}
            yield ForeignRepository(
                name=one["full_name"].partition("/")[2],
                page=one["links"]["html"]["href"].rstrip("/"),
                id=quote(one["full_name"]),
                branch=branch.get("name") or "",
                changed=one.get("updated_on") or "",
                fork=bool(one.get("parent")),
            )

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        url = f"{self._source(repository)}/?max_depth={DEPTH_MAX}&pagelen=100"
        try:
            return [
                one["path"] async for one in _values(ask, url) if one.get("type") == "commit_file"
            ]
        except HostMissing:
            return []

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        return (await ask(f"{self._source(repository)}/{quote(path)}", "*/*")).body

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}/src/{repository.branch}/"

    def _source(self, repository: ForeignRepository) -> str:
        branch = quote(repository.branch, safe="")
        return f"{self._api}/repositories/{repository.id}/src/{branch}"


async def _values(ask: Ask, url: str) -> AsyncIterator[Any]:
    for _ in range(PAGES_MAX):
        page = (await ask(url, JSON)).json()
        for one in items_of(page, "values"):
            yield one
        if not page.get("next"):
            return
        url = page["next"]
    raise HostUnread(f"the list has more than {PAGES_MAX} pages")

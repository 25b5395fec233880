"""GitHub: github.com, and GitHub Enterprise Server below `/api/v3`."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    JSON,
    Ask,
    ForeignRepository,
    HostMissing,
    HostUnread,
    items_of,
    listed,
)

RAW = "application/vnd.github.raw+json"


class GitHub:
    settles_s = 60.0

    def __init__(self, url: str) -> None:
        self._url = url or "https://github.com"
        is_public = self._url == "https://github.com"
        self._api = "https://api.github.com" if is_public else f"{self._url}/api/v3"

    def page(self, owner: str) -> str:
        return f"{self._url}/{owner}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        whose = (f"orgs/{quote(owner)}", f"users/{quote(owner)}")
        urls = tuple(f"{self._api}/{one}/repos?per_page=100&sort=full_name" for one in whose)
        async for one in listed(ask, urls):
            yield ForeignRepository(
                name=one["name"],
                page=one["html_url"],
                id=quote(one["full_name"]),
                branch=one.get("default_branch") or "",
                changed=one.get("pushed_at") or "",
                archived=bool(one.get("archived")),
                fork=bool(one.get("fork")),
                topics=tuple(one.get("topics") or ()),
            )

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        branch = quote(repository.branch, safe="")
        url = f"{self._api}/repos/{repository.id}/git/trees/{branch}?recursive=1"
        try:
            tree = (await ask(url, JSON)).json()
        except HostMissing:
            return []  # a repository without a commit has a name for a branch all the same
        if tree.get("truncated"):
            raise HostUnread(f"{repository.page} has more files than GitHub tells at once")
        return [one["path"] for one in items_of(tree, "tree") if one.get("type") == "blob"]

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        where = f"{self._api}/repos/{repository.id}/contents/{quote(path)}"
        return (await ask(f"{where}?ref={quote(repository.branch, safe='')}", RAW)).body

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}/blob/{repository.branch}/"

"""Gitea and Forgejo, at an address of one's own."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    JSON,
    PAGES_MAX,
    Ask,
    ForeignRepository,
    HostMissing,
    HostUnread,
    items_of,
    listed,
)

TREE_PAGE = 1000


class Gitea:
    settles_s = 60.0

    def __init__(self, url: str) -> None:
        self._url = url or "https://gitea.com"
        self._api = f"{self._url}/api/v1"

    def page(self, owner: str) -> str:
        return f"{self._url}/{owner}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        whose = (f"orgs/{quote(owner)}", f"users/{quote(owner)}")
        urls = tuple(f"{self._api}/{one}/repos?limit=50&page=1" for one in whose)
        async for one in listed(ask, urls):
            yield ForeignRepository(
                name=one["name"],
                page=one["html_url"],
                id=quote(one["full_name"]),
                branch="" if one.get("empty") else one.get("default_branch") or "",
                changed=one.get("updated_at") or "",
                archived=bool(one.get("archived")),
                fork=bool(one.get("fork")),
                topics=tuple(one.get("topics") or ()),
            )

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        branch = quote(repository.branch, safe="")
        url = f"{self._api}/repos/{repository.id}/git/trees/{branch}?recursive=true"
        found: list[str] = []
        seen = 0
        for number in range(1, PAGES_MAX + 1):
            try:
                tree = (await ask(f"{url}&per_page={TREE_PAGE}&page={number}", JSON)).json()
            except HostMissing:
                return []
            entries = items_of(tree, "tree")
            found += [one["path"] for one in entries if one.get("type") == "blob"]
            seen += len(entries)
            if not entries or not tree.get("truncated") or seen >= tree.get("total_count", 0):
                return found
        raise HostUnread(f"{repository.page} has too many files to look through")

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        file = f"{self._api}/repos/{repository.id}/raw/{quote(path)}"
        return (await ask(f"{file}?ref={quote(repository.branch, safe='')}", "*/*")).body

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}/src/branch/{repository.branch}/"

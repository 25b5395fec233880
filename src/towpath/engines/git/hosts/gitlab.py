"""GitLab: gitlab.com and one's own. An owner is a group with all groups below it, or a person."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    Ask,
    ForeignRepository,
    HostMissing,
    items_of,
    listed,
    pages,
)


class GitLab:
    settles_s = 2 * 3600.0
    """It notes an activity once an hour at most."""

    def __init__(self, url: str) -> None:
        self._url = url or "https://gitlab.com"
        self._api = f"{self._url}/api/v4"

    def page(self, owner: str) -> str:
        return f"{self._url}/{owner}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        name, ordered = quote(owner, safe=""), "per_page=100&order_by=id&sort=asc"
        urls = (
            f"{self._api}/groups/{name}/projects?include_subgroups=true&{ordered}",
            f"{self._api}/users/{name}/projects?{ordered}",
        )
        async for one in listed(ask, urls):
            yield ForeignRepository(
                name=one["path_with_namespace"].removeprefix(f"{owner}/"),
                page=one["web_url"],
                id=str(one["id"]),
                branch=one.get("default_branch") or "",
                changed=one.get("last_activity_at") or "",
                archived=bool(one.get("archived")),
                fork=bool(one.get("forked_from_project")),
                topics=tuple(one.get("topics") or ()),
            )

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        branch = quote(repository.branch, safe="")
        url = (
            f"{self._api}/projects/{repository.id}/repository/tree"
            f"?recursive=true&per_page=100&ref={branch}"
        )
        found = []
        try:
            async for page in pages(ask, url):
                found += [one["path"] for one in items_of(page) if one.get("type") == "blob"]
        except HostMissing:
            return []
        return found

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        file = f"{self._api}/projects/{repository.id}/repository/files/{quote(path, safe='')}/raw"
        return (await ask(f"{file}?ref={quote(repository.branch, safe='')}", "*/*")).body

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}/-/blob/{repository.branch}/"

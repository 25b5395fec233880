"""Azure DevOps: an owner is an organisation, or `organisation/project`.

It knows no topics, and does not say when somebody pushed.
"""

from collections.abc import AsyncIterator
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    JSON,
    Ask,
    ForeignRepository,
    HostMissing,
    items_of,
)

VERSION = "api-version=7.1"
BRANCHES = "refs/heads/"


class AzureDevOps:
    settles_s = 0.0

    def __init__(self, url: str) -> None:
        self._url = url or "https://dev.azure.com"

    def page(self, owner: str) -> str:
        return f"{self._url}/{quote(owner)}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        organisation, _, project = owner.partition("/")
        answered = await ask(f"{self.page(owner)}/_apis/git/repositories?{VERSION}", JSON)
        for one in items_of(answered.json(), "value"):
            its_project = one["project"]["name"]
            api = f"{self.page(organisation)}/{quote(its_project)}/_apis/git/repositories"
            yield ForeignRepository(
                name=one["name"] if project else f"{its_project}/{one['name']}",
                page=one["webUrl"],
                id=f"{api}/{one['id']}",
                branch=(one.get("defaultBranch") or "").removeprefix(BRANCHES),
                changed="",
                archived=bool(one.get("isDisabled")),
                fork=bool(one.get("isFork")),
            )

    async def paths(self, ask: Ask, repository: ForeignRepository) -> list[str]:
        url = f"{repository.id}/items?recursionLevel=Full&{self._at(repository)}"
        try:
            answered = await ask(url, JSON)
        except HostMissing:
            return []
        found = items_of(answered.json(), "value")
        return [one["path"].lstrip("/") for one in found if not one.get("isFolder")]

    async def content(self, ask: Ask, repository: ForeignRepository, path: str) -> bytes:
        url = f"{repository.id}/items?path=/{quote(path)}&{self._at(repository)}"
        return (await ask(url, "application/octet-stream")).body

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}?version=GB{quote(repository.branch, safe='')}&path=/"

    def _at(self, repository: ForeignRepository) -> str:
        branch = quote(repository.branch, safe="")
        return f"versionDescriptor.versionType=branch&versionDescriptor.version={branch}&{VERSION}"

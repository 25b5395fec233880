"""Azure DevOps: an owner is an organisation, or `organisation/project`.

It knows no topics, and does not say when somebody pushed. Of a pull request the owner is always
`organisation/project`. What build policies say is not asked for; a pipeline that reports a status
of its commit is.
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    CLOSED,
    JSON,
    MERGED,
    OPENED,
    Ask,
    BranchHost,
    Call,
    Credential,
    ForeignRepository,
    HostCheck,
    HostMissing,
    NewRepository,
    Place,
    Proposed,
    PullRequest,
    is_there,
    items_of,
    newest,
    phase_of,
)

VERSION = "api-version=7.1"
BRANCHES = "refs/heads/"
DESCRIPTION_MAX = 4000
"""Of a pull request; a longer one is refused there."""


class AzureDevOps(BranchHost):
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

    def api_credential(self, credential: Credential) -> str:
        return credential.basic()

    def git_credential(self, credential: Credential) -> str:
        return credential.basic()

    def remote(self, place: Place) -> str:
        return f"{self.page(place.owner)}/_git/{quote(place.name)}"

    def contents(self, place: Place, branch: str) -> str:
        del branch  # it shows the default one
        return self.remote(place)

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, f"{self._of(place)}?{VERSION}")

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        del new  # who sees it is the project's to say, and it has no description
        url = f"{self.page(place.owner)}/_apis/git/repositories?{VERSION}"
        await call("POST", url, {"name": place.name})

    async def details(self, call: Call, place: Place) -> dict[str, Any]:
        return {"repositoryId": (await call("GET", f"{self._of(place)}?{VERSION}"))["id"]}

    async def delete(self, call: Call, place: Place) -> None:
        found = (await self.details(call, place))["repositoryId"]
        url = f"{self.page(place.owner)}/_apis/git/repositories/{found}?{VERSION}"
        await call("DELETE", url)

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del head
        ref = quote(f"{BRANCHES}{branch}", safe="")
        query = f"searchCriteria.sourceRefName={ref}&searchCriteria.status=active"
        found = await call("GET", f"{self._of(place)}/pullrequests?{query}&{VERSION}")
        pulls = items_of(found, "value")
        return self._told(place, pulls[0]) if pulls else None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        body = {
            "sourceRefName": f"{BRANCHES}{proposed.branch}",
            "targetRefName": f"{BRANCHES}{proposed.base}",
            "title": proposed.title,
            "description": proposed.body[:DESCRIPTION_MAX],
        }
        told = await call("POST", f"{self._of(place)}/pullrequests?{VERSION}", body)
        return self._told(place, told)

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        return self._told(place, await call("GET", self._pull(place, id)))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        body = {"title": proposed.title, "description": proposed.body[:DESCRIPTION_MAX]}
        await call("PATCH", self._pull(place, pull.id), body)

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("PATCH", self._pull(place, pull.id), {"status": "abandoned"})

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        body = {"status": "completed", "lastMergeSourceCommit": {"commitId": pull.head}}
        await call("PATCH", self._pull(place, pull.id), body)

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        url = f"{self._of(place)}/commits/{pull.head}/statuses?latestOnly=true&{VERSION}"
        found = items_of(await call("GET", url), "value")
        return newest(
            HostCheck(
                one["context"]["name"],
                phase_of(one["state"], good="succeeded notapplicable", bad="failed error"),
                one.get("targetUrl") or "",
            )
            for one in found
        )

    def _of(self, place: Place) -> str:
        return f"{self.page(place.owner)}/_apis/git/repositories/{quote(place.name)}"

    def _pull(self, place: Place, id: str) -> str:
        return f"{self._of(place)}/pullrequests/{id}?{VERSION}"

    def _told(self, place: Place, told: Any) -> PullRequest:
        state = {"active": OPENED, "completed": MERGED}.get(told["status"], CLOSED)
        merged = (told.get("lastMergeCommit") or {}).get("commitId") or ""
        return PullRequest(
            id=str(told["pullRequestId"]),
            page=f"{self.remote(place)}/pullrequest/{told['pullRequestId']}",
            state=state,
            head=(told.get("lastMergeSourceCommit") or {}).get("commitId") or "",
            merged=merged if state == MERGED else "",
        )

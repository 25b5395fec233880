"""GitLab: gitlab.com and one's own. An owner is a group with all groups below it, or a person."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    CLOSED,
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
    listed,
    newest,
    pages,
    phase_of,
)

_STATES = {"opened": OPENED, "locked": OPENED, "merged": MERGED, "closed": CLOSED}


class GitLab(BranchHost):
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

    def api_credential(self, credential: Credential) -> str:
        return credential.bearer

    def git_credential(self, credential: Credential) -> str:
        return credential.basic("oauth2")

    def remote(self, place: Place) -> str:
        return f"{self._url}/{quote(str(place))}.git"

    def contents(self, place: Place, branch: str) -> str:
        return f"{self._url}/{quote(str(place))}/-/blob/{branch}"

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, self._of(place))

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        where = f"{self._api}/namespaces/{quote(place.owner, safe='')}"
        body = {
            "name": place.name,
            "path": place.name,
            "namespace_id": (await call("GET", where))["id"],
            "description": new.description,
            "visibility": new.visibility,
        }
        await call("POST", f"{self._api}/projects", body)

    async def shows(self, call: Call, place: Place, branch: str) -> bool:
        name = quote(branch, safe="")
        return await is_there(call, f"{self._of(place)}/repository/branches/{name}")

    async def details(self, call: Call, place: Place) -> dict[str, Any]:
        found = await call("GET", self._of(place))
        # Its templates know the repository by its page.
        page = self.remote(place).removesuffix(".git")
        return {"projectId": found["id"], "created": True, "remoteUrl": page}

    async def delete(self, call: Call, place: Place) -> None:
        await call("DELETE", self._of(place))

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del head
        query = f"state=opened&source_branch={quote(branch, safe='')}"
        found = items_of(await call("GET", f"{self._of(place)}/merge_requests?{query}"))
        return _told(found[0]) if found else None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        body = {
            **proposed.options,
            "source_branch": proposed.branch,
            "target_branch": proposed.base,
            "title": proposed.title,
            "description": proposed.body,
        }
        return _told(await call("POST", f"{self._of(place)}/merge_requests", body))

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        return _told(await call("GET", self._pull(place, id)))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        body = {"title": proposed.title, "description": proposed.body}
        await call("PUT", self._pull(place, pull.id), body)

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("PUT", self._pull(place, pull.id), {"state_event": "close"})

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("PUT", f"{self._pull(place, pull.id)}/merge", {"sha": pull.head})

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        url = f"{self._of(place)}/repository/commits/{pull.head}/statuses?per_page=100"
        try:
            found = items_of(await call("GET", url))
        except HostMissing:
            return []
        return newest(
            HostCheck(
                one["name"],
                phase_of("success" if one.get("allow_failure") else one["status"], **_WORDS),
                one.get("target_url") or "",
            )
            for one in found
        )

    def _of(self, place: Place) -> str:
        return f"{self._api}/projects/{quote(str(place), safe='')}"

    def _pull(self, place: Place, id: str) -> str:
        return f"{self._of(place)}/merge_requests/{id}"


_WORDS = {"good": "success skipped manual", "bad": "failed canceled"}


def _told(told: Any) -> PullRequest:
    merged = told.get("merge_commit_sha") or told.get("squash_commit_sha") or ""
    return PullRequest(
        id=str(told["iid"]),
        page=told["web_url"],
        state=_STATES[told["state"]],
        head=told.get("sha") or "",
        merged=merged,
        raw={"project_id": told.get("project_id")},
    )

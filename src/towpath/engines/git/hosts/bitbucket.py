"""Bitbucket Cloud: an owner is a workspace. It knows no archived repositories and no topics."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    CLOSED,
    JSON,
    MERGED,
    OPENED,
    PAGES_MAX,
    Ask,
    BranchHost,
    Call,
    Credential,
    ForeignRepository,
    HostCheck,
    HostMissing,
    HostRefused,
    HostUnread,
    NewRepository,
    Place,
    Proposed,
    PullRequest,
    is_there,
    items_of,
    newest,
    phase_of,
)

DEPTH_MAX = 20
"""Of folders, as far as it is asked to look."""


class Bitbucket(BranchHost):
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

    def api_credential(self, credential: Credential) -> str:
        return credential.basic() if credential.username else credential.bearer

    def git_credential(self, credential: Credential) -> str:
        return credential.basic("x-token-auth")

    def remote(self, place: Place) -> str:
        return f"{self._url}/{quote(place.owner)}/{quote(place.name)}.git"

    def contents(self, place: Place, branch: str) -> str:
        return f"{self._url}/{quote(place.owner)}/{quote(place.name)}/src/{branch}"

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, self._of(place))

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        project = new.options.get("project")
        body = {
            "scm": "git",
            "description": new.description,
            "is_private": new.visibility != "public",
            **({"project": {"key": project}} if project else {}),
        }
        await call("POST", self._of(place), body)

    async def delete(self, call: Call, place: Place) -> None:
        await call("DELETE", self._of(place))

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del head
        query = quote(f'source.branch.name="{branch}" AND state="OPEN"', safe="")
        found = await call("GET", f"{self._of(place)}/pullrequests?q={query}")
        pulls = items_of(found, "values")
        return _told(pulls[0]) if pulls else None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        body = {
            "title": proposed.title,
            "description": proposed.body,
            "source": {"branch": {"name": proposed.branch}},
            "destination": {"branch": {"name": proposed.base}},
        }
        return _told(await call("POST", f"{self._of(place)}/pullrequests", body))

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        return _told(await call("GET", f"{self._of(place)}/pullrequests/{id}"))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        body = {"title": proposed.title, "description": proposed.body}
        await call("PUT", f"{self._of(place)}/pullrequests/{pull.id}", body)

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("POST", f"{self._of(place)}/pullrequests/{pull.id}/decline", {})

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        """Its API takes no commit that was looked at, so that is compared just before."""
        now = await self.look(call, place, pull.id)
        # It tells commits by their beginnings.
        if not pull.head.startswith(now.head):
            raise HostRefused(f"{place} #{pull.id} is at {now.head}, not at {pull.head[:12]}")
        await call("POST", f"{self._of(place)}/pullrequests/{pull.id}/merge", {})

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        return build_checks(await call("GET", f"{self._of(place)}/commit/{pull.head}/statuses"))

    def _of(self, place: Place) -> str:
        return f"{self._api}/repositories/{quote(place.owner)}/{quote(place.name)}"


def build_checks(told: Any) -> list[HostCheck]:
    """Statuses of builds, which Cloud and Server tell alike."""
    return newest(
        HostCheck(
            one.get("name") or one["key"],
            phase_of(one["state"], good="successful", bad="failed stopped cancelled"),
            one.get("url") or "",
        )
        for one in items_of(told, "values")
    )


def _told(told: Any) -> PullRequest:
    state = {"OPEN": OPENED, "MERGED": MERGED}.get(told["state"], CLOSED)
    return PullRequest(
        id=str(told["id"]),
        page=told["links"]["html"]["href"],
        state=state,
        head=(told["source"].get("commit") or {}).get("hash") or "",
        merged=(told.get("merge_commit") or {}).get("hash") or "",
    )


async def _values(ask: Ask, url: str) -> AsyncIterator[Any]:
    for _ in range(PAGES_MAX):
        page = (await ask(url, JSON)).json()
        for one in items_of(page, "values"):
            yield one
        if not page.get("next"):
            return
        url = page["next"]
    raise HostUnread(f"the list has more than {PAGES_MAX} pages")

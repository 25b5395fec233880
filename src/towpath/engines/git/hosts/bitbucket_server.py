"""Bitbucket Server and Data Center: an owner is a project's key, or `~` and a person."""

from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.bitbucket import build_checks
from towpath.engines.git.hosts.port import (
    CLOSED,
    MERGED,
    OPENED,
    BranchHost,
    Call,
    Credential,
    HostCheck,
    NewRepository,
    Place,
    Proposed,
    PullRequest,
    is_there,
    items_of,
)


class BitbucketServer(BranchHost):
    def __init__(self, url: str) -> None:
        self._url = url
        self._api = f"{url}/rest/api/1.0"

    def api_credential(self, credential: Credential) -> str:
        return credential.basic() if credential.username else credential.bearer

    def git_credential(self, credential: Credential) -> str:
        return self.api_credential(credential)

    def remote(self, place: Place) -> str:
        return f"{self._url}/scm/{quote(place.owner, safe='~').lower()}/{quote(place.name)}.git"

    def contents(self, place: Place, branch: str) -> str:
        del branch  # it shows the default one
        return f"{self._url}/projects/{quote(place.owner)}/repos/{quote(place.name)}/browse"

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, self._of(place))

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        body = {
            "name": place.name,
            "description": new.description,
            "public": new.visibility == "public",
            "defaultBranch": new.branch,
        }
        await call("POST", f"{self._api}/projects/{quote(place.owner)}/repos", body)

    async def delete(self, call: Call, place: Place) -> None:
        await call("DELETE", self._of(place))

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del head
        ref = quote(f"refs/heads/{branch}", safe="")
        query = f"direction=OUTGOING&state=OPEN&at={ref}"
        found = items_of(await call("GET", f"{self._of(place)}/pull-requests?{query}"), "values")
        return _told(found[0]) if found else None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        reviewers = [{"user": {"name": one}} for one in proposed.options.get("reviewers") or ()]
        body = {
            "title": proposed.title,
            "description": proposed.body,
            "fromRef": self._ref(place, proposed.branch),
            "toRef": self._ref(place, proposed.base),
            **({"reviewers": reviewers} if reviewers else {}),
        }
        return _told(await call("POST", f"{self._of(place)}/pull-requests", body))

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        return _told(await call("GET", f"{self._of(place)}/pull-requests/{id}"))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        body = {
            "version": pull.raw["version"],
            "title": proposed.title,
            "description": proposed.body,
            # Whom it does not name, it takes away.
            "reviewers": [{"user": one["user"]} for one in pull.raw.get("reviewers") or ()],
        }
        await call("PUT", f"{self._of(place)}/pull-requests/{pull.id}", body)

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        version = f"version={pull.raw['version']}"
        await call("POST", f"{self._of(place)}/pull-requests/{pull.id}/decline?{version}", {})

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        """The version is of the state that was looked at: another push is another version."""
        version = f"version={pull.raw['version']}"
        await call("POST", f"{self._of(place)}/pull-requests/{pull.id}/merge?{version}", {})

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        del place  # it tells of a commit, wherever that is
        url = f"{self._url}/rest/build-status/1.0/commits/{pull.head}?limit=100"
        return build_checks(await call("GET", url))

    def _of(self, place: Place) -> str:
        return f"{self._api}/projects/{quote(place.owner)}/repos/{quote(place.name)}"

    def _ref(self, place: Place, branch: str) -> dict[str, Any]:
        repository = {"slug": place.name, "project": {"key": place.owner}}
        return {"id": f"refs/heads/{branch}", "repository": repository}


def _told(told: Any) -> PullRequest:
    merged = ((told.get("properties") or {}).get("mergeCommit") or {}).get("id") or ""
    return PullRequest(
        id=str(told["id"]),
        page=told["links"]["self"][0]["href"],
        state={"OPEN": OPENED, "MERGED": MERGED}.get(told["state"], CLOSED),
        head=told["fromRef"].get("latestCommit") or "",
        merged=merged,
        raw=told,
    )

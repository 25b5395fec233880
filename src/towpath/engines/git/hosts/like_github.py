"""What GitHub, Gitea and Forgejo have in common: the REST API that began at GitHub."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar
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
    phase_of,
)

GOOD, BAD = "success neutral skipped warning", "failure error cancelled timed_out action_required"


class LikeGitHub(BranchHost, ABC):
    settles_s = 60.0
    page_size: ClassVar[str]
    """How many of a list come at once."""
    order: ClassVar[str]
    """Of repositories: the same at each look."""
    changed_key: ClassVar[str]
    """Of a repository: when somebody pushed."""
    branch_path: ClassVar[str]
    """Between a repository's page and a branch's name."""

    _url: str
    _api: str

    def page(self, owner: str) -> str:
        return f"{self._url}/{owner}"

    async def repositories(self, ask: Ask, owner: str) -> AsyncIterator[ForeignRepository]:
        whose = (f"orgs/{quote(owner)}", f"users/{quote(owner)}")
        urls = tuple(f"{self._api}/{one}/repos?{self.page_size}&{self.order}" for one in whose)
        async for one in listed(ask, urls):
            yield ForeignRepository(
                name=one["name"],
                page=one["html_url"],
                id=quote(one["full_name"]),
                branch="" if one.get("empty") else one.get("default_branch") or "",
                changed=one.get(self.changed_key) or "",
                archived=bool(one.get("archived")),
                fork=bool(one.get("fork")),
                topics=tuple(one.get("topics") or ()),
            )

    def folder(self, repository: ForeignRepository) -> str:
        return f"{repository.page}/{self.branch_path}/{repository.branch}/"

    def git_credential(self, credential: Credential) -> str:
        return credential.basic("x-access-token")

    def remote(self, place: Place) -> str:
        return f"{self._url}/{quote(place.owner)}/{quote(place.name)}.git"

    def contents(self, place: Place, branch: str) -> str:
        return f"{self.remote(place).removesuffix('.git')}/{self.branch_path}/{branch}"

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, self._of(place))

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        me = await call("GET", f"{self._api}/user")
        is_own = str(me["login"]).lower() == place.owner.lower()
        whose = "user" if is_own else f"orgs/{quote(place.owner)}"
        body = {
            "name": place.name,
            "description": new.description,
            "private": new.visibility != "public",
            **self._creating(new),
        }
        await call("POST", f"{self._api}/{whose}/repos", body)

    @abstractmethod
    def _creating(self, new: NewRepository) -> dict[str, Any]: ...

    async def shows(self, call: Call, place: Place, branch: str) -> bool:
        return await is_there(call, f"{self._of(place)}/branches/{quote(branch, safe='')}")

    async def delete(self, call: Call, place: Place) -> None:
        await call("DELETE", self._of(place))

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del head
        of_branch = quote(f"{place.owner}:{branch}")
        url = f"{self._of(place)}/pulls?state=open&head={of_branch}&{self.page_size}"
        found = await call("GET", url)
        own = str(place).lower()
        for one in items_of(found):
            whose = (one["head"].get("repo") or {}).get("full_name", own)
            if one["head"]["ref"] == branch and whose.lower() == own:
                return self._told(one)
        return None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        body = {
            "title": proposed.title,
            "body": proposed.body,
            "head": proposed.branch,
            "base": proposed.base,
            **({"draft": True} if proposed.options.get("draft") else {}),
        }
        return self._told(await call("POST", f"{self._of(place)}/pulls", body))

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        return self._told(await call("GET", f"{self._of(place)}/pulls/{id}"))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        body = {"title": proposed.title, "body": proposed.body}
        await call("PATCH", f"{self._of(place)}/pulls/{pull.id}", body)

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("PATCH", f"{self._of(place)}/pulls/{pull.id}", {"state": "closed"})

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        try:
            found = await call("GET", f"{self._of(place)}/commits/{pull.head}/status")
        except HostMissing:
            return []
        return newest(
            HostCheck(
                one.get("context") or "check",
                phase_of(one.get("state") or one.get("status") or "", good=GOOD, bad=BAD),
                one.get("target_url") or "",
            )
            for one in found.get("statuses") or ()
        )

    def _of(self, place: Place) -> str:
        return f"{self._api}/repos/{quote(place.owner)}/{quote(place.name)}"

    def _told(self, told: Any) -> PullRequest:
        # A list tells of merging by a time, and a single one by a word.
        is_merged = bool(told.get("merged") or told.get("merged_at"))
        state = MERGED if is_merged else OPENED if told["state"] == "open" else CLOSED
        return PullRequest(
            id=str(told["number"]),
            page=told["html_url"],
            state=state,
            head=told["head"]["sha"],
            merged=(told.get("merge_commit_sha") or "") if is_merged else "",
        )

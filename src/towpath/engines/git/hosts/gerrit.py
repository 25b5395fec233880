"""Gerrit: a project has no owner in its name, and what is proposed is a change: one commit.

A change is pushed, not asked for; what it says is its commit's message, and its Change-Id makes the
next push another patch set of it.
"""

from typing import Any
from urllib.parse import quote

from towpath.engines.git.hosts.port import (
    CLOSED,
    FAILED,
    MERGED,
    OPENED,
    RUNNING,
    SUCCEEDED,
    Call,
    Credential,
    HostCheck,
    HostRefused,
    HostUnread,
    NewRepository,
    Place,
    Proposed,
    PullRequest,
    is_there,
    items_of,
)

_STATES = {"NEW": OPENED, "MERGED": MERGED}
_REVIEW = "Code-Review"
"""What people say of a change; every other label is a check."""


class Gerrit:
    is_one_commit = True

    def __init__(self, url: str) -> None:
        self._url = url

    def api_credential(self, credential: Credential) -> str:
        return credential.basic()

    def git_credential(self, credential: Credential) -> str:
        return credential.basic()

    def remote(self, place: Place) -> str:
        return f"{self._url}/a/{quote(place.name)}"

    def contents(self, place: Place, branch: str) -> str:
        return f"{self._url}/plugins/gitiles/{quote(place.name)}/+/refs/heads/{branch}"

    async def exists(self, call: Call, place: Place) -> bool:
        return await is_there(call, self._of(place))

    async def create(self, call: Call, place: Place, new: NewRepository) -> None:
        owners = [place.owner] if place.owner else []
        body = {"description": new.description, "owners": owners, "branches": [new.branch]}
        await call("PUT", self._of(place), {**body, "create_empty_commit": False})

    async def shows(self, call: Call, place: Place, branch: str) -> bool:
        del call, place, branch
        return True

    async def details(self, call: Call, place: Place) -> dict[str, Any]:
        del call, place
        return {}

    async def delete(self, call: Call, place: Place) -> None:
        """By the plug-in delete-project, which not every Gerrit has."""
        await call("POST", f"{self._of(place)}/delete-project~delete", {"force": False})

    def target(self, branch: str, base: str) -> str:
        topic = branch.replace("/", "-")
        return f"refs/for/{base}%topic={quote(topic, safe='')}"

    async def find(self, call: Call, place: Place, branch: str, head: str) -> PullRequest | None:
        del branch
        query = f"commit:{head}+project:{quote(place.name, safe='')}+status:open"
        found = items_of(await call("GET", f"{self._url}/a/changes/?q={query}&o=CURRENT_REVISION"))
        return self._told(found[0]) if found else None

    async def open(self, call: Call, place: Place, proposed: Proposed) -> PullRequest:
        """The push has opened it."""
        found = await self.find(call, place, proposed.branch, proposed.head)
        if found is None:
            raise HostUnread(f"{place} does not show the change of {proposed.head[:10]} yet")
        return found

    async def look(self, call: Call, place: Place, id: str) -> PullRequest:
        del place
        return self._told(await call("GET", f"{self._change(id)}?o=CURRENT_REVISION"))

    async def amend(self, call: Call, place: Place, pull: PullRequest, proposed: Proposed) -> None:
        """Its words are the commit's, which has been pushed."""

    async def close(self, call: Call, place: Place, pull: PullRequest) -> None:
        await call("POST", f"{self._change(pull.id)}/abandon", {})

    async def merge(self, call: Call, place: Place, pull: PullRequest) -> None:
        now = await self.look(call, place, pull.id)
        if now.head != pull.head:
            raise HostRefused(f"{place}: the change is at {now.head[:10]}, not {pull.head[:10]}")
        await call("POST", f"{self._change(pull.id)}/submit", {})

    async def checks(self, call: Call, place: Place, pull: PullRequest) -> list[HostCheck]:
        """Labels but Code-Review: Verified, and what else a pipeline sets."""
        told = await call("GET", f"{self._change(pull.id)}?o=LABELS")
        return [
            HostCheck(name, _verdict(label), pull.page)
            for name, label in sorted((told.get("labels") or {}).items())
            if name != _REVIEW
        ]

    def _of(self, place: Place) -> str:
        return f"{self._url}/a/projects/{quote(place.name, safe='')}"

    def _change(self, id: str) -> str:
        return f"{self._url}/a/changes/{quote(id, safe='~%')}"

    def _told(self, told: Any) -> PullRequest:
        head = told.get("current_revision") or ""
        state = _STATES.get(told["status"], CLOSED)
        return PullRequest(
            id=str(told["_number"]),
            page=f"{self._url}/c/{quote(told['project'])}/+/{told['_number']}",
            state=state,
            head=head,
            merged=head if state == MERGED else "",
        )


def _verdict(label: Any) -> str:
    if "rejected" in label or "disliked" in label:
        return FAILED
    return SUCCEEDED if "approved" in label else RUNNING

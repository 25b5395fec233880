"""Upgrades of repositories that stay on another Git host: proposed there by a pull request.

The branch is made here, as for any repository. Who pushes it there and follows it is the
PullRequest's own controller; its status says what became of it.
"""

from dataclasses import dataclass

from towpath.capabilities.portal.remotes.kinds import CLOSED as PULL_CLOSED
from towpath.capabilities.portal.remotes.kinds import PULL_REQUEST, is_remote, propose
from towpath.capabilities.portal.templates.upgrades.checking import Check
from towpath.client.protocols import Client
from towpath.engines.git.port import Commit, RepositoryName
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.steps import Subject

TITLE_MAX = 250


@dataclass(frozen=True, slots=True)
class PullProposal:
    """What the pull request is just now."""

    url: str
    is_closed: bool
    message: str
    head: str
    """The branch's commit that the host has; the checks are of that one."""
    checks: tuple[Check, ...]
    is_checked: bool
    """Whether those are all: pipelines there begin some time after a push."""


@dataclass(frozen=True, slots=True)
class Remotes:
    api: Client

    async def has(self, repository: RepositoryName) -> bool:
        return await is_remote(self.api, repository.project, repository.name)

    async def propose(self, subject: Subject, branch: str, commit: Commit) -> PullProposal:
        """Open it, or have it say what the platform's newest commit there says."""
        title, _, body = commit.message.strip().partition("\n")
        spec = {
            "repository": subject.spec["repository"],
            "branch": branch,
            "title": title[:TITLE_MAX],
            "body": body.strip(),
        }
        name, project = subject.key.name, subject.key.namespace
        return _told(await propose(self.api, name, project, subject.obj, spec))

    async def merge(self, subject: Subject, head: CommitSHA) -> None:
        await self._set(subject, {"merge": {"commit": head}})

    async def close(self, subject: Subject) -> None:
        await self._set(subject, {"closed": True})

    async def _set(self, subject: Subject, spec: RawObject) -> None:
        try:
            patch = {"spec": spec}
            await self.api.patch(PULL_REQUEST, subject.key.name, subject.key.namespace, patch)
        except NotFound:
            return


def _told(pull: RawObject) -> PullProposal:
    status = pull.get("status") or {}
    return PullProposal(
        status.get("url") or "",
        status.get("phase") == PULL_CLOSED,
        status.get("message") or "",
        status.get("head") or "",
        tuple(
            Check("", one["name"], one["phase"], one.get("url") or "")
            for one in status.get("checks") or ()
        ),
        bool(status.get("checked")),
    )

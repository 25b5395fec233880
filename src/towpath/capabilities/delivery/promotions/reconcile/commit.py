"""Render, and commit to the deployments repository: the promotion becomes the desired state.

One commit with author, reason and diff, on top of the commit that was read; when somebody was
faster, read and try again. After a crash between the push and the status, the same content makes
no difference and the branch's head is the answer; the trailer names the promotion for people.
"""

from dataclasses import dataclass
from typing import NoReturn

import anyio.to_thread

from towpath.capabilities.delivery.promotions.gathering import (
    Gathering,
    changes_of,
    with_folder,
)
from towpath.capabilities.delivery.promotions.kinds import (
    COMMIT_TRAILER,
    DEPLOYMENTS,
    RENDERING,
    SYNCING,
)
from towpath.capabilities.delivery.promotions.reconcile.chronicle import Chronicle
from towpath.capabilities.delivery.promotions.reconcile.outcome import fail, moment, wait
from towpath.capabilities.delivery.promotions.render import render_files
from towpath.capabilities.delivery.promotions.score import ScoreError
from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.client.protocols import Client
from towpath.engines.git.port import (
    Change,
    File,
    GitHost,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Clusters
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject

ATTEMPTS_MAX = 20


@dataclass(frozen=True, slots=True)
class CommitManifests:
    api: Client
    clusters: Clusters
    git: GitHost
    chronicle: Chronicle

    async def __call__(self, subject: Subject) -> None:
        if subject.status.get("commit"):
            return
        subject.status["phase"] = RENDERING
        release = await self.api.get(RELEASE, subject.spec["release"], subject.key.namespace)
        files = await self._files(subject, release)
        repository = RepositoryName(subject.key.namespace, DEPLOYMENTS)
        try:
            commit = await self._write(subject, repository, files)
        except RepositoryNotFound:
            wait(
                subject,
                RENDERING,
                "RepositoryNotReady",
                f"Repository {repository} is not there yet; the project makes it.",
                after_s=1,
            )
        subject.status["commit"] = commit
        subject.status["committedAt"] = moment()
        subject.status["phase"] = SYNCING
        subject.mark("Committed", True, "Committed", f"{repository} is at {commit[:8]}.")
        await self._tell(subject, repository, commit, len(files))

    async def _tell(
        self, subject: Subject, repository: RepositoryName, commit: CommitSHA, count: int
    ) -> None:
        """Which files the commit changed, for the log."""
        found = await self.git.commit(repository, commit)
        changed: list[Change] = []
        if subject.uid in found.message:  # else nothing was written, and the head is another's
            before = found.parents[0] if found.parents else None
            folder = f"{subject.spec['workload']}/{subject.spec['environment']}"
            changed = await self.git.changes(repository, before, commit, folder)
        self.chronicle.note(
            subject,
            "commit",
            f"Rendered {count} files of {subject.spec['release']}.",
            f"{repository} is at {commit[:8]}:" if changed else "Nothing differs from Git.",
            *(f"  {_verb(change)} {change.path}" for change in changed),
        )

    def _refuse(self, subject: Subject, release: RawObject, error: ScoreError) -> NoReturn:
        commit = release["spec"]["commit"][:8]
        message = (
            f"The Score file of commit {commit} cannot be delivered: {error}. Correct score.yaml "
            "and push; nothing was changed."
        )
        fail(subject, "ScoreInvalid", message)

    async def _files(self, subject: Subject, release: RawObject) -> dict[str, bytes]:
        """Rendered; what cannot be is a failure that names the problem."""
        gathering = Gathering(self.api, self.clusters.client)
        spec = subject.spec
        try:
            given = await gathering.inputs(
                subject.key.namespace,
                spec["workload"],
                spec["environment"],
                spec["release"],
                changes_of(subject.obj),
            )
            return with_folder(await anyio.to_thread.run_sync(render_files, given))
        except ScoreError as error:
            self._refuse(subject, release, error)

    async def _write(
        self, subject: Subject, repository: RepositoryName, files: dict[str, bytes]
    ) -> CommitSHA:
        for _ in range(ATTEMPTS_MAX):
            head = await self.git.head(repository)
            changes = await self._changes(subject, repository, head, files)
            try:
                return await self.git.write(
                    repository,
                    changes,
                    message=commit_message(subject.obj),
                    author=_author(subject.spec["requestedBy"]),
                    expected=head,
                )
            except StaleCommit:
                continue
        message = f"Repository {repository} changes faster than it can be written; trying again."
        raise Waiting("RepositoryBusy", message, after_s=0.5)

    async def _changes(
        self,
        subject: Subject,
        repository: RepositoryName,
        head: CommitSHA | None,
        files: dict[str, bytes],
    ) -> dict[str, File | None]:
        """The whole folder of the workload in the environment, what it no longer has removed."""
        folder = f"{subject.spec['workload']}/{subject.spec['environment']}"
        before: set[str] = set()
        if head is not None:
            try:
                before = set(await self.git.files(repository, head, folder))
            except PathNotFound:
                before = set()
        changes: dict[str, File | None] = {f"{folder}/{path}": None for path in before - set(files)}
        changes |= {f"{folder}/{path}": File(content) for path, content in files.items()}
        return changes


def _verb(change: Change) -> str:
    if change.old is None:
        return "added  "
    return "removed" if change.new is None else "changed"


def _author(user: str) -> Signature:
    name = user.removeprefix("system:serviceaccount:").replace(":", "/")
    return Signature(name, f"{name.replace('/', '.')}@towpath.dev")


def commit_message(promotion: RawObject) -> str:
    spec = promotion["spec"]
    lines = [f"Promote {spec['workload']} to {spec['environment']}: {spec['release']}", ""]
    if reason := spec.get("reason"):
        lines += [reason, ""]
    approvals = (promotion.get("status") or {}).get("approvals") or ()
    lines += [
        f"Approved-by: {decision['user']}"
        for decision in approvals
        if decision["counts"] and decision["decision"] == "Approve"
    ]
    lines += [
        f"Requested-by: {spec['requestedBy']}",
        f"{COMMIT_TRAILER}: {promotion['metadata']['uid']}",
    ]
    return "\n".join(lines) + "\n"

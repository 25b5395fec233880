"""Render, and commit to the deployments repository: the promotion becomes the desired state.

One commit with author, reason and diff, on top of the commit that was read; when somebody was
faster, read and try again. After a crash between the push and the status, the same content makes
no difference and the branch's head is the answer; the trailer names the promotion for people.
"""

from dataclasses import dataclass
from typing import NoReturn

import anyio.to_thread

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.promotions.kinds import (
    COMMIT_TRAILER,
    DEPLOYMENTS,
    RENDERING,
    SYNCING,
)
from towpath.capabilities.delivery.promotions.reconcile.outcome import fail, moment, wait
from towpath.capabilities.delivery.promotions.render import RenderInput, render_files
from towpath.capabilities.delivery.promotions.render.network import SERVICE_MONITOR
from towpath.capabilities.delivery.promotions.score import ScoreError, parse_score
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD, workload_host
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.client.protocols import Client
from towpath.engines.git.port import (
    File,
    GitHost,
    PathNotFound,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Clusters
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.outcomes import Waiting
from towpath.runtime.steps import Subject

ATTEMPTS_MAX = 20
KEEP = "infra/.keep"
"""Keeps the folder where there is no resource: its Application then syncs "none", not an error."""


@dataclass(frozen=True, slots=True)
class CommitManifests:
    api: Client
    clusters: Clusters
    git: GitHost

    async def __call__(self, subject: Subject) -> None:
        if subject.status.get("commit"):
            return
        subject.status["phase"] = RENDERING
        release = await self.api.get(RELEASE, subject.spec["release"], subject.key.namespace)
        given = await self._gather(subject, release)
        try:
            files = await anyio.to_thread.run_sync(render_files, given)
        except ScoreError as error:
            self._refuse(subject, release, error)
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

    def _refuse(self, subject: Subject, release: RawObject, error: ScoreError) -> NoReturn:
        commit = release["spec"]["commit"][:8]
        message = f"The Score file of commit {commit} cannot be delivered: {error}"
        fail(subject, "ScoreInvalid", message)

    async def _gather(self, subject: Subject, release: RawObject) -> RenderInput:
        project, environment_name = subject.key.namespace, subject.spec["environment"]
        environment = await self.api.get(ENVIRONMENT, environment_name, project)
        workload = await self.api.get(WORKLOAD, subject.spec["workload"], project)
        cluster = await self.api.get(CLUSTER, environment["spec"]["cluster"])
        is_local = cluster["spec"]["type"] == "local"
        name: str = subject.spec["workload"]
        policy = workload["spec"].get("deletionPolicy") or {}
        try:
            score = parse_score(release["spec"]["score"])
        except ScoreError as error:
            self._refuse(subject, release, error)
        return RenderInput(
            project=project,
            workload=name,
            environment=environment_name,
            release=subject.spec["release"],
            image=release["spec"]["image"],
            score=score,
            host=workload_host(project, name, environment_name) if is_local else "",
            local=is_local,
            retain_data=policy.get("data") == "Retain",
            served=await self._served(environment["spec"]["cluster"]),
        )

    async def _served(self, cluster: str) -> frozenset[str]:
        try:
            await self.clusters.client(cluster).resolve(
                "monitoring.coreos.com/v1", "ServiceMonitor"
            )
        except NotFound:
            return frozenset()
        return frozenset({SERVICE_MONITOR})

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
        after = dict(files)
        if not any(path.startswith("infra/") for path in after):
            after[KEEP] = b""
        changes: dict[str, File | None] = {f"{folder}/{path}": None for path in before - set(after)}
        changes |= {f"{folder}/{path}": File(content) for path, content in after.items()}
        return changes


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

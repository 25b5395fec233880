"""Has it arrived, and is it well? Told by the Applications' status; no clock but a deadline."""

from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT, target_namespace
from towpath.capabilities.delivery.gitops.kinds import (
    APPLICATION,
    ARGOCD_NAMESPACE,
    application_name,
    sickest_part,
)
from towpath.capabilities.delivery.promotions.kinds import (
    DEPLOYMENTS,
    IN_PHASE,
    PROMOTION,
    SUCCEEDED,
    SYNCING,
    UNWELL,
    is_unwell,
)
from towpath.capabilities.delivery.promotions.reconcile.chronicle import Chronicle
from towpath.capabilities.delivery.promotions.reconcile.evidence import evidence
from towpath.capabilities.delivery.promotions.reconcile.outcome import (
    elapsed_s,
    fail,
    finish,
    sentence,
    wait,
)
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD
from towpath.client.protocols import Client
from towpath.engines.git.port import GitReader, PathNotFound, RepositoryName
from towpath.hooks.platform import Clusters
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.runtime.events import EventRecorder
from towpath.runtime.steps import Subject

DEADLINE_S = 300.0
SYNC_RETRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """One Application's answer. `failed` is final, `message` what stands in the way."""

    arrived: bool
    failed: bool = False
    message: str = ""
    unwell: bool = False
    """A part is degraded: it may still get well, but people should look."""


@dataclass(frozen=True, slots=True)
class Observe:
    api: Client
    git: GitReader
    clusters: Clusters
    events: EventRecorder
    chronicle: Chronicle

    async def __call__(self, subject: Subject) -> None:
        answers = [await self._ask(subject, name) for name in application_names(subject)]
        if all(answer.arrived for answer in answers):
            finish(subject, SUCCEEDED, f"{sentence(subject)} is synced and healthy.")
            subject.mark("Synced", True, "Synced")
            await self.events.normal(subject.obj, "Promoted", subject.status["message"])
            return
        message = next((answer.message for answer in answers if answer.message), "")
        unwell = any(answer.unwell for answer in answers)
        if unwell:
            await self._keep_evidence(subject)
        failed = any(answer.failed for answer in answers)
        left_s = DEADLINE_S - elapsed_s(subject.status["committedAt"])
        if failed or left_s <= 0:
            await self._give_up(subject, message, late=not failed)
        reason = UNWELL if unwell else "Syncing"
        subject.mark("Synced", False, reason, message)
        wait(subject, SYNCING, reason, message, after_s=max(left_s, 1.0))

    async def _give_up(self, subject: Subject, message: str, *, late: bool) -> None:
        why = f"not healthy after {DEADLINE_S:.0f} s: {message}" if late else message
        before = " What ran before still runs." if await self._ran_before(subject) else ""
        text = f"{sentence(subject)} failed: {why}{before}"
        await self._keep_evidence(subject)
        await self.events.warning(subject.obj, "PromotionFailed", text)
        fail(subject, "ProgressDeadlineExceeded" if late else "Unhealthy", text)

    async def _keep_evidence(self, subject: Subject) -> None:
        """In the log, once: what is unwell now is often gone when somebody looks."""
        if is_unwell(subject.obj):
            return
        for line in await self._evidence(subject):
            self.chronicle.note(subject, "sync", line)

    async def _ran_before(self, subject: Subject) -> bool:
        spec = subject.spec
        fields = f"{OF_WORKLOAD.format(spec['workload'])},{IN_PHASE.format(SUCCEEDED)}"
        listed = await self.api.list(PROMOTION, subject.key.namespace, fields=fields)
        return any(one["spec"]["environment"] == spec["environment"] for one in listed.items)

    async def _evidence(self, subject: Subject) -> list[str]:
        stage = subject.spec["environment"]
        environment = await self.api.get(ENVIRONMENT, stage, subject.key.namespace)
        try:
            client = self.clusters.client(environment["spec"]["cluster"])
        except NotFound:
            return []  # its cluster is not connected just now
        namespace = target_namespace(subject.key.namespace, stage)
        return await evidence(client, subject.spec["workload"], namespace)

    async def _ask(self, subject: Subject, name: str) -> Progress:
        app = await self.api.get(APPLICATION, name, ARGOCD_NAMESPACE)
        status = app.get("status") or {}
        revision = (status.get("sync") or {}).get("revision", "")
        if not revision or not await self._holds(subject, app, revision):
            return _problem_or(status, f"Waiting for {name} to see the commit.")
        return progress_of(name, status)

    async def _holds(self, subject: Subject, app: RawObject, revision: str) -> bool:
        """Whether the Application has seen our commit's content, in that commit or a later one."""
        commit: str = subject.status["commit"]
        if revision == commit:
            return True
        repository = RepositoryName(subject.key.namespace, DEPLOYMENTS)
        path = app["spec"]["source"]["path"]
        try:
            ours = await self.git.files(repository, CommitSHA(commit), path)
            theirs = await self.git.files(repository, CommitSHA(revision), path)
        except PathNotFound:
            return False
        return ours == theirs


def application_names(subject: Subject) -> list[str]:
    project, spec = subject.key.namespace, subject.spec
    return [
        application_name(project, spec["workload"], spec["environment"], infra=infra)
        for infra in (True, False)
    ]


def progress_of(name: str, status: RawObject) -> Progress:
    """What an Application that has seen our commit says. Pure."""
    sync = (status.get("sync") or {}).get("status")
    operation = status.get("operationState") or {}
    if operation.get("phase") == "Failed" and sync != "Synced":
        final = operation.get("retryCount", 0) >= SYNC_RETRIES_MAX
        return Progress(False, final, _ended(operation.get("message", "")))
    health = (status.get("health") or {}).get("status", "")
    if sync == "Synced" and health == "Healthy":
        return Progress(True)
    sick = sickest_part(status)
    if health == "Degraded":
        return Progress(False, True, sick or f"{name} is degraded.", unwell=True)
    told = sick or f"{name} is {sync or 'not synced'}, {health.lower()}."
    return _problem_or(status, told, unwell=_has_degraded(status))


def _problem_or(status: RawObject, message: str, *, unwell: bool = False) -> Progress:
    for condition in status.get("conditions") or ():
        return Progress(False, False, _ended(condition["message"]), unwell=True)
    return Progress(False, False, message, unwell=unwell)


def _has_degraded(status: RawObject) -> bool:
    health = [part.get("health") or {} for part in status.get("tree") or ()]
    return any(one.get("status") == "Degraded" or one.get("attention") for one in health)


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."

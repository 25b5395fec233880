"""The pipelines of a branch: which are to run, which have, and what they say."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from towpath.capabilities.delivery.pipelines.kinds import (
    CANCELLED,
    COMMIT_LABEL,
    FAILED,
    FINALIZER,
    FINISHED,
    PENDING,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    SUCCEEDED,
    WORKFLOW_LABEL,
    label_value,
    phase_of,
    run_name,
)
from towpath.client.protocols import Client
from towpath.engines.ci.workflow import Event, WorkflowInvalid, is_triggered, read_workflow
from towpath.engines.git.port import (
    MAIN,
    File,
    GitReader,
    PathNotFound,
    RepositoryName,
)
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import CommitSHA, RawObject

FAILED_PHASES = (FAILED, CANCELLED)
WORKFLOWS = ".github/workflows"
PUSH, PULL_REQUEST = "push", "pull_request"


@dataclass(frozen=True, slots=True)
class Check:
    run: str
    """"" for one that is to come."""
    workflow: str
    phase: str
    url: str = ""
    """Where another Git host shows it."""

    @property
    def has_failed(self) -> bool:
        return self.phase in FAILED_PHASES

    @property
    def is_finished(self) -> bool:
        return self.phase in FINISHED

    def as_status(self) -> RawObject:
        told = {"run": self.run, "workflow": self.workflow, "phase": self.phase}
        return {**told, "url": self.url} if self.url else told


def all_green(checks: Sequence[Check]) -> bool:
    return bool(checks) and all(check.phase == SUCCEEDED for check in checks)


@dataclass(frozen=True, slots=True)
class Checks:
    api: Client
    git: GitReader

    async def of(
        self,
        repository: RepositoryName,
        commit: CommitSHA,
        ref: str,
        *,
        before: CommitSHA,
        actor: str,
    ) -> list[Check]:
        """Of a commit on that branch: by workflow file, the newest attempt of each.

        `before` is the commit of main that it stands on.

        What workflows say of pull requests happens to a branch that is proposed: its runs are made
        here. What they say of pushes is the pipelines' own affair, and only waited for.
        """
        files = await self._workflows(repository, commit)
        if not files:
            return []
        changes = await self.git.changes(repository, before, commit)
        message = (await self.git.commit(repository, commit)).message
        happened = [Event(PUSH, ref, [one.path for one in changes], message=message)]
        if ref != MAIN:
            happened.append(replace(happened[0], name=PULL_REQUEST, ref=MAIN, type="synchronize"))
        runs = await self._runs(repository, commit)
        checks = []
        for path in sorted(files):
            events = await asyncio.to_thread(_started, path, files[path], happened)
            if not events and path not in runs:
                continue
            if PULL_REQUEST in events and PUSH not in events and path not in runs:
                runs[path] = await self._start(repository, commit, ref, path, actor)
            found = runs.get(path)
            name = found["metadata"]["name"] if found else ""
            checks.append(Check(name, path, phase_of(found) if found else PENDING))
        return checks

    async def _workflows(self, repository: RepositoryName, commit: CommitSHA) -> dict[str, File]:
        try:
            files = await self.git.files(repository, commit, WORKFLOWS)
        except PathNotFound:
            return {}
        return {
            f"{WORKFLOWS}/{name}": file
            for name, file in files.items()
            if "/" not in name and name.endswith((".yml", ".yaml"))
        }

    async def _runs(self, repository: RepositoryName, commit: CommitSHA) -> dict[str, RawObject]:
        labels = f"{REPOSITORY_LABEL}={label_value(repository.name)},{COMMIT_LABEL}={commit}"
        listed = await self.api.list(PIPELINE_RUN, repository.project, labels=labels)
        newest: dict[str, RawObject] = {}
        for run in sorted(listed.items, key=lambda run: int(run["spec"].get("attempt", 1))):
            if run["spec"]["repository"] == repository.name and run["spec"]["commit"] == commit:
                newest[run["spec"]["workflow"]] = run
        return newest

    async def _start(
        self, repository: RepositoryName, commit: CommitSHA, ref: str, path: str, actor: str
    ) -> RawObject:
        spec = {
            "repository": repository.name,
            "ref": ref,
            "commit": commit,
            "workflow": path,
            "event": PULL_REQUEST,
            "actor": actor,
        }
        name = run_name(repository.name, path, commit, ambiguous=True)
        run = PIPELINE_RUN.object(name, repository.project, spec=spec)
        run["metadata"]["labels"] = {
            REPOSITORY_LABEL: label_value(repository.name),
            WORKFLOW_LABEL: label_value(path.rsplit("/", 1)[-1]),
            COMMIT_LABEL: commit,
        }
        run["metadata"]["finalizers"] = [FINALIZER]
        try:
            return await self.api.create(PIPELINE_RUN, run)
        except AlreadyExists:
            return await self.api.get(PIPELINE_RUN, name, repository.project)


def _started(path: str, file: File, happened: Sequence[Event]) -> list[str]:
    """Which of the events start the workflow."""
    try:
        workflow = read_workflow(path, file.content.decode("utf-8", "replace"))
    except WorkflowInvalid:
        return [PUSH]  # it gets a run, which says what is wrong with it
    return [event.name for event in happened if is_triggered(workflow, event)]

"""From what was pushed to PipelineRuns: one for each workflow file that the push starts."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import (
    COMMIT_LABEL,
    FINALIZER,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    WORKFLOW_LABEL,
    label_value,
    run_name,
)
from towpath.capabilities.delivery.pipelines.reconcile.heads import Heads, HeadsSeen
from towpath.capabilities.delivery.pipelines.reconcile.pushes import Pushes
from towpath.capabilities.portal.remotes.kinds import is_remote
from towpath.client.protocols import Client
from towpath.engines.ci.workflow import (
    Event,
    Workflow,
    WorkflowInvalid,
    is_triggered,
    read_workflow,
)
from towpath.engines.ci.workflow.triggers import asks_to_skip, needs_paths
from towpath.engines.git.port import (
    Commit,
    File,
    GitReader,
    PathNotFound,
    Push,
    RepositoryName,
    RepositoryNotFound,
)
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.objects import CommitSHA, Key, RawObject

log = logging.getLogger(__name__)

WORKFLOWS = ".github/workflows"
PUSH = "push"


@dataclass(frozen=True, slots=True)
class Move:
    """A ref that points to another commit than when we last looked."""

    ref: str
    before: CommitSHA | None
    commit: CommitSHA
    pusher: str


@dataclass(frozen=True, slots=True)
class Triggers:
    api: Client
    git: GitReader
    pushes: Pushes

    async def reconcile(self, key: Key) -> float | None:
        repository = RepositoryName(key.namespace, key.name)
        heard = self.pushes.take(repository)
        try:
            await self._look(repository, heard)
        except Exception:
            self.pushes.put_back(heard)
            raise
        return None

    async def _look(self, repository: RepositoryName, heard: Sequence[Push]) -> None:
        seen_heads = HeadsSeen(self.api)
        try:
            heads = await self.git.heads(repository)
        except RepositoryNotFound:
            await seen_heads.forget(repository)
            return
        seen = await seen_heads.load(repository)
        if await is_remote(self.api, repository.project, repository.name):
            return  # its own host runs them
        has_workflows = False
        for move in moves(heard, heads, seen or {}):
            try:
                has_workflows |= await self._start_runs(repository, move)
            except NotFound as error:
                # A repository of no project, such as the golden paths: nowhere to run it.
                log.info(
                    "push without a project", extra={"repo": str(repository), "why": str(error)}
                )
                return
        if seen != heads and (has_workflows or seen is not None):
            await seen_heads.store(repository, heads)

    async def _start_runs(self, repository: RepositoryName, move: Move) -> bool:
        """Create the runs of one move. False when the commit has no workflow files."""
        try:
            files = await self.git.files(repository, move.commit, WORKFLOWS)
        except PathNotFound:
            return False
        workflows = {
            f"{WORKFLOWS}/{name}": file
            for name, file in sorted(files.items())
            if "/" not in name and name.endswith((".yml", ".yaml"))
        }
        commit = await self.git.commit(repository, move.commit)
        if asks_to_skip(commit.message):
            return bool(workflows)
        changed: list[str] | None = None
        for path, file in workflows.items():
            workflow = await asyncio.to_thread(_read, path, file)
            if workflow is not None and needs_paths(workflow, PUSH) and changed is None:
                changed = await self._changed_paths(repository, move)
            event = Event(PUSH, move.ref, changed, message=commit.message)
            # A file that cannot be read gets a run, which says what is wrong with it.
            if workflow is None or is_triggered(workflow, event):
                await self._create(repository, move, path, commit, list(workflows))
        return bool(workflows)

    async def _changed_paths(self, repository: RepositoryName, move: Move) -> list[str]:
        after = await self.git.files(repository, move.commit)
        before: Mapping[str, File] = {}
        if move.before is not None:
            try:
                before = await self.git.files(repository, move.before)
            except PathNotFound:
                before = {}
        return sorted(
            path for path in after.keys() | before.keys() if after.get(path) != before.get(path)
        )

    async def _create(
        self,
        repository: RepositoryName,
        move: Move,
        path: str,
        commit: Commit,
        siblings: Sequence[str],
    ) -> None:
        stem = path.rpartition(".")[0].lower()
        ambiguous = sum(other.rpartition(".")[0].lower() == stem for other in siblings) > 1
        name = run_name(repository.name, path, move.commit, ambiguous=ambiguous)
        run = PIPELINE_RUN.object(
            name,
            repository.project,
            spec={
                "repository": repository.name,
                "ref": move.ref,
                "commit": move.commit,
                "before": move.before or "",
                "workflow": path,
                "event": PUSH,
                "actor": move.pusher or commit.author.name,
            },
        )
        run["metadata"]["labels"] = run_labels(repository.name, path, move.commit)
        run["metadata"]["finalizers"] = [FINALIZER]
        try:
            await self.api.create(PIPELINE_RUN, run)
        except AlreadyExists:
            return  # heard of before, or the same commit on another branch


def run_labels(repository: str, workflow: str, commit: str) -> RawObject:
    return {
        REPOSITORY_LABEL: label_value(repository),
        WORKFLOW_LABEL: label_value(workflow.rsplit("/", 1)[-1]),
        COMMIT_LABEL: commit[:63],
    }


def moves(heard: Sequence[Push], heads: Heads, seen: Heads) -> list[Move]:
    """What has moved since: each push that was heard, then heads that nobody told us of."""
    found = [
        Move(push.ref, push.old, push.new, push.pusher)
        for push in heard
        if push.new is not None and seen.get(push.ref) != push.new
    ]
    told = {(move.ref, move.commit) for move in found}
    found += [
        Move(ref, seen.get(ref), commit, "")
        for ref, commit in sorted(heads.items())
        if seen.get(ref) != commit and (ref, commit) not in told
    ]
    return found


def _read(path: str, file: File) -> Workflow | None:
    try:
        return read_workflow(path, file.content.decode("utf-8", "replace"))
    except WorkflowInvalid:
        return None

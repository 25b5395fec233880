"""What a promotion would change, told before it is asked for: commits, and manifests as Git shows.

Rendered as the promotion itself will be, held against what the deployments repository holds now;
everything is read with the visitor's rights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio.to_thread

from towpath.capabilities.delivery.promotions.gathering import (
    Gathering,
    changes_of,
    with_folder,
)
from towpath.capabilities.delivery.promotions.kinds import DEPLOYMENTS, is_finished
from towpath.capabilities.delivery.promotions.render import (
    RenderInput,
    ValueChange,
    render_files,
)
from towpath.capabilities.delivery.promotions.score import ScoreError
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.engines.git.port import GitError, GitReader, PathNotFound, RepositoryName
from towpath.hooks.commits import Span, span_between
from towpath.hooks.diffs import FileDiff, changes_between, file_diffs
from towpath.hooks.pages import Visit
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import CommitSHA, RawObject


@dataclass(frozen=True, slots=True)
class Pending:
    """From what runs in an environment to one release."""

    span: Span = field(default_factory=Span)
    files: Sequence[FileDiff] = ()
    problem: str = ""
    """Why the manifests cannot be told; a promotion would fail with it, or could."""

    @property
    def added(self) -> int:
        return sum(one.added for one in self.files)

    @property
    def removed(self) -> int:
        return sum(one.removed for one in self.files)


async def pending_of(
    visit: Visit,
    workload: RawObject,
    environment: str,
    running: RawObject | None,
    to: RawObject,
    changes: Sequence[ValueChange] = (),
) -> Pending:
    project, name = workload["metadata"]["namespace"], workload["metadata"]["name"]
    source = RepositoryName(project, workload["spec"]["repository"])
    here = running["spec"]["commit"] if running else ""
    span = await span_between(visit.git, source, here, to["spec"]["commit"], name)
    try:
        gathering = Gathering(visit.api, visit.cluster)
        release = to["metadata"]["name"]
        given = await gathering.inputs(project, name, environment, release, changes)
        before = await _in_git(visit.git, project, f"{name}/{environment}")
        files = await anyio.to_thread.run_sync(_differences, given, before)
    except ScoreError as error:
        return Pending(span, problem=f"The Score file of this release cannot be delivered: {error}")
    except (StatusError, GitError) as error:
        return Pending(span, problem=str(error))
    return Pending(span, files)


async def change_of(visit: Visit, promotion: RawObject) -> Pending:
    """What a promotion changes, or has changed: its commit once it is in Git, before that as it
    would be now. Nothing for one that ended without a commit."""
    spec, status = promotion["spec"], promotion.get("status") or {}
    project = promotion["metadata"]["namespace"]
    if commit := status.get("commit"):
        return await _committed(visit, promotion, CommitSHA(commit))
    if is_finished(promotion):
        return Pending()
    workload = await get_if_there(visit.api, WORKLOAD, spec["workload"], project)
    release = await get_if_there(visit.api, RELEASE, spec["release"], project)
    if workload is None or release is None:
        return Pending()
    stages = (workload.get("status") or {}).get("environments") or ()
    here: RawObject = next((one for one in stages if one["name"] == spec["environment"]), {})
    running = await get_if_there(visit.api, RELEASE, here.get("release", ""), project)
    return await pending_of(
        visit, workload, spec["environment"], running, release, changes_of(promotion)
    )


async def _committed(visit: Visit, promotion: RawObject, commit: CommitSHA) -> Pending:
    """The promotion's own commit; one that made no difference has none of its own."""
    spec = promotion["spec"]
    repository = RepositoryName(promotion["metadata"]["namespace"], DEPLOYMENTS)
    folder = f"{spec['workload']}/{spec['environment']}"
    try:
        found = await visit.git.commit(repository, commit)
        if promotion["metadata"]["uid"] not in found.message:
            return Pending()
        before = found.parents[0] if found.parents else None
        return Pending(
            files=file_diffs(await visit.git.changes(repository, before, commit, folder))
        )
    except GitError as error:
        return Pending(problem=str(error))


async def _in_git(git: GitReader, project: str, folder: str) -> dict[str, bytes]:
    """What Git holds now; nothing before the first promotion."""
    repository = RepositoryName(project, DEPLOYMENTS)
    head = await git.head(repository)
    if head is None:
        return {}
    try:
        files = await git.files(repository, head, folder)
    except PathNotFound:
        return {}
    return {path: file.content for path, file in files.items()}


def _differences(given: RenderInput, before: dict[str, bytes]) -> list[FileDiff]:
    return file_diffs(changes_between(before, with_folder(render_files(given))))

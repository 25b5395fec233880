"""adopt:read, adopt:propose and adopt:commit: a repository that is there gets what it lacks.

The first two make nothing outside the workspace, so a preview runs them as they are. The third is
one commit with new files only; its undo is another one that takes back those that are still ours.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import (
    COMMIT_LABEL,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    WORKFLOW_LABEL,
    label_value,
    run_name,
)
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD, release_name
from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.files import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.adoption.findings import Findings
from towpath.capabilities.portal.templates.adoption.proposal import (
    Answers,
    Proposal,
    needs_database,
    propose,
    workload_name,
)
from towpath.capabilities.portal.templates.adoption.reading import read_repository
from towpath.client.protocols import Client, Reader
from towpath.engines.git.port import (
    MAIN,
    File,
    GitHost,
    GitReader,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Platform
from towpath.hooks.templates import NOTHING_OUTSIDE, ActionContext, TemplateAction
from towpath.machinery.errors import AlreadyExists, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import CommitSHA, RawObject
from towpath.machinery.references import BadReference, EntityRef, parse_reference

READ, PROPOSE, COMMIT = "adopt:read", "adopt:propose", "adopt:commit"
DEPLOYMENTS = "deployments"
ATTEMPTS_MAX = 10

_TEXT: RawObject = {"type": "string"}
_REPOSITORY: RawObject = {"type": "string", "minLength": 1, "maxLength": 100}


class NotAdoptable(ActionFailed):
    """The repository cannot be adopted as it is; `str()` says why and what to do."""


@dataclass(frozen=True, slots=True)
class Adoptable:
    """A repository as it is now."""

    repository: RepositoryName
    commit: CommitSHA
    files: Mapping[str, File]
    findings: Findings


async def look_at(git: GitReader, project: str, name: str) -> Adoptable:
    """Raises NotAdoptable; what `findings.problems` says is left to the caller."""
    repository = RepositoryName(project, name)
    if name == DEPLOYMENTS:
        raise NotAdoptable(f"{repository} is where the platform writes what runs; choose another")
    try:
        head = await git.head(repository)
    except RepositoryNotFound as error:
        raise NotAdoptable(
            f"there is no repository {repository}; push it first, or let `towpath adopt` do that"
        ) from error
    if head is None:
        branches = [ref.removeprefix("refs/heads/") for ref in await git.heads(repository)]
        raise NotAdoptable(
            f"{repository} has no branch main, only {', '.join(branches)}: push what shall be "
            f"delivered as main, `git push origin {branches[0]}:main`"
            if branches
            else f"{repository} is empty: push a commit to its branch main"
        )
    files = await git.files(repository, head)
    return Adoptable(repository, head, files, await asyncio.to_thread(read_repository, files))


def proposal_of(found: Adoptable, given: Mapping[str, Any]) -> Proposal:
    """Of the inputs of adopt:propose. Raises ActionFailed."""
    return propose(found.findings, answers_of(found.repository, given), found.files)


def answers_of(repository: RepositoryName, given: Mapping[str, Any]) -> Answers:
    """Raises ActionFailed."""
    return Answers(
        repository=repository.name,
        name=given.get("name") or workload_name(repository.name),
        project=repository.project,
        owner=_owner(given.get("owner") or ""),
        description=" ".join(str(given.get("description") or "").split()),
        port=int(given.get("port") or 0),
        health_path=given.get("healthPath") or "",
        process=process_of(given),
        database=given.get("database") or "",
        database_size=given.get("databaseSize") or "small",
    )


def process_of(given: Mapping[str, Any]) -> str:
    return " ".join(str(given.get("command") or "").split())


def hints_of(found: Adoptable) -> dict[str, str]:
    """By input of adopt:propose: what counts where nothing is given."""
    findings = found.findings
    known = {
        "name": workload_name(found.repository.name),
        "description": findings.description,
        "port": str(findings.port or ""),
        "healthPath": findings.health_path,
        "command": findings.process,
    }
    return {name: text for name, text in known.items() if text}


def _owner(text: str) -> EntityRef:
    try:
        return parse_reference(text, default_kind="group")
    except BadReference as error:
        raise ActionFailed(f"owner: {error}") from error


def read_action(git: GitReader, api: Reader | None = None) -> TemplateAction:
    async def check(context: ActionContext) -> None:
        if not (name := context.input.get("repository")):
            return
        if api is not None:
            await _refuse_delivered(api, context.project, name)
        refuse_problems((await look_at(git, context.project, name)).findings, context.input)

    async def run(context: ActionContext) -> dict[str, Any]:
        found = await look_at(git, context.project, context.input["repository"])
        findings = found.findings
        for one in findings.found:
            context.log(f"{one.what}: {one.value}" + (f" ({one.source})" if one.source else ""))
        for note in findings.notes:
            context.log(f"Note: {note}")
        refuse_problems(findings, context.input)
        return {
            "commit": found.commit,
            "language": findings.kind,
            "framework": findings.framework,
            "port": findings.port,
        }

    return TemplateAction(
        id=READ,
        description="Read a repository of the project: what it is, and what it lacks.",
        input_schema=_schema(["repository"], {"repository": _REPOSITORY, "command": _TEXT}),
        run=run,
        check=check,
        supports_dry_run=True,
        stays=NOTHING_OUTSIDE,
    )


async def _refuse_delivered(api: Reader, project: str, repository: str) -> None:
    for workload in (await api.list(WORKLOAD, project)).items:
        if workload["spec"]["repository"] == repository:
            raise NameTaken(
                f"{project}/{repository} is delivered already, as {workload['metadata']['name']}"
            )


def refuse_problems(findings: Findings, given: Mapping[str, Any]) -> None:
    """Of the inputs of adopt:read or adopt:propose. Raises NotAdoptable."""
    if problems := findings.problems_with(process_of(given)):
        raise NotAdoptable(" ".join(map(str, problems)))


def propose_action(git: GitReader) -> TemplateAction:
    async def run(context: ActionContext) -> dict[str, Any]:
        found = await look_at(git, context.project, context.input["repository"])
        given = context.input
        proposal = proposal_of(found, given)
        files = {path: File(text.encode()) for path, text in proposal.files.items()}
        scratch = context.workspace.with_name("scratch")
        await asyncio.to_thread(
            lambda: folders.write_files(context.workspace, files, scratch=scratch)
        )
        for path in proposal.kept:
            context.log(f"Kept as it is: {path}")
        for path in files:
            context.log(f"New: {path}")
        return {
            "commit": found.commit,
            "files": sorted(files),
            "pipeline": found.findings.pipeline,
            "database": needs_database(found.findings, answers_of(found.repository, given)),
        }

    return TemplateAction(
        id=PROPOSE,
        description="Write the files that a repository lacks into the workspace.",
        input_schema=_schema(
            ["repository", "owner"],
            {
                "repository": _REPOSITORY,
                "name": _TEXT,
                "owner": _TEXT,
                "description": _TEXT,
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                "healthPath": _TEXT,
                "command": _TEXT,
                "database": _TEXT,
                "databaseSize": _TEXT,
            },
        ),
        run=run,
        supports_dry_run=True,
        stays=NOTHING_OUTSIDE,
    )


def commit_action(platform: Platform) -> TemplateAction:
    committing = _Committing(platform.git, platform.api)
    return TemplateAction(
        id=COMMIT,
        description="Commit the workspace's files, which must be new, to a repository's main.",
        input_schema=_schema(
            ["repository"],
            {"repository": _REPOSITORY, "name": _TEXT, "message": _TEXT, "pipeline": _TEXT},
        ),
        run=committing.run,
        undo=committing.undo,
    )


@dataclass(frozen=True, slots=True)
class _Committing:
    git: GitHost
    api: Client

    async def run(self, context: ActionContext) -> dict[str, Any]:
        repository = RepositoryName(context.project, context.input["repository"])
        files = await asyncio.to_thread(folders.read_files, context.workspace)
        commit = await self._commit(context, repository, files)
        if files:
            context.log(f"main of {repository} is at {commit[:10]}, with {len(files)} new files")
        elif pipeline := context.input.get("pipeline"):
            await _start_pipeline(self.api, context, repository, commit, pipeline)
            context.log(f"Nothing is missing; {pipeline} runs for {commit[:10]}")
        url = self.git.clone_url(repository)
        return {
            "remoteUrl": url,
            "repoContentsUrl": f"{url.removesuffix('.git')}/tree/main",
            "commitHash": commit,
        }

    async def undo(self, context: ActionContext) -> None:
        repository = RepositoryName(context.project, context.input["repository"])
        files = await asyncio.to_thread(folders.read_files, context.workspace)
        for _ in range(ATTEMPTS_MAX):
            try:
                if taken := await self._take_back(context, repository, files):
                    context.log(f"Took {', '.join(taken)} out of {repository} again")
            except RepositoryNotFound:
                pass
            except StaleCommit:
                continue
            return
        raise StaleCommit(f"{repository} is pushed to all the time")

    async def _commit(
        self, context: ActionContext, repository: RepositoryName, files: Mapping[str, File]
    ) -> CommitSHA:
        for _ in range(ATTEMPTS_MAX):
            head = await self.git.head(repository)
            if head is None:
                raise ActionFailed(f"{repository} has no branch main any more")
            present = await self.git.files(repository, head)
            if all(present.get(path) == file for path, file in files.items()):
                return head  # nothing was missing, or this is what was committed before a crash
            if taken := sorted(path for path in files if path in present):
                raise ActionFailed(
                    f"somebody has pushed {', '.join(taken)} to {repository} meanwhile; look at "
                    "it, and adopt the repository again"
                )
            try:
                return await self.git.write(
                    repository,
                    dict(files),
                    message=context.input.get("message") or "Deliver this with Towpath",
                    author=_author(context),
                    expected=head,
                )
            except StaleCommit:
                continue
        raise StaleCommit(f"{repository} is pushed to all the time")

    async def _take_back(
        self, context: ActionContext, repository: RepositoryName, files: Mapping[str, File]
    ) -> list[str]:
        """The files that are still as they were committed. What people changed is theirs."""
        head = await self.git.head(repository)
        present = await self.git.files(repository, head) if head else {}
        ours = [path for path, file in files.items() if present.get(path) == file]
        if ours:
            await self.git.write(
                repository,
                dict.fromkeys(ours),
                message="Take back what delivers this with Towpath: the run has failed",
                author=_author(context),
                expected=head,
            )
        return ours


async def _start_pipeline(
    api: Client, context: ActionContext, repository: RepositoryName, commit: CommitSHA, path: str
) -> None:
    """Nothing was pushed that would begin it. At most once more than it has run before."""
    release = release_name(context.input.get("name") or repository.name, commit)
    if await _is_there(api, RELEASE, release, context.project):
        return
    for attempt in (1, 2):
        name = run_name(repository.name, path, commit, attempt)
        spec = {
            "repository": repository.name,
            "ref": MAIN,
            "commit": commit,
            "workflow": path,
            "event": "push",
            "actor": context.user,
            "attempt": attempt,
        }
        run = PIPELINE_RUN.object(name, context.project, spec=spec)
        run["metadata"]["labels"] = {
            REPOSITORY_LABEL: label_value(repository.name),
            WORKFLOW_LABEL: label_value(path.rsplit("/", 1)[-1]),
            COMMIT_LABEL: commit[:63],
        }
        try:
            await api.create(PIPELINE_RUN, run)
        except AlreadyExists:
            continue
        return


async def _is_there(api: Reader, resource: Resource, name: str, namespace: str) -> bool:
    try:
        await api.get(resource, name, namespace)
    except NotFound:
        return False
    return True


def _author(context: ActionContext) -> Signature:
    return Signature(context.user, f"{context.user}@users.towpath.invalid")


def _schema(required: list[str], properties: RawObject) -> RawObject:
    return {"type": "object", "required": required, "properties": properties}

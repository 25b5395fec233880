"""publish:towpath: the workspace becomes the first commit of a new repository of the project."""

import asyncio
from collections.abc import Mapping
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.files import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.context import place_of
from towpath.capabilities.portal.templates.expressions.scaffolder import parse_repository_url
from towpath.capabilities.portal.templates.provenance import PROVENANCE_PATH, provenance
from towpath.engines.git.port import (
    File,
    RepositoryName,
    RepositoryNotFound,
    Signature,
    StaleCommit,
)
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import CommitSHA, RawObject, uid_of

BRANCH = "main"
CONTENTS_PATH = f"/tree/{BRANCH}"

_SCHEMA: RawObject = {
    "type": "object",
    "required": ["repoUrl"],
    "properties": {
        "repoUrl": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "defaultBranch": {"type": "string", "enum": [BRANCH]},
        "gitCommitMessage": {"type": "string"},
        "gitAuthorName": {"type": "string"},
        "gitAuthorEmail": {"type": "string"},
        "sourcePath": {"type": "string"},
    },
}


def publish_action(platform: Platform) -> TemplateAction:
    git = platform.git

    async def check(context: ActionContext) -> None:
        if "repoUrl" not in context.input:
            return
        repository = _repository(context)
        try:
            await git.head(repository)
        except RepositoryNotFound:
            return
        raise NameTaken(
            f"the repository {repository} exists already; choose another name, or delete it first"
        )

    async def run(context: ActionContext) -> dict[str, Any]:
        repository = _repository(context)
        await git.create(repository, owner_uid=uid_of(context.run))
        commit = await git.head(repository) or await _first_commit(context, repository)
        context.log(f"Pushed {commit[:10]} to {git.clone_url(repository)}")
        return {
            "remoteUrl": git.clone_url(repository),
            "repoContentsUrl": git.clone_url(repository).removesuffix(".git") + CONTENTS_PATH,
            "commitHash": commit,
        }

    async def _first_commit(context: ActionContext, repository: RepositoryName) -> CommitSHA:
        place = await place_of(platform.api, platform.addresses.registry(), context.run)
        try:
            return await git.write(
                repository,
                await _workspace_files(context, place),
                message=context.input.get("gitCommitMessage") or "Initial commit",
                author=_author(context),
                expected=None,
            )
        except StaleCommit:
            # This run's own write, interrupted here, has arrived after all.
            commit = await git.head(repository)
            if commit is None:
                raise
            return commit

    async def undo(context: ActionContext) -> None:
        repository = _repository(context)
        try:
            await git.delete(repository, owner_uid=uid_of(context.run))
        except RepositoryNotFound:
            return
        context.log(f"Deleted the repository {repository}")

    return TemplateAction(
        id="publish:towpath",
        description="Create a repository in the project and push the workspace to it.",
        input_schema=_SCHEMA,
        run=run,
        undo=undo,
        check=check,
    )


def _repository(context: ActionContext) -> RepositoryName:
    url = parse_repository_url(context.input["repoUrl"])
    if url.owner != context.project:
        raise ActionFailed(
            f"repoUrl names the owner {url.owner!r}; a run in {context.project} can only create "
            f"repositories of {context.project}"
        )
    return RepositoryName(url.owner, url.repo)


def _author(context: ActionContext) -> Signature:
    name = context.input.get("gitAuthorName") or context.user
    return Signature(name, context.input.get("gitAuthorEmail") or f"{name}@users.towpath.invalid")


async def _workspace_files(
    context: ActionContext, place: Mapping[str, str]
) -> dict[str, File | None]:
    root = folders.inside(context.workspace, context.input.get("sourcePath") or ".")
    files: dict[str, File | None] = {**await asyncio.to_thread(folders.read_files, root)}
    if not files:
        raise ActionFailed("the workspace is empty; an earlier step must write files to it")
    files[PROVENANCE_PATH] = File(provenance(context.run, place).encode())
    return files

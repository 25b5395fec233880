"""publish:<host>: a new repository on another Git host, through its REST API.

The workspace becomes one commit, which is pushed. Before a repository is asked for, that is written
down in the run's folder, and once more when it is there: only what this run has made is taken back.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.actions.fetching import taking
from towpath.capabilities.portal.templates.actions.forges import (
    FORGES,
    Forge,
    Note,
    There,
    folder_of,
    new_commit,
    refuse_undone,
    telling,
    there,
)
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.capabilities.portal.templates.context import place_of
from towpath.capabilities.portal.templates.provenance import PROVENANCE_PATH, provenance
from towpath.engines.git.hosts.port import HostError, NewRepository
from towpath.engines.git.port import File
from towpath.engines.git.pushing import Pushed, first_push
from towpath.hooks.platform import Platform
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject

_TEXT: RawObject = {"type": "string"}
_DONE: RawObject = {
    "repoUrl": _TEXT,
    "description": _TEXT,
    "repoVisibility": {"type": "string", "enum": ["private", "internal", "public"]},
    "defaultBranch": _TEXT,
    "gitCommitMessage": _TEXT,
    "gitAuthorName": _TEXT,
    "gitAuthorEmail": _TEXT,
    "sourcePath": {"type": ["string", "boolean"]},
    "token": _TEXT,
}
_NOT_DONE: Mapping[str, Sequence[str]] = {
    "github": (
        *("homepage", "access", "collaborators", "topics", "subscribe", "customProperties"),
        *("hasProjects", "hasWiki", "hasIssues", "repoVariables", "secrets", "oidcCustomization"),
        *("protectDefaultBranch", "protectEnforceAdmins", "bypassPullRequestAllowances"),
        *("requiredApprovingReviewCount", "restrictions", "requireCodeOwnerReviews"),
        *("dismissStaleReviews", "requiredStatusCheckContexts", "requireBranchesToBeUpToDate"),
        *("requiredConversationResolution", "requireLastPushApproval", "requiredCommitSigning"),
        *("requiredLinearHistory", "deleteBranchOnMerge", "allowMergeCommit", "allowSquashMerge"),
        *("squashMergeCommitTitle", "squashMergeCommitMessage", "allowRebaseMerge"),
        *("allowAutoMerge", "allowUpdateBranch"),
    ),
    "gitlab": (
        *("signCommit", "skipExisting", "setUserAsOwner", "ownerUsername", "topics", "settings"),
        *("branches", "projectVariables"),
    ),
    "bitbucketServer": ("signCommit", "enableLFS"),
}
_NOT_DONE_ANYWHERE = ("signCommit",)

_OUTPUT: RawObject = {
    "type": "object",
    "properties": {
        **{
            name: {"type": "string"}
            for name in ("remoteUrl", "repoContentsUrl", "commitHash", "repositoryId")
        },
        "projectId": {},
        "created": {"type": "boolean"},
    },
}

SHOWN_WITHIN_S = 20.0
SHOWN_EVERY_S = 0.2


def publish_actions(platform: Platform) -> Sequence[TemplateAction]:
    web = Web(platform.api)
    return tuple(_action(forge, web, platform) for forge in FORGES.values())


def _action(forge: Forge, web: Web, platform: Platform) -> TemplateAction:
    undone = _NOT_DONE.get(forge.id, _NOT_DONE_ANYWHERE)
    action = f"publish:{forge.id}"

    async def check(context: ActionContext) -> None:
        refuse_undone(action, context.input, undone)
        if "repoUrl" not in context.input or not context.input.get("token"):
            return
        if not Note(context, "made").read():
            await _require_free(there(forge, context, web))

    async def run(context: ActionContext) -> dict[str, Any]:
        refuse_undone(action, context.input, undone)
        target, mark = there(forge, context, web), Note(context, "made")
        host, place = target.door.host, target.place
        branch = context.input.get("defaultBranch") or "main"
        if mark.read() != "made":
            await _require_free(target)
            mark.write("asked")
            with telling():
                await host.create(target.door.call, place, _new(context, branch, target.parts))
            mark.write("made")
        with telling():
            commit = (await target.door.refs(place)).get(f"refs/heads/{branch}")
        if commit is None:
            push = await _first(context, branch, platform)
            with telling():
                await target.door.send_push(place, push.body)
            commit = push.commit
            await _shown(context, target, branch)
        context.log(f"Pushed {commit[:10]} to {host.remote(place)}")
        with telling():
            details = await host.details(target.door.call, place)
        return {
            "remoteUrl": host.remote(place),
            "repoContentsUrl": host.contents(place, branch),
            "commitHash": commit,
            **details,
        }

    async def undo(context: ActionContext) -> None:
        target, mark = there(forge, context, web), Note(context, "made")
        door, place, state = target.door, target.place, mark.read()
        with telling():
            if state == "made":
                await door.host.delete(door.call, place)
                context.log(f"Deleted {target}")
                mark.forget()
            elif state == "asked" and await door.host.exists(door.call, place):
                context.log(
                    f"{target} may be of this run, which was interrupted while it asked for it: "
                    "look, and delete it there"
                )

    return TemplateAction(
        id=action,
        description=f"Create a repository on {forge.name} and push the workspace to it.",
        input_schema=taking(["repoUrl"], {**_DONE, **{option: {} for option in undone}}),
        run=run,
        undo=undo,
        check=check,
        output_schema=_OUTPUT,
    )


async def _require_free(target: There) -> None:
    with telling():
        is_taken = await target.door.host.exists(target.door.call, target.place)
    if is_taken:
        raise NameTaken(f"{target.host} has a repository {target.place} already")


def _new(context: ActionContext, branch: str, parts: Mapping[str, str]) -> NewRepository:
    given = context.input
    return NewRepository(
        description=given.get("description") or "",
        visibility=given.get("repoVisibility") or "private",
        branch=branch,
        options=parts,
    )


async def _first(context: ActionContext, branch: str, platform: Platform) -> Pushed:
    """The workspace as the first commit. Raises ActionFailed."""
    root = folders.inside(context.workspace, folder_of(context))
    files = dict(await asyncio.to_thread(folders.read_files, root))
    if not files:
        raise ActionFailed("the workspace is empty; an earlier step must write files to it")
    if ((context.run.get("status") or {}).get("template") or {}).get("revision"):
        # So that an upgrade finds it, years later.
        place = await place_of(platform.api, platform.addresses.registry(), context.run)
        files[PROVENANCE_PATH] = File(provenance(context.run, place).encode())
    new = new_commit(context, context.input.get("gitCommitMessage") or "initial commit")
    return await asyncio.to_thread(first_push, files, f"refs/heads/{branch}", new)


async def _shown(context: ActionContext, target: There, branch: str) -> None:
    """Wait until the host knows of its new branch: the next step may read there."""
    try:
        async with asyncio.timeout(SHOWN_WITHIN_S):
            while not await _shows(target, branch):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SHOWN_EVERY_S):
                        await asyncio.Event().wait()
    except TimeoutError:
        context.log(f"{target.host} does not show the branch {branch} yet")


async def _shows(target: There, branch: str) -> bool:
    """Gitea answers 500 for a branch that it is about to learn of."""
    try:
        return await target.door.host.shows(target.door.call, target.place, branch)
    except HostError:
        return False

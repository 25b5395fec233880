"""publish:<host>:pull-request and its sisters: the workspace proposed to a repository elsewhere.

One commit on top of the branch that it is for, pushed as another branch, and one pull request. A
file that the workspace does not have stays as it is there. Taken back, the request is closed, and
the branch goes unless somebody has built on it.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed, InputRefused
from towpath.capabilities.portal.templates.actions.fetching import taking
from towpath.capabilities.portal.templates.actions.forges import (
    FORGES,
    Note,
    There,
    folder_of,
    new_commit,
    refuse_undone,
    telling,
    there,
)
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.client.protocols import Reader
from towpath.engines.git.hosts.port import OPENED, Proposed, PullRequest
from towpath.engines.git.port import File
from towpath.engines.git.pushing import Pushed, push_onto
from towpath.engines.git.wire import RefOrder
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import CommitSHA, RawObject

_TEXT: RawObject = {"type": "string"}
_FLAG: RawObject = {"type": "boolean"}
_TEXTS: RawObject = {"type": "array", "items": {"type": "string"}}
_HEADS = "refs/heads/"

Told = Callable[[There, PullRequest, str], dict[str, Any]]
"""The step's output, of what was proposed and the branch that it is for."""


@dataclass(frozen=True, slots=True)
class Naming:
    """What one of Backstage's actions calls its inputs and outputs."""

    forge: str
    verb: str
    told: Told
    inputs: RawObject
    required: tuple[str, ...]
    branch: str = "branchName"
    base: str = "targetBranchName"
    message: str = "title"
    options: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda given: {}
    undone: tuple[str, ...] = ()
    takes_branch: bool = False
    """Whether a branch that is there already is proposed as it is."""

    @property
    def id(self) -> str:
        return f"publish:{self.forge}:{self.verb}"


def _of_github(at: There, pull: PullRequest, base: str) -> dict[str, Any]:
    return {"targetBranchName": base, "remoteUrl": pull.page, "pullRequestNumber": int(pull.id)}


def _of_gitlab(at: There, pull: PullRequest, base: str) -> dict[str, Any]:
    path = str(at.place)
    told = {"targetBranchName": base, "projectid": path, "projectPath": path}
    return {**told, "mergeRequestUrl": pull.page}


def _by_url(at: There, pull: PullRequest, base: str) -> dict[str, Any]:
    return {"pullRequestUrl": pull.page}


def _of_gerrit(at: There, pull: PullRequest, base: str) -> dict[str, Any]:
    contents = at.door.host.contents(at.place, base)
    return {"reviewUrl": pull.page, "repoContentsUrl": contents}


def _of_gitlab_options(given: Mapping[str, Any]) -> Mapping[str, Any]:
    options: dict[str, Any] = {"remove_source_branch": bool(given.get("removeSourceBranch"))}
    labels = given.get("labels")
    if labels:
        options["labels"] = labels if isinstance(labels, str) else ",".join(labels)
    return options


_COMMIT: RawObject = {"gitAuthorName": _TEXT, "gitAuthorEmail": _TEXT, "token": _TEXT}
_PLACED: RawObject = {"sourcePath": _TEXT, "targetPath": _TEXT, **_COMMIT}
_LIKE_GITHUB: RawObject = {
    "repoUrl": _TEXT,
    "branchName": _TEXT,
    "targetBranchName": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "draft": _FLAG,
    "filesToDelete": _TEXTS,
    "createWhenEmpty": _FLAG,
    "commitMessage": _TEXT,
    "update": _FLAG,
    **_PLACED,
}
_BY_BRANCHES: RawObject = {
    "repoUrl": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "targetBranch": _TEXT,
    "sourceBranch": _TEXT,
    **_COMMIT,
}
_NAMED = ("repoUrl", "branchName", "title")
_BRANCHED = ("repoUrl", "title", "sourceBranch")

NAMINGS = (
    Naming(
        "github",
        "pull-request",
        _of_github,
        _LIKE_GITHUB,
        (*_NAMED, "description"),
        message="commitMessage",
        options=lambda given: {"draft": bool(given.get("draft"))},
        undone=("reviewers", "assignees", "teamReviewers", "forceFork", "forceEmptyGitAuthor"),
    ),
    Naming(
        "gitea",
        "pull-request",
        _of_github,
        {key: value for key, value in _LIKE_GITHUB.items() if key != "draft"},
        (*_NAMED, "description"),
        message="commitMessage",
    ),
    Naming(
        "gitlab",
        "merge-request",
        _of_gitlab,
        {
            "repoUrl": _TEXT,
            "title": _TEXT,
            "description": _TEXT,
            "branchName": _TEXT,
            "targetBranchName": _TEXT,
            "commitAction": {"enum": ["auto", "create", "update", "delete", "skip"]},
            "removeSourceBranch": _FLAG,
            "labels": {"anyOf": [_TEXT, _TEXTS]},
            "projectid": _TEXT,
            **_PLACED,
        },
        _NAMED,
        options=_of_gitlab_options,
        undone=("assignee", "reviewers", "assignReviewersFromApprovalRules", "autoMerge"),
    ),
    Naming(
        "bitbucketCloud",
        "pull-request",
        _by_url,
        _BY_BRANCHES,
        _BRANCHED,
        branch="sourceBranch",
        base="targetBranch",
        message="description",
        takes_branch=True,
    ),
    Naming(
        "bitbucketServer",
        "pull-request",
        _by_url,
        {**_BY_BRANCHES, "reviewers": _TEXTS},
        _BRANCHED,
        branch="sourceBranch",
        base="targetBranch",
        message="description",
        takes_branch=True,
        options=lambda given: {"reviewers": given.get("reviewers") or []},
    ),
    Naming(
        "azure",
        "pull-request",
        _by_url,
        _BY_BRANCHES,
        _BRANCHED,
        branch="sourceBranch",
        base="targetBranch",
        message="description",
        takes_branch=True,
    ),
    Naming(
        "gerrit",
        "review",
        _of_gerrit,
        {"repoUrl": _TEXT, "branch": _TEXT, "gitCommitMessage": _TEXT, **_PLACED},
        ("repoUrl", "gitCommitMessage"),
        branch="",
        base="branch",
        message="gitCommitMessage",
        undone=("signCommit",),
    ),
)


def propose_actions(api: Reader) -> Sequence[TemplateAction]:
    web = Web(api)
    return tuple(_action(naming, web) for naming in NAMINGS)


def _action(naming: Naming, web: Web) -> TemplateAction:
    forge = FORGES[naming.forge]

    async def check(context: ActionContext) -> None:
        refuse_undone(naming.id, context.input, naming.undone)

    async def run(context: ActionContext) -> dict[str, Any]:
        refuse_undone(naming.id, context.input, naming.undone)
        step = _step(naming, context, there(forge, context, web))
        with telling():
            pull, base = await step.propose()
        if pull is None:
            context.log("Nothing is changed, so nothing is proposed")
            return {}
        context.log(f"Proposed {pull.page}")
        return naming.told(step.at, pull, base)

    async def undo(context: ActionContext) -> None:
        step = _step(naming, context, there(forge, context, web))
        with telling():
            await step.withdraw()

    schema = taking(list(naming.required), {**naming.inputs, **{one: {} for one in naming.undone}})
    return TemplateAction(
        id=naming.id,
        description=f"Propose the workspace to a repository on {forge.name}.",
        input_schema=schema,
        run=run,
        undo=undo,
        check=check,
    )


def _step(naming: Naming, context: ActionContext, at: There) -> "_Step":
    return _Step(naming, context, at, Note(context, "proposed"), Note(context, "opened"))


@dataclass(frozen=True, slots=True)
class _Step:
    naming: Naming
    context: ActionContext
    at: There
    note: Note
    """The commit of the branch that this run has made; none where it was there before."""
    opened: Note
    """The pull request that this run has opened."""

    @property
    def branch(self) -> str:
        """A review of Gerrit's has none; the name tells its change from others."""
        given = self.context.input
        if self.naming.branch:
            return str(given[self.naming.branch])
        return f"{self.context.run['metadata']['name']}-{self.context.step}"

    async def propose(self) -> tuple[PullRequest | None, str]:
        """None where the step wants none that would be empty. Raises what `telling` tells."""
        door, place = self.at.door, self.at.place
        refs = await door.refs(place)
        base = self._base(refs)
        target = door.host.target(self.branch, base)
        head = await self._pushed(refs, base, target)
        if head is None:
            return None, base
        given = self.context.input
        proposed = Proposed(
            branch=self.branch,
            base=base,
            title=given.get("title") or self._message.partition("\n")[0],
            body=given.get("description") or "",
            head=head,
            options=self.naming.options(given),
        )
        # There is one already after a crash, or where the step says `update`.
        pull = await door.host.find(door.call, place, self.branch, head)
        if pull is None:
            pull = await door.host.open(door.call, place, proposed)
            self.opened.write(pull.id)
        return pull, base

    async def withdraw(self) -> None:
        """What this run has pushed, or opened of a branch that was there."""
        door, place = self.at.door, self.at.place
        ours, opened = self.note.read(), self.opened.read()
        if not ours and opened:
            known = await door.host.look(door.call, place, opened)
            if known.state == OPENED:
                await door.host.close(door.call, place, known)
                self.context.log(f"Closed {known.page}")
        if not ours:
            return
        refs = await door.refs(place)
        target = door.host.target(self.branch, self._base(refs))
        there = refs.get(target)
        pull = await door.host.find(door.call, place, self.branch, there or ours)
        if there is not None and there != ours:
            self.context.log(f"{self.at}: {self.branch} stays, for somebody has committed to it")
            return
        if pull is not None:
            await door.host.close(door.call, place, pull)
            self.context.log(f"Closed {pull.page}")
        if there is not None:
            await door.push(place, [RefOrder(target, there, None)], b"")
            self.context.log(f"Deleted the branch {self.branch}")
        self.note.forget()
        self.opened.forget()

    def _base(self, refs: Mapping[str, CommitSHA]) -> str:
        """The branch that it is for: as asked, else the default one."""
        wanted = self.context.input.get(self.naming.base)
        if wanted:
            if _HEADS + wanted not in refs:
                raise InputRefused(f"{self.naming.base}: {self.at} has no branch {wanted!r}")
            return str(wanted)
        default = refs.get("HEAD")
        names = [one for one, commit in refs.items() if commit == default and _HEADS in one]
        if not names:
            raise ActionFailed(f"{self.at} has no commit yet: publish to it first")
        usual = [_HEADS + "main", _HEADS + "master", *names]
        return next(one for one in usual if one in names).removeprefix(_HEADS)

    async def _pushed(
        self, refs: Mapping[str, CommitSHA], base: str, target: str
    ) -> CommitSHA | None:
        """The commit that is proposed: pushed now, or by the try before."""
        door, place, given = self.at.door, self.at.place, self.context.input
        there = refs.get(target)
        if given.get("commitAction") == "skip":
            if there is None:
                raise InputRefused(
                    f"commitAction: skip needs a branch {self.branch!r} in {self.at}"
                )
            return there
        ours = CommitSHA(self.note.read())
        is_there = there == ours
        if ours and door.host.is_one_commit:
            is_there = await door.host.find(door.call, place, self.branch, ours) is not None
        if ours and is_there:
            return ours
        if there is not None and self.naming.takes_branch:
            return there
        if there is not None and not given.get("update"):
            raise InputRefused(
                f"{self.naming.branch}: {self.at} has a branch {self.branch!r} already; name "
                "another one"
            )
        push = await self._commit(there or refs[_HEADS + base], RefOrder(target, there, None))
        if push is None and there is not None:
            return there
        if push is None and given.get("createWhenEmpty") is False:
            return None
        if push is None:
            raise ActionFailed(f"the workspace changes nothing in {base} of {self.at}")
        if there is None:
            self.note.write(push.commit)
        await door.send_push(place, push.body)
        return push.commit

    async def _commit(self, base: CommitSHA, order: RefOrder) -> Pushed | None:
        pack = await self.at.door.fetch(self.at.place, [base], depth=1)
        changes = await self._changes()
        new = new_commit(self.context, self._message)
        return await asyncio.to_thread(push_onto, pack, base, changes, order, new)

    async def _changes(self) -> Mapping[str, File | None]:
        given = self.context.input
        below = str(given.get("targetPath") or "").strip("/.")
        folder = folder_of(self.context)
        if self.naming.forge == "gitlab" and not given.get("sourcePath") and below:
            folder = below  # as there: what is to lie in a folder lies in it here
        root = folders.inside(self.context.workspace, folder)
        files = await asyncio.to_thread(folders.read_files, root)
        prefix = f"{below}/" if below else ""
        if ".." in prefix.split("/") or ".git" in prefix.lower().split("/"):
            raise InputRefused(f"targetPath: {prefix!r} is no folder of a repository")
        gone = given.get("commitAction") == "delete"
        changes = {f"{prefix}{path}": None if gone else file for path, file in files.items()}
        return changes | {f"{prefix}{path}": None for path in given.get("filesToDelete") or ()}

    @property
    def _message(self) -> str:
        given = self.context.input
        message = str(given.get(self.naming.message) or given.get("title"))
        if not self.at.door.host.is_one_commit:
            return message
        about = f"{self.context.run['metadata']['uid']}/{self.context.step}".encode()
        id_ = hashlib.sha1(about, usedforsecurity=False).hexdigest()
        return f"{message.rstrip()}\n\nChange-Id: I{id_}"

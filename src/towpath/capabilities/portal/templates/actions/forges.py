"""publish:github, publish:gitlab and publish:gitea: a new repository there, through its REST API.

The workspace becomes one commit, which is pushed. Before a repository is asked for, that is written
down in the run's folder, and once more when it is there: only what this run has made is taken back.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.actions.fetching import taking
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.capabilities.portal.templates.expressions.scaffolder import parse_repository_url
from towpath.client.protocols import Reader
from towpath.engines.git.port import Signature
from towpath.engines.git.pushing import ANSWER_TYPE, REQUEST_TYPE, first_push, refusal_of
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
    "gitea": ("signCommit",),
}
"""Options that Backstage has and that are not set here: known, and refused where they are asked
for, because a repository that is less protected than its template says is worse than none."""


def _schema(name: str) -> RawObject:
    return taking(["repoUrl"], {**_DONE, **{option: {} for option in _NOT_DONE[name]}})


_OUTPUT: RawObject = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("remoteUrl", "repoContentsUrl", "commitHash")
    },
}


AUTHOR_NAME, AUTHOR_EMAIL = "Scaffolder", "scaffolder@backstage.io"
"""Of the first commit, as there, where the template names nobody."""


SHOWN_WITHIN_S = 20.0
SHOWN_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    scheme: str
    host: str
    owner: str
    name: str
    token: str
    description: str
    visibility: str
    branch: str
    message: str
    author: Signature


@dataclass(frozen=True, slots=True)
class Target:
    """Where the first commit goes."""

    user: str
    """That the token is sent with: hosts want one, and do not look at it."""
    contents: str
    """Below the repository's page: the files of the branch."""


class Forge(Protocol):
    """One kind of Git host."""

    async def exists(self, web: Web, wanted: Wanted) -> bool: ...

    async def create(self, web: Web, wanted: Wanted) -> None: ...

    def pushes_to(self, wanted: Wanted) -> Target: ...

    async def head(self, web: Web, wanted: Wanted) -> str:
        """The commit on the branch, "" while there is none."""
        ...

    async def delete(self, web: Web, wanted: Wanted) -> None: ...


def publish_actions(api: Reader) -> Sequence[TemplateAction]:
    web = Web(api)
    return tuple(_action(name, forge, web) for name, forge in _FORGES.items())


def _action(name: str, forge: Forge, web: Web) -> TemplateAction:
    async def check(context: ActionContext) -> None:
        _refuse_undone(name, context.input)
        if "repoUrl" not in context.input or not context.input.get("token"):
            return
        wanted = _wanted(context)
        if not _Mark(context).read() and await forge.exists(web, wanted):
            raise NameTaken(f"{wanted.host} has a repository {wanted.owner}/{wanted.name} already")

    async def run(context: ActionContext) -> dict[str, Any]:
        _refuse_undone(name, context.input)
        wanted, mark = _wanted(context), _Mark(context)
        if mark.read() != "made":
            if await forge.exists(web, wanted):
                raise NameTaken(
                    f"{wanted.host} has a repository {wanted.owner}/{wanted.name} already"
                )
            mark.write("asked")
            await forge.create(web, wanted)
            mark.write("made")
        page = f"{wanted.scheme}://{wanted.host}/{wanted.owner}/{wanted.name}"
        target = forge.pushes_to(wanted)
        commit = await forge.head(web, wanted)
        if not commit:
            commit = await _push(context, web, wanted, target, page)
            await _shown(context, forge, web, wanted)
        context.log(f"Pushed {commit[:10]} to {page}.git")
        return {
            "remoteUrl": f"{page}.git",
            "repoContentsUrl": f"{page}{target.contents}",
            "commitHash": commit,
        }

    async def undo(context: ActionContext) -> None:
        wanted, mark = _wanted(context), _Mark(context)
        state = mark.read()
        if state == "made":
            await forge.delete(web, wanted)
            context.log(f"Deleted {wanted.owner}/{wanted.name} on {wanted.host}")
            mark.forget()
        elif state == "asked" and await forge.exists(web, wanted):
            context.log(
                f"{wanted.owner}/{wanted.name} on {wanted.host} may be of this run, which was "
                "interrupted while it asked for it: look, and delete it there"
            )

    return TemplateAction(
        id=f"publish:{name}",
        description=f"Create a repository on {_NAMES[name]} and push the workspace to it.",
        input_schema=_schema(name),
        run=run,
        undo=undo,
        check=check,
        output_schema=_OUTPUT,
    )


async def _push(context: ActionContext, web: Web, wanted: Wanted, target: Target, page: str) -> str:
    """The workspace as the first commit. Raises ActionFailed."""
    below = context.input.get("sourcePath") or "."
    root = folders.inside(context.workspace, "." if below is True else str(below))
    files = await asyncio.to_thread(folders.read_files, root)
    if not files:
        raise ActionFailed("the workspace is empty; an earlier step must write files to it")
    made = str(context.run["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z")
    time_s = int(datetime.fromisoformat(made).timestamp())
    push = await asyncio.to_thread(
        lambda: first_push(
            files, branch=wanted.branch, message=wanted.message, author=wanted.author, time_s=time_s
        )
    )
    key = base64.b64encode(f"{target.user}:{wanted.token}".encode()).decode()
    headers = {
        "authorization": f"Basic {key}",
        "content-type": REQUEST_TYPE,
        "accept": ANSWER_TYPE,
    }
    url = f"{page}.git/git-receive-pack"
    answer = await web.ask("POST", url, headers=headers, body=push.body)
    if answer.status != 200:
        raise ActionFailed(f"{wanted.host} answered {answer.status} to the push")
    if refused := refusal_of(answer.body):
        raise ActionFailed(f"{wanted.host} did not take the push: {refused}")
    return push.commit


async def _shown(context: ActionContext, forge: Forge, web: Web, wanted: Wanted) -> None:
    """Wait until the host knows of its new branch: the next step may read there."""
    try:
        async with asyncio.timeout(SHOWN_WITHIN_S):
            while not await forge.head(web, wanted):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SHOWN_EVERY_S):
                        await asyncio.Event().wait()
    except TimeoutError:
        context.log(f"{wanted.host} does not show the branch {wanted.branch} yet")


def _refuse_undone(name: str, given: Mapping[str, Any]) -> None:
    asked = [option for option in _NOT_DONE[name] if given.get(option)]
    if asked:
        raise ActionFailed(
            f"publish:{name} does not set {', '.join(asked)} here: leave them out, and set them on "
            "the host or by a later step"
        )


class _Mark:
    """Beside the workspace: whether this run has made the step's repository."""

    def __init__(self, context: ActionContext) -> None:
        name = quote(context.step, safe="")
        self._path: Path = context.workspace.with_name("made") / f"{name}.json"
        self._about = str(context.input.get("repoUrl"))

    def read(self) -> str:
        try:
            found: dict[str, str] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return ""
        return found.get(self._about, "")

    def write(self, state: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps({self._about: state}))

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def _wanted(context: ActionContext) -> Wanted:
    given = context.input
    url = parse_repository_url(given["repoUrl"])
    if not given.get("token"):
        raise ActionFailed(
            f"publishing to {url.host} needs a token: token: ${{{{ secrets.USER_OAUTH_TOKEN }}}}"
        )
    return Wanted(
        scheme="http" if url.host.partition(":")[0] in ("localhost", "127.0.0.1") else "https",
        host=url.host,
        owner=url.owner,
        name=url.repo,
        token=given["token"],
        description=given.get("description") or "",
        visibility=given.get("repoVisibility") or "private",
        branch=given.get("defaultBranch") or "main",
        message=given.get("gitCommitMessage") or "initial commit",
        author=Signature(
            given.get("gitAuthorName") or AUTHOR_NAME, given.get("gitAuthorEmail") or AUTHOR_EMAIL
        ),
    )


async def _asked(
    web: Web, wanted: Wanted, method: str, url: str, body: Any = None, *, scheme: str = "Bearer"
) -> Any:
    """Raises ActionFailed when the answer is an error."""
    headers = {"authorization": f"{scheme} {wanted.token}"}
    status, answer = await web.json(method, url, headers=headers, body=body)
    if status >= 400:
        told = answer.get("message") or answer.get("error") if isinstance(answer, dict) else ""
        where = f"{method} {url.partition('?')[0]}"
        raise ActionFailed(f"{wanted.host} answered {status} to {where}: {told or 'no reason'}")
    return answer


async def _is_there(web: Web, wanted: Wanted, url: str, scheme: str = "Bearer") -> bool:
    headers = {"authorization": f"{scheme} {wanted.token}"}
    status, _ = await web.json("GET", url, headers=headers)
    if status in (401, 403):
        raise ActionFailed(f"{wanted.host} answered {status}: does the token allow repositories?")
    return status < 400


async def _found(web: Web, wanted: Wanted, url: str, scheme: str = "Bearer") -> Any:
    """None when it is not there."""
    headers = {"authorization": f"{scheme} {wanted.token}"}
    status, answer = await web.json("GET", url, headers=headers)
    return answer if status == 200 else None


class GitHub:
    def _repo(self, wanted: Wanted) -> str:
        return f"{self._api(wanted)}/repos/{quote(wanted.owner)}/{quote(wanted.name)}"

    def _api(self, wanted: Wanted) -> str:
        if wanted.host == "github.com":
            return "https://api.github.com"
        return f"{wanted.scheme}://{wanted.host}/api/v3"

    async def exists(self, web: Web, wanted: Wanted) -> bool:
        return await _is_there(web, wanted, self._repo(wanted))

    async def create(self, web: Web, wanted: Wanted) -> None:
        me = await _asked(web, wanted, "GET", f"{self._api(wanted)}/user")
        is_own = str(me["login"]).lower() == wanted.owner.lower()
        whose = "user" if is_own else f"orgs/{quote(wanted.owner)}"
        body = {
            "name": wanted.name,
            "description": wanted.description,
            "visibility": wanted.visibility,
            "private": wanted.visibility != "public",
        }
        await _asked(web, wanted, "POST", f"{self._api(wanted)}/{whose}/repos", body)

    def pushes_to(self, wanted: Wanted) -> Target:
        return Target("x-access-token", f"/blob/{wanted.branch}")

    async def head(self, web: Web, wanted: Wanted) -> str:
        branch = f"{self._repo(wanted)}/branches/{quote(wanted.branch, safe='')}"
        found = await _found(web, wanted, branch)
        return str(found["commit"]["sha"]) if found else ""

    async def delete(self, web: Web, wanted: Wanted) -> None:
        await _asked(web, wanted, "DELETE", self._repo(wanted))


class GitLab:
    def _api(self, wanted: Wanted) -> str:
        return f"{wanted.scheme}://{wanted.host}/api/v4"

    def _repo(self, wanted: Wanted) -> str:
        path = quote(f"{wanted.owner}/{wanted.name}", safe="")
        return f"{self._api(wanted)}/projects/{path}"

    async def exists(self, web: Web, wanted: Wanted) -> bool:
        return await _is_there(web, wanted, self._repo(wanted))

    async def create(self, web: Web, wanted: Wanted) -> None:
        where = f"{self._api(wanted)}/namespaces/{quote(wanted.owner, safe='')}"
        namespace = await _asked(web, wanted, "GET", where)
        body = {
            "name": wanted.name,
            "path": wanted.name,
            "namespace_id": namespace["id"],
            "description": wanted.description,
            "visibility": wanted.visibility,
        }
        await _asked(web, wanted, "POST", f"{self._api(wanted)}/projects", body)

    def pushes_to(self, wanted: Wanted) -> Target:
        return Target("oauth2", f"/-/blob/{wanted.branch}")

    async def head(self, web: Web, wanted: Wanted) -> str:
        branch = f"{self._repo(wanted)}/repository/branches/{quote(wanted.branch, safe='')}"
        found = await _found(web, wanted, branch)
        return str(found["commit"]["id"]) if found else ""

    async def delete(self, web: Web, wanted: Wanted) -> None:
        await _asked(web, wanted, "DELETE", self._repo(wanted))


class Gitea:
    """Forgejo too."""

    def _api(self, wanted: Wanted) -> str:
        return f"{wanted.scheme}://{wanted.host}/api/v1"

    def _repo(self, wanted: Wanted) -> str:
        return f"{self._api(wanted)}/repos/{quote(wanted.owner)}/{quote(wanted.name)}"

    async def exists(self, web: Web, wanted: Wanted) -> bool:
        return await _is_there(web, wanted, self._repo(wanted), "token")

    async def create(self, web: Web, wanted: Wanted) -> None:
        me = await _asked(web, wanted, "GET", f"{self._api(wanted)}/user", scheme="token")
        is_own = str(me["login"]).lower() == wanted.owner.lower()
        whose = "user" if is_own else f"orgs/{quote(wanted.owner)}"
        body = {
            "name": wanted.name,
            "description": wanted.description,
            "private": wanted.visibility != "public",
            "default_branch": wanted.branch,
        }
        url = f"{self._api(wanted)}/{whose}/repos"
        await _asked(web, wanted, "POST", url, body, scheme="token")

    def pushes_to(self, wanted: Wanted) -> Target:
        return Target("oauth2", f"/src/branch/{wanted.branch}")

    async def head(self, web: Web, wanted: Wanted) -> str:
        branch = f"{self._repo(wanted)}/branches/{quote(wanted.branch, safe='')}"
        found = await _found(web, wanted, branch, "token")
        return str(found["commit"]["id"]) if found else ""

    async def delete(self, web: Web, wanted: Wanted) -> None:
        await _asked(web, wanted, "DELETE", self._repo(wanted), scheme="token")


_FORGES: Mapping[str, Forge] = {"github": GitHub(), "gitlab": GitLab(), "gitea": Gitea()}
_NAMES = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea or Forgejo"}

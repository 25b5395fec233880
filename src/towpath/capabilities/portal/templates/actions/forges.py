"""publish:github, publish:gitlab and publish:gitea: a new repository there, through its REST API.

The workspace becomes one commit. Before a repository is asked for, that is written down in the
run's folder, and once more when it is there: only what this run has made is taken back.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from towpath.capabilities.portal.templates import folders
from towpath.capabilities.portal.templates.actions.failures import ActionFailed, NameTaken
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.capabilities.portal.templates.expressions.scaffolder import parse_repository_url
from towpath.client.protocols import Reader
from towpath.engines.git.port import File
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.objects import RawObject

_SCHEMA: RawObject = {
    "type": "object",
    "required": ["repoUrl"],
    "properties": {
        "repoUrl": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "repoVisibility": {"type": "string", "enum": ["private", "internal", "public"]},
        "defaultBranch": {"type": "string", "minLength": 1},
        "gitCommitMessage": {"type": "string"},
        "sourcePath": {"type": ["string", "boolean"]},
        "token": {"type": "string"},
    },
}
_OUTPUT: RawObject = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("remoteUrl", "repoContentsUrl", "commitHash")
    },
}


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


@dataclass(frozen=True, slots=True)
class Published:
    clone_url: str
    contents_url: str
    commit: str


class Forge(Protocol):
    """One kind of Git host."""

    async def exists(self, web: Web, wanted: Wanted) -> bool: ...

    async def create(self, web: Web, wanted: Wanted) -> None: ...

    async def commit(self, web: Web, wanted: Wanted, files: Mapping[str, File]) -> Published:
        """The first commit; the same again when it is there already."""
        ...

    async def delete(self, web: Web, wanted: Wanted) -> None: ...


def publish_actions(api: Reader) -> Sequence[TemplateAction]:
    web = Web(api)
    return tuple(_action(name, forge, web) for name, forge in _FORGES.items())


def _action(name: str, forge: Forge, web: Web) -> TemplateAction:
    async def check(context: ActionContext) -> None:
        if "repoUrl" not in context.input or not context.input.get("token"):
            return
        wanted = _wanted(context)
        if not _Mark(context).read() and await forge.exists(web, wanted):
            raise NameTaken(f"{wanted.host} has a repository {wanted.owner}/{wanted.name} already")

    async def run(context: ActionContext) -> dict[str, Any]:
        wanted, mark = _wanted(context), _Mark(context)
        if mark.read() != "made":
            if await forge.exists(web, wanted):
                raise NameTaken(
                    f"{wanted.host} has a repository {wanted.owner}/{wanted.name} already"
                )
            mark.write("asked")
            await forge.create(web, wanted)
            mark.write("made")
        below = context.input.get("sourcePath") or "."
        root = folders.inside(context.workspace, "." if below is True else str(below))
        files = await asyncio.to_thread(folders.read_files, root)
        published = await forge.commit(web, wanted, files)
        context.log(f"Pushed {published.commit[:10]} to {published.clone_url}")
        return {
            "remoteUrl": published.clone_url,
            "repoContentsUrl": published.contents_url,
            "commitHash": published.commit,
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
        input_schema=_SCHEMA,
        run=run,
        undo=undo,
        check=check,
        output_schema=_OUTPUT,
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
    )


async def _asked(
    web: Web, wanted: Wanted, method: str, url: str, body: Any = None, *, scheme: str = "Bearer"
) -> Any:
    """Raises ActionFailed when the answer is an error."""
    headers = {"authorization": f"{scheme} {wanted.token}"}
    status, answer = await web.json(method, url, headers=headers, body=body)
    if status >= 400:
        told = answer.get("message") or answer.get("error") if isinstance(answer, dict) else ""
        raise ActionFailed(f"{wanted.host} answered {status} to {method}: {told or 'no reason'}")
    return answer


async def _is_there(web: Web, wanted: Wanted, url: str, scheme: str = "Bearer") -> bool:
    headers = {"authorization": f"{scheme} {wanted.token}"}
    status, _ = await web.json("GET", url, headers=headers)
    if status in (401, 403):
        raise ActionFailed(f"{wanted.host} answered {status}: does the token allow repositories?")
    return status < 400


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
            # Git's objects can only be written to a repository that has a commit.
            "auto_init": True,
        }
        await _asked(web, wanted, "POST", f"{self._api(wanted)}/{whose}/repos", body)

    async def commit(self, web: Web, wanted: Wanted, files: Mapping[str, File]) -> Published:
        repo = self._repo(wanted)
        entries = []
        for path, file in files.items():
            blob = {"content": base64.b64encode(file.content).decode(), "encoding": "base64"}
            made = await _asked(web, wanted, "POST", f"{repo}/git/blobs", blob)
            mode = "100755" if file.executable else "100644"
            entries.append({"path": path, "mode": mode, "type": "blob", "sha": made["sha"]})
        tree = await _asked(web, wanted, "POST", f"{repo}/git/trees", {"tree": entries})
        order = {"message": wanted.message, "tree": tree["sha"], "parents": []}
        commit = await _asked(web, wanted, "POST", f"{repo}/git/commits", order)
        about = await _asked(web, wanted, "GET", repo)
        first = str(about.get("default_branch") or "main")
        move = {"sha": commit["sha"], "force": True}
        await _asked(web, wanted, "PATCH", f"{repo}/git/refs/heads/{quote(first)}", move)
        if first != wanted.branch:
            rename = f"{repo}/branches/{quote(first)}/rename"
            await _asked(web, wanted, "POST", rename, {"new_name": wanted.branch})
        page = f"{wanted.scheme}://{wanted.host}/{wanted.owner}/{wanted.name}"
        return Published(f"{page}.git", f"{page}/blob/{wanted.branch}", str(commit["sha"]))

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

    async def commit(self, web: Web, wanted: Wanted, files: Mapping[str, File]) -> Published:
        branch = f"{self._repo(wanted)}/repository/branches/{quote(wanted.branch, safe='')}"
        headers = {"authorization": f"Bearer {wanted.token}"}
        status, found = await web.json("GET", branch, headers=headers)
        if status == 200:
            commit = str(found["commit"]["id"])
        else:
            actions = [
                {
                    "action": "create",
                    "file_path": path,
                    "content": base64.b64encode(file.content).decode(),
                    "encoding": "base64",
                    "execute_filemode": file.executable,
                }
                for path, file in files.items()
            ]
            body = {"branch": wanted.branch, "commit_message": wanted.message, "actions": actions}
            made = await _asked(
                web, wanted, "POST", f"{self._repo(wanted)}/repository/commits", body
            )
            commit = str(made["id"])
        page = f"{wanted.scheme}://{wanted.host}/{wanted.owner}/{wanted.name}"
        return Published(f"{page}.git", f"{page}/-/blob/{wanted.branch}", commit)

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

    async def commit(self, web: Web, wanted: Wanted, files: Mapping[str, File]) -> Published:
        branch = f"{self._repo(wanted)}/branches/{quote(wanted.branch, safe='')}"
        headers = {"authorization": f"token {wanted.token}"}
        status, found = await web.json("GET", branch, headers=headers)
        if status == 200:
            commit = str(found["commit"]["id"])
        else:
            changes = [
                {
                    "operation": "create",
                    "path": path,
                    "content": base64.b64encode(file.content).decode(),
                }
                for path, file in files.items()
            ]
            body = {"branch": wanted.branch, "message": wanted.message, "files": changes}
            url = f"{self._repo(wanted)}/contents"
            made = await _asked(web, wanted, "POST", url, body, scheme="token")
            commit = str(made["commit"]["sha"])
        page = f"{wanted.scheme}://{wanted.host}/{wanted.owner}/{wanted.name}"
        return Published(f"{page}.git", f"{page}/src/branch/{wanted.branch}", commit)

    async def delete(self, web: Web, wanted: Wanted) -> None:
        await _asked(web, wanted, "DELETE", self._repo(wanted), scheme="token")


_FORGES: Mapping[str, Forge] = {"github": GitHub(), "gitlab": GitLab(), "gitea": Gitea()}
_NAMES = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea or Forgejo"}

"""The Git hosts that steps publish and propose to: how a step's `repoUrl` and token lead there.

The doors are `engines/git/hosts`; here is what Backstage calls things.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from towpath.capabilities.portal.templates.actions.failures import ActionFailed, InputRefused
from towpath.capabilities.portal.templates.actions.outside import Web
from towpath.capabilities.portal.templates.expressions.scaffolder import (
    RepositoryUrl,
    parse_repository_url,
)
from towpath.engines.git.hosts import PROPOSING
from towpath.engines.git.hosts.door import Door
from towpath.engines.git.hosts.port import Credential, HostError, Place
from towpath.engines.git.port import Signature
from towpath.engines.git.pushing import NewCommit
from towpath.engines.git.wire import WireError
from towpath.engines.outbound import OutboundAnswer, OutboundRequest
from towpath.hooks.templates import ActionContext

AUTHOR_NAME, AUTHOR_EMAIL = "Scaffolder", "scaffolder@backstage.io"
"""Of commits, as there, where the template names nobody."""


@dataclass(frozen=True, slots=True)
class Forge:
    """One kind of Git host."""

    id: str
    name: str
    owner: Callable[[Mapping[str, str]], str]
    """Of the parts of a `repoUrl`; a part that is needed and missing is a KeyError."""
    written: str
    """Such a `repoUrl`, for who wrote another one."""
    names_user: bool = False
    """Whether a token may be written `user:password`."""


def _owner(parts: Mapping[str, str]) -> str:
    return parts["owner"]


def _azure_owner(parts: Mapping[str, str]) -> str:
    return f"{parts['organization']}/{parts.get('project') or parts['owner']}"


FORGES: Mapping[str, Forge] = {
    one.id: one
    for one in (
        Forge("github", "GitHub", _owner, "github.com?owner=<owner>&repo=<name>"),
        Forge("gitlab", "GitLab", _owner, "gitlab.com?owner=<group>&repo=<name>"),
        Forge("gitea", "Gitea or Forgejo", _owner, "<host>?owner=<owner>&repo=<name>"),
        Forge(
            "bitbucketCloud",
            "Bitbucket Cloud",
            lambda parts: parts["workspace"],
            "bitbucket.org?workspace=<workspace>&project=<key>&repo=<name>",
            names_user=True,
        ),
        Forge(
            "bitbucketServer",
            "Bitbucket Server or Data Center",
            lambda parts: parts["project"],
            "<host>?project=<key>&repo=<name>",
            names_user=True,
        ),
        Forge(
            "azure",
            "Azure DevOps",
            _azure_owner,
            "dev.azure.com?organization=<organization>&project=<project>&repo=<name>",
        ),
        Forge("gerrit", "Gerrit", lambda parts: "", "<host>?repo=<name>", names_user=True),
    )
}


@dataclass(frozen=True, slots=True)
class There:
    """A repository of another host that a step is about, and the door to it."""

    door: Door
    place: Place
    host: str
    parts: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.place} on {self.host}"


def there(forge: Forge, context: ActionContext, web: Web) -> There:
    """Raises ActionFailed."""
    given = context.input
    url = parse_repository_url(given["repoUrl"])
    if not given.get("token"):
        raise ActionFailed(
            f"token: {url.host} wants one; write token: ${{{{ secrets.USER_OAUTH_TOKEN }}}}"
        )

    async def send(request: OutboundRequest) -> OutboundAnswer:
        return await web.ask(
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            bytes_max=request.bytes_max,
        )

    is_here = url.host.partition(":")[0] in ("localhost", "127.0.0.1")
    host = PROPOSING[forge.id](f"{'http' if is_here else 'https'}://{url.host}")
    door = Door(send, host, _credential(forge, str(given["token"])))
    return There(
        door, Place(_owner_in(forge, url, given["repoUrl"]), url.repo), url.host, url.parts
    )


def _owner_in(forge: Forge, url: RepositoryUrl, text: str) -> str:
    try:
        return forge.owner(url.parts)
    except KeyError as error:
        raise InputRefused(
            f"repoUrl: {text!r} has no {error.args[0]}; write {forge.written}"
        ) from error


def _credential(forge: Forge, token: str) -> Credential:
    username, _, secret = token.rpartition(":") if forge.names_user else ("", "", token)
    return Credential(secret, username)


@contextmanager
def telling() -> Iterator[None]:
    """What a host says no to is what the step says. Raises ActionFailed."""
    try:
        yield
    except (HostError, WireError) as error:
        raise ActionFailed(str(error)) from error


def refuse_undone(action: str, given: Mapping[str, Any], options: Sequence[str]) -> None:
    """Options that Backstage has and that are not set here: known, and refused where they are asked
    for, because a repository that is less protected than its template says is worse than none."""
    asked = [option for option in options if given.get(option)]
    if asked:
        raise ActionFailed(
            f"{action} does not set {', '.join(asked)} here: leave them out, and set them on "
            "the host or by a later step"
        )


def new_commit(context: ActionContext, message: str) -> NewCommit:
    """The same at every try: its time is the run's."""
    given = context.input
    made = str(context.run["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z")
    author = Signature(
        given.get("gitAuthorName") or AUTHOR_NAME, given.get("gitAuthorEmail") or AUTHOR_EMAIL
    )
    return NewCommit(message, author, int(datetime.fromisoformat(made).timestamp()))


def folder_of(context: ActionContext) -> str:
    """The part of the workspace that goes there: `sourcePath`, where true is all of it."""
    below = context.input.get("sourcePath") or "."
    return "." if below is True else str(below)


class Note:
    """Beside the workspace: what this run has made of the step, in a word."""

    def __init__(self, context: ActionContext, about: str) -> None:
        folder = context.workspace.with_name(about)
        self._path: Path = folder / f"{quote(context.step, safe='')}.json"
        self._about = str(context.input.get("repoUrl"))

    def read(self) -> str:
        try:
            found: dict[str, str] = json.loads(self._path.read_text())
        except FileNotFoundError:
            return ""
        return found.get(self._about, "")

    def write(self, word: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps({self._about: word}))

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)

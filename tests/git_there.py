"""A Git host of others that can be published and proposed to; `git_hosts` has what differs.

Git itself is real: bare repositories, and git's own upload-pack and receive-pack behind HTTP. What
is in no table of routes is a 404.
"""

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from towpath.machinery.asgi import Receive, Scope, Send

GOOD, BAD, GOING = "good", "bad", "going"
REPOSITORY = "shop"
Routes = Mapping[str, Callable[..., Any]]
"""By method and pattern: the host, the request, and the pattern's groups; a JSON answer."""
_GIT = r"/(.+?)/(info/refs|git-upload-pack|git-receive-pack)"


@dataclass(slots=True)
class Pull:
    number: int
    branch: str
    base: str
    title: str
    body: str
    head: str = ""
    state: str = "open"
    version: int = 0


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass(slots=True)
class Refusal(Exception):
    status: int
    told: str


@dataclass(slots=True)
class GitHostOfOthers:
    kind: str
    folder: Path
    routes: Routes
    url: str = ""
    token: str = "t0ken"
    pulls: list[Pull] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    """Of a commit: what the one check says."""
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["raw_path"].decode().partition("?")[0]
        query = {key: one[-1] for key, one in parse_qs(scope["query_string"].decode()).items()}
        self.asked.append((scope["method"], path))
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        try:
            answer = await asyncio.to_thread(
                self._answer, Request(scope["method"], path, query, body), headers
            )
            status = 200
        except Refusal as refusal:
            status, answer = refusal.status, json.dumps({"message": refusal.told}).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, request: Request, headers: dict[str, str]) -> bytes:
        if not _knows(headers.get("authorization", ""), self.token):
            raise Refusal(401, "who are you?")
        if found := re.fullmatch(_GIT, request.path):
            return self._git(found[1].rpartition("/")[2].removesuffix(".git"), found[2], request)
        request.body = json.loads(request.body) if request.body else None
        for pattern, answer in self.routes.items():
            method, _, shape = pattern.partition(" ")
            matched = re.fullmatch(shape, request.path)
            if method == request.method and matched:
                told = answer(self, request, *map(unquote, matched.groups()))
                guard = b")]}'\n" if self.kind == "gerrit" else b""
                return b"" if told is None else guard + json.dumps(told).encode()
        raise Refusal(404, "Not Found")

    # Git.

    def git(self, name: str, *words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", "-C", str(self.place(name)), *words], input=given, capture_output=True
        )
        if done.returncode:
            raise Refusal(404, done.stderr.decode())
        return done.stdout

    def place(self, name: str) -> Path:
        found = self.folder / f"{name}.git"
        if not found.exists():
            raise Refusal(404, f"no repository {name}")
        return found

    def make(self, name: str) -> None:
        words = [
            "git",
            "init",
            "-q",
            "--bare",
            "--initial-branch=main",
            f"{self.folder}/{name}.git",
        ]
        subprocess.run(words, check=True)
        self.git(name, "config", "uploadpack.allowReachableSHA1InWant", "true")

    def refs(self, name: str) -> dict[str, str]:
        lines = self.git(name, "for-each-ref", "--format=%(refname) %(objectname)").decode()
        return dict(line.split(" ") for line in lines.splitlines())

    def files(self, name: str, branch: str = "main") -> dict[str, str]:
        paths = self.git(name, "ls-tree", "-r", "--name-only", "-z", branch).decode().split("\0")
        return {path: self.git(name, "show", f"{branch}:{path}").decode() for path in paths if path}

    def commit(
        self,
        name: str,
        files: dict[str, str],
        ref: str = "refs/heads/main",
        message: str = "By hand",
    ) -> str:
        """By somebody there, on top of what the ref is at."""
        known = self.refs(name).get(ref, "")
        by = "committer Ann <ann@example.org> 1700000000 +0000"
        lines = [f"commit {ref}", by, f"data {len(message.encode())}", message]
        lines += [f"from {known}"] if known else []
        for path, text in files.items():
            lines += [f"M 100644 inline {path}", f"data {len(text.encode())}", text]
        self.git(name, "fast-import", "--quiet", given=("\n".join(lines) + "\n").encode())
        return self.refs(name)[ref]

    def _git(self, name: str, service: str, request: Request) -> bytes:
        if service == "info/refs":
            wanted = request.query["service"]
            told = self.git(name, wanted.removeprefix("git-"), "--http-backend-info-refs", ".")
            first = f"# service={wanted}\n".encode()
            return f"{len(first) + 4:04x}".encode() + first + b"0000" + told
        verb = service.removeprefix("git-")
        answer = self.git(name, verb, "--stateless-rpc", ".", given=request.body)
        if verb == "receive-pack":
            self.take_changes(name)
        return answer

    def take_changes(self, name: str) -> None:
        """What Gerrit does with refs/for/: a change for each Change-Id, and no such ref."""
        for ref, commit in self.refs(name).items():
            if not ref.startswith("refs/for/"):
                continue
            self.git(name, "update-ref", "-d", ref)
            message = self.git(name, "log", "-1", "--format=%B", commit).decode()
            (change,) = re.findall(r"^Change-Id: (I[0-9a-f]{40})$", message, re.M)
            known = next((one for one in self.pulls if one.branch == change), None)
            if known is None:
                base = ref.removeprefix("refs/for/").partition("%")[0]
                known = self.opened(change, base, message.partition("\n")[0], message)
            known.head = commit
            number = f"{known.number % 100:02}/{known.number}"
            known.version += 1
            self.git(name, "update-ref", f"refs/changes/{number}/{known.version}", commit)

    # Pull requests.

    def opened(self, branch: str, base: str, title: str, body: str) -> Pull:
        self.pulls.append(Pull(len(self.pulls) + 1, branch, base, title, body))
        return self.pulls[-1]

    def pull(self, number: str) -> Pull:
        found = next((one for one in self.pulls if one.number == int(number)), None)
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def head(self, pull: Pull) -> str:
        return self.refs(REPOSITORY).get(f"refs/heads/{pull.branch}", pull.head)

    def merge(self, pull: Pull, head: str = "") -> None:
        if head and not self.head(pull).startswith(head):
            raise Refusal(409, "the head has moved")
        if self.checks.get(self.head(pull)) == BAD:
            raise Refusal(405, "a check fails")
        pull.head, pull.state = self.head(pull), "merged"
        self.git(REPOSITORY, "update-ref", f"refs/heads/{pull.base}", pull.head)

    def said(self, commit: str, words: dict[str, str]) -> list[str]:
        return [words[self.checks[commit]]] if commit in self.checks else []


def _knows(authorization: str, token: str) -> bool:
    scheme, _, told = authorization.partition(" ")
    if scheme == "Basic":
        told = base64.b64decode(told).decode().rpartition(":")[2]
    return told == token

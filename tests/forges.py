"""Git hosts of others as their documented REST APIs answer: lists by pages, ETags, limits of rate.

One class for all of them; `answers` has one function per host. `url` is what a CatalogSource says.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from towpath.machinery.asgi import Receive, Scope, Send

PAGE = 2
LONG_AGO = "2026-01-01T00:00:00Z"


@dataclass(slots=True)
class Repository:
    files: dict[str, str] = field(default_factory=dict)
    changed: str = LONG_AGO
    archived: bool = False
    fork: bool = False
    topics: tuple[str, ...] = ()
    branch: str = "main"


@dataclass(slots=True)
class Told:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Forge:
    kind: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    url: str = ""
    token: str = ""
    """Without it, 401."""
    refusal: Told | None = None
    """Instead of every answer."""
    broken: set[str] = field(default_factory=set)
    """Repositories of which nothing but their name can be read."""
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode()
        path = (scope.get("raw_path") or scope["path"].encode()).decode().partition("?")[0]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append(path)
        told = self._told(path, {k: v[-1] for k, v in parse_qs(query).items()}, headers)
        body = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
        etag = f'"{hashlib.sha256(body + str(told.headers).encode()).hexdigest()[:16]}"'
        status = told.status
        if status == 200 and headers.get("if-none-match") == etag:
            status, body = 304, b""
        sent = {"content-length": str(len(body)), "etag": etag, **told.headers}
        lines = [(name.encode(), value.encode()) for name, value in sent.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    def _told(self, path: str, query: dict[str, str], headers: dict[str, str]) -> Told:
        if self.token and self.token not in headers.get("authorization", ""):
            return Told({"message": "Unauthorized"}, 401)
        return self.refusal or ANSWERS[self.kind](self, path, query)

    def paged(self, items: list[Any], path: str, query: dict[str, str]) -> Told:
        page = int(query.get("page", "1"))
        part = items[(page - 1) * PAGE : page * PAGE]
        if page * PAGE >= len(items):
            return Told(part)
        following = f"{self.url}{path}?page={page + 1}"
        return Told(part, headers={"link": f'<{self.url}>; rel="first", <{following}>; rel="next"'})

    def file(self, name: str, path: str) -> Told:
        if name in self.broken:
            return Told({"message": "oh no"}, 500)
        content = self.repositories[name].files.get(path)
        return Told({"message": "Not Found"}, 404) if content is None else Told(content.encode())

    def tree(self, name: str, entry: Callable[[str], Any]) -> list[Any]:
        return [entry(path) for path in self.repositories[name].files]


def _matched(patterns: dict[str, Callable[..., Told]], path: str) -> Told:
    for pattern, answer in patterns.items():
        if found := re.fullmatch(pattern, path):
            return answer(*map(unquote, found.groups()))
    return Told({"message": "Not Found"}, 404)


def _like_github(forge: Forge, more: Callable[[Repository], dict[str, Any]]) -> list[Any]:
    """Repositories as GitHub and Gitea tell of them, but for `more`."""
    return [
        {
            "name": name,
            "full_name": f"acme/{name}",
            "html_url": f"{forge.url}/acme/{name}",
            "default_branch": one.branch,
            "archived": one.archived,
            "fork": one.fork,
            "topics": list(one.topics),
            **more(one),
        }
        for name, one in forge.repositories.items()
    ]


def _github(forge: Forge, path: str, query: dict[str, str]) -> Told:
    def repositories() -> Told:
        items = _like_github(forge, lambda one: {"pushed_at": one.changed})
        return forge.paged(items, path, query)

    def tree(name: str) -> Told:
        entries = forge.tree(name, lambda file: {"path": file, "type": "blob"})
        return Told({"tree": [{"path": "docs", "type": "tree"}, *entries], "truncated": False})

    return _matched(
        {
            r"/api/v3/orgs/acme/repos": repositories,
            r"/api/v3/repos/acme/([^/]+)/git/trees/main": tree,
            r"/api/v3/repos/acme/([^/]+)/contents/(.+)": forge.file,
        },
        path,
    )


def _gitlab(forge: Forge, path: str, query: dict[str, str]) -> Told:
    names = list(forge.repositories)

    def projects() -> Told:
        items = [
            {
                "id": number,
                "path_with_namespace": f"acme/{name}",
                "web_url": f"{forge.url}/acme/{name}",
                "default_branch": one.branch,
                "last_activity_at": one.changed,
                "archived": one.archived,
                "topics": list(one.topics),
                **({"forked_from_project": {"id": 99}} if one.fork else {}),
            }
            for number, (name, one) in enumerate(forge.repositories.items())
        ]
        return forge.paged(items, path, query)

    def tree(number: str) -> Told:
        entries = forge.tree(names[int(number)], lambda file: {"path": file, "type": "blob"})
        return forge.paged(entries, path, query)

    return _matched(
        {
            r"/api/v4/groups/acme/projects": projects,
            r"/api/v4/projects/(\d+)/repository/tree": tree,
            r"/api/v4/projects/(\d+)/repository/files/([^/]+)/raw": lambda number, file: forge.file(
                names[int(number)], file
            ),
        },
        path,
    )


def _gitea(forge: Forge, path: str, query: dict[str, str]) -> Told:
    def repositories() -> Told:
        items = _like_github(forge, lambda one: {"updated_at": one.changed, "empty": not one.files})
        return forge.paged(items, path, query)

    def tree(name: str) -> Told:
        entries = forge.tree(name, lambda file: {"path": file, "type": "blob"})
        page = int(query["page"])
        part = entries[(page - 1) * PAGE : page * PAGE]
        more = {"truncated": page * PAGE < len(entries), "total_count": len(entries)}
        return Told({"tree": part, "page": page, **more})

    return _matched(
        {
            # People who are no organisation are listed elsewhere.
            r"/api/v1/users/acme/repos": repositories,
            r"/api/v1/repos/acme/([^/]+)/git/trees/main": tree,
            r"/api/v1/repos/acme/([^/]+)/raw/(.+)": forge.file,
        },
        path,
    )


def _bitbucket(forge: Forge, path: str, query: dict[str, str]) -> Told:
    def values(items: list[Any]) -> Told:
        page = int(query.get("page", "1"))
        told: dict[str, Any] = {"values": items[(page - 1) * PAGE : page * PAGE]}
        if page * PAGE < len(items):
            told["next"] = f"{forge.url}{path}?page={page + 1}"
        return Told(told)

    def repositories() -> Told:
        return values(
            [
                {
                    "full_name": f"acme/{name}",
                    "links": {"html": {"href": f"{forge.url}/acme/{name}"}},
                    "mainbranch": {"name": one.branch},
                    "updated_on": one.changed,
                    **({"parent": {"full_name": "other/x"}} if one.fork else {}),
                }
                for name, one in forge.repositories.items()
            ]
        )

    def tree(name: str) -> Told:
        return values(forge.tree(name, lambda file: {"path": file, "type": "commit_file"}))

    return _matched(
        {
            r"/2.0/repositories/acme": repositories,
            r"/2.0/repositories/acme/([^/]+)/src/main/": tree,
            r"/2.0/repositories/acme/([^/]+)/src/main/(.+)": forge.file,
        },
        path,
    )


def _azure(forge: Forge, path: str, query: dict[str, str]) -> Told:
    def repositories() -> Told:
        return Told(
            {
                "value": [
                    {
                        "id": f"id-{name}",
                        "name": name,
                        "project": {"name": "shop"},
                        "defaultBranch": f"refs/heads/{one.branch}",
                        "webUrl": f"{forge.url}/acme/shop/_git/{name}",
                        "isDisabled": one.archived,
                        "isFork": one.fork,
                    }
                    for name, one in forge.repositories.items()
                ]
            }
        )

    def items(name: str) -> Told:
        if "path" in query:
            return forge.file(name, query["path"].lstrip("/"))
        entries = forge.tree(name, lambda file: {"path": f"/{file}"})
        return Told({"value": [{"path": "/", "isFolder": True}, *entries]})

    return _matched(
        {
            r"/acme/shop/_apis/git/repositories": repositories,
            r"/acme/shop/_apis/git/repositories/id-([^/]+)/items": items,
        },
        path,
    )


ANSWERS: dict[str, Callable[[Forge, str, dict[str, str]], Told]] = {
    "azure": _azure,
    "bitbucket": _bitbucket,
    "gitea": _gitea,
    "github": _github,
    "gitlab": _gitlab,
}

"""The REST APIs of Git hosts of others, as they are documented: one table of routes per kind."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.git_there import BAD, GOING, GOOD, REPOSITORY, GitHostOfOthers, Pull, Refusal, Request

OWNERS = {
    "azure": "acme/web",
    "bitbucketCloud": "acme",
    "bitbucketServer": "ACME",
    "gerrit": "",
    "gitea": "acme",
    "github": "acme",
    "gitlab": "acme",
}
"""Each kind, and whose the repositories there are."""


def git_host(kind: str, folder: Path) -> GitHostOfOthers:
    return GitHostOfOthers(kind, folder, _API[kind])


def _exists(host: GitHostOfOthers, request: Request, name: str) -> Any:
    host.place(name)
    return {"id": name, "name": name}


def _delete(host: GitHostOfOthers, request: Request, name: str) -> None:
    host.place(name).rename(host.folder / f"{name}.gone")


def _of_branch(host: GitHostOfOthers, branch: str) -> list[Pull]:
    return [one for one in host.pulls if one.branch == branch and one.state == "open"]


# GitHub and Gitea.


def _github_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    return {
        "number": pull.number,
        "html_url": f"{host.url}/acme/{REPOSITORY}/pulls/{pull.number}",
        "title": pull.title,
        "body": pull.body,
        "state": "open" if pull.state == "open" else "closed",
        "merged": pull.state == "merged",
        "merge_commit_sha": pull.head if pull.state == "merged" else None,
        "head": {"ref": pull.branch, "sha": host.head(pull), "repo": {"full_name": "acme/shop"}},
    }


def _github_make(host: GitHostOfOthers, request: Request) -> Any:
    host.make(request.body["name"])
    return {}


def _github_open(host: GitHostOfOthers, request: Request, name: str) -> Any:
    body = request.body
    if _of_branch(host, body["head"]):
        raise Refusal(422, "A pull request already exists")
    return _github_pull(host, host.opened(body["head"], body["base"], body["title"], body["body"]))


def _github_amend(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    pull = host.pull(number)
    pull.title, pull.body = (
        request.body.get("title", pull.title),
        request.body.get("body", pull.body),
    )
    pull.state = request.body.get("state", pull.state)
    return _github_pull(host, pull)


def _github_branch(host: GitHostOfOthers, request: Request, name: str, branch: str) -> Any:
    if f"refs/heads/{branch}" not in host.refs(name):
        raise Refusal(404, "Not Found")
    return {"name": branch}


def _like_github(api: str) -> dict[str, Callable[..., Any]]:
    of = rf"{api}/repos/acme/([^/]+)"
    return {
        f"GET {api}/user": lambda host, request: {"login": "somebody"},
        f"POST {api}/orgs/acme/repos": _github_make,
        f"GET {of}": _exists,
        f"DELETE {of}": _delete,
        f"GET {of}/branches/([^/]+)": _github_branch,
        f"GET {of}/pulls": lambda host, request, name: [
            _github_pull(host, one) for one in host.pulls if one.state == "open"
        ],
        f"POST {of}/pulls": _github_open,
        rf"GET {of}/pulls/(\d+)": lambda host, request, name, number: _github_pull(
            host, host.pull(number)
        ),
        rf"PATCH {of}/pulls/(\d+)": _github_amend,
        rf"GET {of}/commits/(\w+)/status": lambda host, request, name, commit: {
            "statuses": [
                # Gitea calls the word `status`, and GitHub `state`.
                {"context": "ci", ("status" if "v1" in api else "state"): said}
                for said in host.said(commit, {GOOD: "success", BAD: "failure", GOING: "pending"})
            ]
        },
    }


# GitLab.

_GITLAB_STATES = {"open": "opened", "closed": "closed", "merged": "merged"}
_GITLAB = r"/api/v4/projects/acme%2F([^/]+)"


def _gitlab_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    return {
        "iid": pull.number,
        "web_url": f"{host.url}/acme/{REPOSITORY}/-/merge_requests/{pull.number}",
        "state": _GITLAB_STATES[pull.state],
        "sha": host.head(pull),
        "title": pull.title,
        "merge_commit_sha": pull.head if pull.state == "merged" else None,
    }


def _gitlab_open(host: GitHostOfOthers, request: Request, name: str) -> Any:
    body = request.body
    branches = body["source_branch"], body["target_branch"]
    return _gitlab_pull(host, host.opened(*branches, body["title"], body["description"]))


def _gitlab_amend(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    pull = host.pull(number)
    pull.title = request.body.get("title", pull.title)
    pull.body = request.body.get("description", pull.body)
    if request.body.get("state_event") == "close":
        pull.state = "closed"
    return _gitlab_pull(host, pull)


def _gitlab_merge(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    host.merge(host.pull(number), request.body["sha"])
    return _gitlab_pull(host, host.pull(number))


# Bitbucket.

_STATES = {"open": "OPEN", "closed": "DECLINED", "merged": "MERGED"}
_BUILDS = {GOOD: "SUCCESSFUL", BAD: "FAILED", GOING: "INPROGRESS"}
_CLOUD = r"/2.0/repositories/acme/([^/]+)"


def _cloud_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    page = f"{host.url}/acme/{REPOSITORY}/pull-requests/{pull.number}"
    return {
        "id": pull.number,
        "links": {"html": {"href": page}},
        "state": _STATES[pull.state],
        "source": {"commit": {"hash": host.head(pull)[:12]}},
        "merge_commit": {"hash": pull.head[:12]} if pull.state == "merged" else None,
    }


def _cloud_make(host: GitHostOfOthers, request: Request, name: str) -> Any:
    assert request.body["scm"] == "git"
    host.make(name)
    return {}


def _cloud_open(host: GitHostOfOthers, request: Request, name: str) -> Any:
    body = request.body
    branches = body["source"]["branch"]["name"], body["destination"]["branch"]["name"]
    return _cloud_pull(host, host.opened(*branches, body["title"], body["description"]))


def _cloud_found(host: GitHostOfOthers, request: Request, name: str) -> Any:
    (branch,) = re.findall(r'source\.branch\.name="([^"]+)" AND state="OPEN"', request.query["q"])
    return {"values": [_cloud_pull(host, one) for one in _of_branch(host, branch)]}


def _cloud_amend(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    pull = host.pull(number)
    pull.title, pull.body = request.body["title"], request.body["description"]
    return _cloud_pull(host, pull)


def _ends(how: str, told: Callable[..., Any], *, versioned: bool = False) -> Callable[..., Any]:
    def end(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
        pull = host.pull(number)
        if versioned and int(request.query["version"]) != pull.version:
            raise Refusal(409, "the pull request has changed")
        if how == "merged":
            host.merge(pull)
        pull.state = how
        return told(host, pull)

    return end


def _builds(host: GitHostOfOthers, request: Request, *groups: str) -> Any:
    said = host.said(groups[-1], _BUILDS)
    return {"values": [{"key": "ci", "state": one, "url": "http://ci.example/1"} for one in said]}


_SERVER_API = "/rest/api/1.0/projects/ACME/repos"
_SERVER = rf"{_SERVER_API}/([^/]+)"


def _server_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    page = f"{host.url}/projects/ACME/repos/{REPOSITORY}/pull-requests/{pull.number}"
    return {
        "id": pull.number,
        "version": pull.version,
        "state": _STATES[pull.state],
        "fromRef": {"latestCommit": host.head(pull)},
        "links": {"self": [{"href": page}]},
        "properties": {"mergeCommit": {"id": pull.head}} if pull.state == "merged" else {},
        "reviewers": [{"user": {"name": "bob"}, "approved": False}],
    }


def _server_open(host: GitHostOfOthers, request: Request, name: str) -> Any:
    body = request.body
    branches = [body[ref]["id"].removeprefix("refs/heads/") for ref in ("fromRef", "toRef")]
    return _server_pull(
        host, host.opened(branches[0], branches[1], body["title"], body["description"])
    )


def _server_found(host: GitHostOfOthers, request: Request, name: str) -> Any:
    branch = request.query["at"].removeprefix("refs/heads/")
    return {"values": [_server_pull(host, one) for one in _of_branch(host, branch)]}


def _server_amend(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    pull = host.pull(number)
    if request.body["version"] != pull.version:
        raise Refusal(409, "the pull request has changed")
    assert [one["user"]["name"] for one in request.body["reviewers"]] == ["bob"]
    pull.title, pull.body = request.body["title"], request.body["description"]
    pull.version += 1
    return _server_pull(host, pull)


# Azure DevOps.

_AZURE_API = "/acme/web/_apis/git/repositories"
_AZURE = rf"{_AZURE_API}/([^/]+)"
_AZURE_STATES = {"open": "active", "closed": "abandoned", "merged": "completed"}


def _azure_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    return {
        "pullRequestId": pull.number,
        "status": _AZURE_STATES[pull.state],
        "lastMergeSourceCommit": {"commitId": host.head(pull)},
        "lastMergeCommit": {"commitId": pull.head},
    }


def _azure_open(host: GitHostOfOthers, request: Request, name: str) -> Any:
    body = request.body
    branches = [body[ref].removeprefix("refs/heads/") for ref in ("sourceRefName", "targetRefName")]
    return _azure_pull(
        host, host.opened(branches[0], branches[1], body["title"], body["description"])
    )


def _azure_found(host: GitHostOfOthers, request: Request, name: str) -> Any:
    branch = request.query["searchCriteria.sourceRefName"].removeprefix("refs/heads/")
    return {"value": [_azure_pull(host, one) for one in _of_branch(host, branch)]}


def _azure_amend(host: GitHostOfOthers, request: Request, name: str, number: str) -> Any:
    pull = host.pull(number)
    pull.title = request.body.get("title", pull.title)
    pull.body = request.body.get("description", pull.body)
    if request.body.get("status") == "abandoned":
        pull.state = "closed"
    if request.body.get("status") == "completed":
        host.merge(pull, request.body["lastMergeSourceCommit"]["commitId"])
    return _azure_pull(host, pull)


# Gerrit.

_GERRIT_STATES = {"open": "NEW", "closed": "ABANDONED", "merged": "MERGED"}


def _gerrit_pull(host: GitHostOfOthers, pull: Pull) -> Any:
    said = host.said(pull.head, {GOOD: "approved", BAD: "rejected", GOING: ""})
    return {
        "_number": pull.number,
        "project": REPOSITORY,
        "status": _GERRIT_STATES[pull.state],
        "current_revision": pull.head,
        "labels": {"Code-Review": {}, **({"Verified": {said[0]: 7}} if said else {})},
    }


def _gerrit_found(host: GitHostOfOthers, request: Request) -> Any:
    (commit,) = re.findall(r"commit:(\w+)", request.query["q"])
    return [_gerrit_pull(host, one) for one in host.pulls if one.head == commit]


def _gerrit_made(host: GitHostOfOthers, request: Request, name: str) -> Any:
    host.make(name)
    return {"name": name}


def _gerrit_ends(how: str) -> Callable[..., Any]:
    ended = _ends(how, _gerrit_pull)
    return lambda host, request, number: ended(host, request, REPOSITORY, number)


_API: dict[str, dict[str, Callable[..., Any]]] = {
    "github": {
        **_like_github("/api/v3"),
        r"PUT /api/v3/repos/acme/([^/]+)/pulls/(\d+)/merge": lambda host, request, name, number: (
            host.merge(host.pull(number), request.body["sha"])
        ),
        r"GET /api/v3/repos/acme/([^/]+)/commits/(\w+)/check-runs": lambda *_: {"check_runs": []},
    },
    "gitea": {
        **_like_github("/api/v1"),
        r"POST /api/v1/repos/acme/([^/]+)/pulls/(\d+)/merge": lambda host, request, name, number: (
            host.merge(host.pull(number), request.body["head_commit_id"])
        ),
    },
    "gitlab": {
        r"GET /api/v4/namespaces/acme": lambda host, request: {"id": 7},
        r"POST /api/v4/projects": lambda host, request: host.make(request.body["path"]),
        f"GET {_GITLAB}": _exists,
        f"DELETE {_GITLAB}": _delete,
        f"GET {_GITLAB}/repository/branches/([^/]+)": _github_branch,
        f"GET {_GITLAB}/merge_requests": lambda host, request, name: [
            _gitlab_pull(host, one) for one in _of_branch(host, request.query["source_branch"])
        ],
        f"POST {_GITLAB}/merge_requests": _gitlab_open,
        rf"GET {_GITLAB}/merge_requests/(\d+)": lambda host, request, name, number: _gitlab_pull(
            host, host.pull(number)
        ),
        rf"PUT {_GITLAB}/merge_requests/(\d+)": _gitlab_amend,
        rf"PUT {_GITLAB}/merge_requests/(\d+)/merge": _gitlab_merge,
        rf"GET {_GITLAB}/repository/commits/(\w+)/statuses": lambda host, request, name, commit: [
            {"name": "ci", "status": said}
            for said in host.said(commit, {GOOD: "success", BAD: "failed", GOING: "running"})
        ],
    },
    "bitbucketCloud": {
        f"GET {_CLOUD}": _exists,
        f"POST {_CLOUD}": _cloud_make,
        f"DELETE {_CLOUD}": _delete,
        f"GET {_CLOUD}/pullrequests": _cloud_found,
        f"POST {_CLOUD}/pullrequests": _cloud_open,
        rf"GET {_CLOUD}/pullrequests/(\d+)": lambda host, request, name, number: _cloud_pull(
            host, host.pull(number)
        ),
        rf"PUT {_CLOUD}/pullrequests/(\d+)": _cloud_amend,
        rf"POST {_CLOUD}/pullrequests/(\d+)/decline": _ends("closed", _cloud_pull),
        rf"POST {_CLOUD}/pullrequests/(\d+)/merge": _ends("merged", _cloud_pull),
        rf"GET {_CLOUD}/commit/(\w+)/statuses": _builds,
    },
    "bitbucketServer": {
        f"GET {_SERVER}": _exists,
        f"POST {_SERVER_API}": _github_make,
        f"DELETE {_SERVER}": _delete,
        f"GET {_SERVER}/pull-requests": _server_found,
        f"POST {_SERVER}/pull-requests": _server_open,
        rf"GET {_SERVER}/pull-requests/(\d+)": lambda host, request, name, number: _server_pull(
            host, host.pull(number)
        ),
        rf"PUT {_SERVER}/pull-requests/(\d+)": _server_amend,
        rf"POST {_SERVER}/pull-requests/(\d+)/decline": _ends(
            "closed", _server_pull, versioned=True
        ),
        rf"POST {_SERVER}/pull-requests/(\d+)/merge": _ends("merged", _server_pull, versioned=True),
        r"GET /rest/build-status/1.0/commits/(\w+)": _builds,
    },
    "azure": {
        f"GET {_AZURE}": _exists,
        f"POST {_AZURE_API}": _github_make,
        f"DELETE {_AZURE}": _delete,
        f"GET {_AZURE}/pullrequests": _azure_found,
        f"POST {_AZURE}/pullrequests": _azure_open,
        rf"GET {_AZURE}/pullrequests/(\d+)": lambda host, request, name, number: _azure_pull(
            host, host.pull(number)
        ),
        rf"PATCH {_AZURE}/pullrequests/(\d+)": _azure_amend,
        rf"GET {_AZURE}/commits/(\w+)/statuses": lambda host, request, name, commit: {
            "value": [
                {"context": {"name": "ci"}, "state": said}
                for said in host.said(commit, {GOOD: "succeeded", BAD: "failed", GOING: "pending"})
            ]
        },
    },
    "gerrit": {
        r"GET /a/projects/([^/]+)": _exists,
        r"PUT /a/projects/([^/]+)": _gerrit_made,
        r"POST /a/projects/([^/]+)/delete-project~delete": _delete,
        r"GET /a/changes/": _gerrit_found,
        r"GET /a/changes/(\d+)": lambda host, request, number: _gerrit_pull(
            host, host.pull(number)
        ),
        r"POST /a/changes/(\d+)/abandon": _gerrit_ends("closed"),
        r"POST /a/changes/(\d+)/submit": _gerrit_ends("merged"),
    },
}

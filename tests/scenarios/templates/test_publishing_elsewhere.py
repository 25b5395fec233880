"""publish:<host> and its pull requests with every kind of Git host, Git itself being real."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.git_hosts import OWNERS, git_host
from tests.git_there import REPOSITORY, GitHostOfOthers
from tests.scenarios.templates.conftest import World
from tests.scenarios.templates.test_actions_of_backstage import Stage, allow
from tests.served import served

from towpath.capabilities.portal.templates.actions.failures import (
    ActionFailed,
    InputRefused,
    NameTaken,
)

KINDS = sorted(OWNERS)
PARTS = {
    "azure": "organization=acme&project=web&",
    "bitbucketCloud": "workspace=acme&project=WEB&",
    "bitbucketServer": "project=ACME&",
    "gerrit": "",
    "gitea": "owner=acme&",
    "github": "owner=acme&",
    "gitlab": "owner=acme&",
}
PROPOSE = {
    "azure": "publish:azure:pull-request",
    "bitbucketCloud": "publish:bitbucketCloud:pull-request",
    "bitbucketServer": "publish:bitbucketServer:pull-request",
    "gerrit": "publish:gerrit:review",
    "gitea": "publish:gitea:pull-request",
    "github": "publish:github:pull-request",
    "gitlab": "publish:gitlab:merge-request",
}


@pytest.fixture
async def stage(world: World, tmp_path: Path) -> Stage:
    place = tmp_path / "stage"
    place.mkdir()
    return Stage(world, place)


@pytest.fixture(params=KINDS)
async def host(
    request: pytest.FixtureRequest, tmp_path: Path, world: World
) -> AsyncIterator[GitHostOfOthers]:
    folder = tmp_path / "host"
    folder.mkdir()
    made = git_host(request.param, folder)
    async with served(made) as url:
        made.url = url
        await allow(world, url.removeprefix("http://"))
        yield made


def repo_url(host: GitHostOfOthers) -> str:
    return f"{host.url.removeprefix('http://')}?{PARTS[host.kind]}repo={REPOSITORY}"


async def undone(stage: Stage, action: str, given: dict[str, Any]) -> None:
    undo = stage.actions[action].undo
    assert undo is not None
    await undo(stage.context(given))


async def test_a_repository_is_made_filled_and_taken_back(
    stage: Stage, host: GitHostOfOthers
) -> None:
    stage.lay({"README.md": "# Shop\n", "d/x": "1"})
    action = f"publish:{host.kind}"
    given = {"repoUrl": repo_url(host), "token": "ann:t0ken" if host.kind == "gerrit" else "t0ken"}
    output = await stage.run(action, **given)
    assert host.files(REPOSITORY) == {"README.md": "# Shop\n", "d/x": "1"}
    assert output["commitHash"] == host.refs(REPOSITORY)["refs/heads/main"]
    assert output["remoteUrl"].startswith(host.url)
    assert output.get("repositoryId", REPOSITORY) == REPOSITORY
    assert ("projectId" in output) == (host.kind == "gitlab")
    assert output["repoContentsUrl"].startswith(host.url)
    assert await stage.run(action, **given) == output, "a second time, after a crash"
    await undone(stage, action, given)
    with pytest.raises(Exception, match="no repository"):
        host.refs(REPOSITORY)


async def test_a_repository_of_others_is_neither_used_nor_deleted(
    stage: Stage, host: GitHostOfOthers
) -> None:
    host.make(REPOSITORY)
    stage.lay({"x": "1"})
    given = {"repoUrl": repo_url(host), "token": "t0ken"}
    with pytest.raises(NameTaken, match="already"):
        await stage.run(f"publish:{host.kind}", **given)
    await undone(stage, f"publish:{host.kind}", given)
    assert host.refs(REPOSITORY) == {}


def proposed(host: GitHostOfOthers, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"repoUrl": repo_url(host), "token": "t0ken"}
    if host.kind == "gerrit":
        return {**given, "gitCommitMessage": "Newer\n\nWhy", **more}
    named = "branchName" if host.kind in ("gitea", "github", "gitlab") else "sourceBranch"
    return {**given, "title": "Newer", "description": "Why", named: "newer", **more}


async def test_the_workspace_is_proposed_once_and_taken_back(
    stage: Stage, host: GitHostOfOthers
) -> None:
    host.make(REPOSITORY)
    main = host.commit(REPOSITORY, {"README.md": "# Old\n", "kept": "k"})
    stage.lay({"README.md": "# New\n", "run.sh": "#!/bin/sh\n"})
    (stage.workspace / "run.sh").chmod(0o755)
    action, given = PROPOSE[host.kind], proposed(host)
    output = await stage.run(action, **given)
    (pull,) = host.pulls
    assert (pull.title, pull.base, pull.state) == ("Newer", "main", "open")
    assert any(f"{host.url}/" in str(one) for one in output.values())
    head = host.head(pull)
    assert host.files(REPOSITORY, head) == {
        "README.md": "# New\n",
        "kept": "k",
        "run.sh": "#!/bin/sh\n",
    }
    assert b"100755" in host.git(REPOSITORY, "ls-tree", head, "run.sh")
    assert host.git(REPOSITORY, "rev-parse", f"{head}^").decode().strip() == main
    assert await stage.run(action, **given) == output, "a second time, after a crash"
    assert len(host.pulls) == 1
    await undone(stage, action, given)
    assert pull.state == "closed"
    assert "refs/heads/newer" not in host.refs(REPOSITORY)


@pytest.mark.parametrize("host", ["github"], indirect=True)
async def test_what_somebody_has_built_on_a_branch_stays(
    stage: Stage, host: GitHostOfOthers
) -> None:
    host.make(REPOSITORY)
    host.commit(REPOSITORY, {"README.md": "# Old\n"})
    stage.lay({"README.md": "# New\n"})
    given = proposed(host, targetPath="docs")
    await stage.run(PROPOSE[host.kind], **given)
    theirs = host.commit(REPOSITORY, {"more": "m"}, "refs/heads/newer")
    await undone(stage, PROPOSE[host.kind], given)
    assert host.refs(REPOSITORY)["refs/heads/newer"] == theirs
    assert host.pulls[0].state == "open"
    assert set(host.files(REPOSITORY, theirs)) == {"README.md", "docs/README.md", "more"}
    stage.lay({"README.md": "# Newest\n"})
    with pytest.raises(InputRefused, match=r"branchName: .* has a branch 'newer' already"):
        await stage.run(PROPOSE[host.kind], **{**given, "repoUrl": given["repoUrl"] + "&"})
    await stage.run(PROPOSE[host.kind], **{**given, "update": True})
    assert host.files(REPOSITORY, "newer")["docs/README.md"] == "# Newest\n"
    assert len(host.pulls) == 1


@pytest.mark.parametrize("host", ["github"], indirect=True)
async def test_files_go_and_what_would_be_empty_is_left(
    stage: Stage, host: GitHostOfOthers
) -> None:
    host.make(REPOSITORY)
    host.commit(REPOSITORY, {"README.md": "# Old\n", "gone": "g"})
    stage.lay({"README.md": "# Old\n"})
    action = PROPOSE[host.kind]
    assert await stage.run(action, **proposed(host, createWhenEmpty=False)) == {}
    assert list(host.refs(REPOSITORY)) == ["refs/heads/main"]
    await stage.run(action, **proposed(host, filesToDelete=["gone", "never"]))
    assert host.files(REPOSITORY, "newer") == {"README.md": "# Old\n"}


@pytest.mark.parametrize("host", ["bitbucketServer"], indirect=True)
async def test_a_branch_that_is_there_is_proposed_as_it_is(
    stage: Stage, host: GitHostOfOthers
) -> None:
    host.make(REPOSITORY)
    host.commit(REPOSITORY, {"README.md": "# Old\n"})
    theirs = host.commit(REPOSITORY, {"README.md": "# Theirs\n"}, "refs/heads/newer")
    stage.lay({"README.md": "# Ours\n"})
    await stage.run(PROPOSE[host.kind], **proposed(host))
    assert host.head(host.pulls[0]) == theirs
    await undone(stage, PROPOSE[host.kind], proposed(host))
    assert host.pulls[0].state == "closed"
    assert host.refs(REPOSITORY)["refs/heads/newer"] == theirs, "this run has not made it"


@pytest.mark.parametrize("host", ["gitlab"], indirect=True)
async def test_what_cannot_be_done_is_said(stage: Stage, host: GitHostOfOthers) -> None:
    stage.lay({"x": "1"})
    given = {"repoUrl": repo_url(host), "token": "t0ken"}
    with pytest.raises(ActionFailed, match="does not set signCommit here"):
        await stage.run("publish:gitlab", **given, signCommit=True)
    with pytest.raises(ActionFailed, match="answered 401"):
        await stage.run("publish:gitlab", **{**given, "token": "no"})
    with pytest.raises(ActionFailed, match=r"token: .* wants one"):
        await stage.run("publish:gitlab", repoUrl=repo_url(host))
    with pytest.raises(InputRefused, match=r"repoUrl: .* has no workspace; write bitbucket.org"):
        await stage.run("publish:bitbucketCloud", **given)
    host.make(REPOSITORY)
    with pytest.raises(ActionFailed, match="has no commit yet"):
        await stage.run(PROPOSE["gitlab"], **proposed(host))
    host.commit(REPOSITORY, {"x": "1"})
    with pytest.raises(ActionFailed, match="changes nothing in main"):
        await stage.run(PROPOSE["gitlab"], **proposed(host))
    with pytest.raises(InputRefused, match=r"targetBranchName: .* has no branch 'trunk'"):
        await stage.run(PROPOSE["gitlab"], **proposed(host, targetBranchName="trunk"))
    with pytest.raises(InputRefused, match="commitAction: skip needs a branch"):
        await stage.run(PROPOSE["gitlab"], **proposed(host, commitAction="skip"))
    assert host.pulls == []

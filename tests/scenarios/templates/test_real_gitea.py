"""publish:gitea and fetch:* with a real Gitea, where one is built (`tools/real-gitea`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.gitea import BINARY, NOT_BUILT, Gitea, running_gitea
from tests.scenarios.templates.conftest import World
from tests.scenarios.templates.test_actions_of_backstage import Stage, allow

from towpath.capabilities.portal.templates.actions.failures import ActionFailed, NameTaken

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY.exists(), reason=f"gitea is {NOT_BUILT}"),
]


@pytest.fixture(scope="module")
def gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    with running_gitea(tmp_path_factory.mktemp("gitea")) as running:
        assert running.ask("POST", "/orgs", {"username": "acme"}).status_code == 201
        yield running


@pytest.fixture
async def stage(world: World, tmp_path: Path, gitea: Gitea) -> Stage:
    place = tmp_path / "stage"
    place.mkdir()
    await allow(world, gitea.host)
    return Stage(world, place)


def given(gitea: Gitea, owner: str, repo: str, **more: Any) -> dict[str, Any]:
    url = f"{gitea.host}?owner={owner}&repo={repo}"
    return {"repoUrl": url, "token": gitea.token, "description": "A shop", **more}


def names(gitea: Gitea, repo: str, branch: str = "main") -> dict[str, str]:
    """The files there, and their modes."""
    tree = gitea.ask("GET", f"/repos/{repo}/git/trees/{branch}?recursive=true").json()["tree"]
    return {one["path"]: one["mode"] for one in tree if one["type"] == "blob"}


@pytest.mark.parametrize("owner", ["acme", "alice"])
async def test_a_repository_is_made_filled_and_taken_back(
    stage: Stage, gitea: Gitea, owner: str
) -> None:
    stage.lay({"README.md": "# Shop\n", "d/a b.txt": "1", "ü/ö.txt": "é", "run.sh": "#!/bin/sh\n"})
    (stage.workspace / "run.sh").chmod(0o755)
    (stage.workspace / "image.bin").write_bytes(bytes(range(256)))
    wanted = given(gitea, owner, "shop", repoVisibility="public", gitCommitMessage="First")
    output = await stage.run("publish:gitea", **wanted)
    about = gitea.ask("GET", f"/repos/{owner}/shop").json()
    assert about["description"] == "A shop"
    assert about["private"] is False
    assert about["default_branch"] == "main"
    assert about["clone_url"] == output["remoteUrl"]
    assert names(gitea, f"{owner}/shop") == {
        "README.md": "100644",
        "d/a b.txt": "100644",
        "image.bin": "100644",
        "run.sh": "100755",
        "ü/ö.txt": "100644",
    }
    (commit,) = gitea.ask("GET", f"/repos/{owner}/shop/commits").json()
    assert commit["sha"] == output["commitHash"]
    assert commit["commit"]["message"].strip() == "First"
    raw = gitea.ask("GET", f"/repos/{owner}/shop/raw/image.bin")
    assert raw.content == bytes(range(256))
    assert await stage.run("publish:gitea", **wanted) == output, "a second time, after a crash"
    undo = stage.actions["publish:gitea"].undo
    assert undo is not None
    await undo(stage.context(wanted))
    assert gitea.ask("GET", f"/repos/{owner}/shop").status_code == 404


async def test_a_private_repository_on_a_branch_of_another_name(stage: Stage, gitea: Gitea) -> None:
    stage.lay({"app/x": "1", "other": "2"})
    wanted = given(gitea, "acme", "hidden", defaultBranch="trunk", sourcePath="./app")
    output = await stage.run("publish:gitea", **wanted)
    about = gitea.ask("GET", "/repos/acme/hidden").json()
    assert (about["private"], about["default_branch"]) == (True, "trunk")
    assert names(gitea, "acme/hidden", "trunk") == {"x": "100644"}
    assert output["repoContentsUrl"] == f"http://{gitea.host}/acme/hidden/src/branch/trunk"
    url = output["repoContentsUrl"]
    await stage.run("fetch:plain", url=url, targetPath="back", token=gitea.token)
    assert stage.files["back/x"] == "1"
    with pytest.raises(ActionFailed, match="answered 404"):
        await stage.run("fetch:plain", url=url, targetPath="nobody")


async def test_what_is_there_already_is_left_alone(stage: Stage, gitea: Gitea) -> None:
    made = gitea.ask("POST", "/orgs/acme/repos", {"name": "theirs", "auto_init": True})
    assert made.status_code == 201
    stage.lay({"x": "1"})
    wanted = given(gitea, "acme", "theirs")
    with pytest.raises(NameTaken, match="acme/theirs already"):
        await stage.run("publish:gitea", **wanted)
    undo = stage.actions["publish:gitea"].undo
    assert undo is not None
    await undo(stage.context(wanted))
    assert set(names(gitea, "acme/theirs")) == {"README.md"}


async def test_a_token_that_is_none_and_an_owner_that_is_not_there(
    stage: Stage, gitea: Gitea
) -> None:
    stage.lay({"x": "1"})
    wrong = {**given(gitea, "acme", "a"), "token": "0" * 40}
    with pytest.raises(ActionFailed, match="answered 401"):
        await stage.run("publish:gitea", **wrong)
    with pytest.raises(ActionFailed, match=r"answered 404 to POST .*/orgs/nobody/repos"):
        await stage.run("publish:gitea", **given(gitea, "nobody", "a"))


async def test_the_workspace_is_proposed_and_taken_back(stage: Stage, gitea: Gitea) -> None:
    body = {"name": "proposed", "auto_init": True, "default_branch": "main"}
    assert gitea.ask("POST", "/orgs/acme/repos", body).status_code == 201
    stage.lay({"README.md": "# Newer\n", "run.sh": "#!/bin/sh\n"})
    (stage.workspace / "run.sh").chmod(0o755)
    wanted = given(gitea, "acme", "proposed", branchName="newer", title="Newer")
    action = stage.actions["publish:gitea:pull-request"]
    output = await stage.run(action.id, **wanted)
    pull = gitea.ask("GET", f"/repos/acme/proposed/pulls/{output['pullRequestNumber']}").json()
    assert (pull["title"], pull["html_url"]) == ("Newer", output["remoteUrl"])
    assert names(gitea, "acme/proposed", "newer") == {"README.md": "100644", "run.sh": "100755"}
    assert await stage.run(action.id, **wanted) == output, "a second time, after a crash"
    assert action.undo is not None
    await action.undo(stage.context(wanted))
    refs = gitea.ask("GET", "/repos/acme/proposed/git/refs/heads").json()
    assert [one["ref"] for one in refs] == ["refs/heads/main"]
    pull = gitea.ask("GET", f"/repos/acme/proposed/pulls/{output['pullRequestNumber']}").json()
    assert pull["state"] == "closed"

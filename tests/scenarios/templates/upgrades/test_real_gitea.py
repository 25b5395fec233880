"""A campaign over repositories on a real Gitea, where one is built (`tools/real-gitea`)."""

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.engines.gitea import BINARY, NOT_BUILT, Gitea, running_gitea
from tests.scenarios.templates.conftest import PROJECT_NAME
from tests.scenarios.templates.test_actions_of_backstage import allow
from tests.scenarios.templates.upgrades.conftest import LINES, V1, V2, Upgrading
from tests.scenarios.templates.upgrades.test_campaigns import (
    campaign,
    found,
    phases,
    set_campaign,
    until,
)
from tests.support import eventually

from towpath.capabilities.portal.remotes.kinds import PULL_REQUEST, REMOTE_REPOSITORY
from towpath.capabilities.portal.templates.upgrades.kinds import DONE, STOPPED, TEMPLATE_UPGRADE
from towpath.engines.git.port import RepositoryName
from towpath.hooks.outbound import HOSTS_ANNOTATION
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.objects import CommitSHA

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY.exists(), reason=f"gitea is {NOT_BUILT}"),
]

BRANCH = "towpath/upgrade-service"


@pytest.fixture(scope="module")
def gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    with running_gitea(tmp_path_factory.mktemp("gitea")) as running:
        assert running.ask("POST", "/orgs", {"username": "acme"}).status_code == 201
        yield running


class Elsewhere:
    """Services of the template whose repositories are on the Gitea."""

    def __init__(self, upgrading: Upgrading, gitea: Gitea) -> None:
        self.upgrading, self.gitea = upgrading, gitea

    async def secret(self) -> None:
        obj = SECRET.object("gitea", PROJECT_NAME)
        obj["metadata"]["annotations"] = {HOSTS_ANNOTATION: f"http://{self.gitea.host}"}
        obj["data"] = {"token": base64.b64encode(self.gitea.token.encode()).decode()}
        await self.upgrading.client.create(SECRET, obj)
        await allow(self.upgrading.world, self.gitea.host)

    async def move(self, name: str, checks_within: str) -> None:
        """From here to there: the same files, in a repository of Gitea's."""
        files = await self.upgrading.files(name)
        await self.upgrading.git.delete(
            RepositoryName(PROJECT_NAME, name), owner_uid=await self._owner(name)
        )
        self.gitea.ask("DELETE", f"/repos/acme/{name}")
        made = self.gitea.ask("POST", "/orgs/acme/repos", {"name": name, "default_branch": "main"})
        assert made.status_code == 201, made.text
        self.commit(name, files)
        spec = {
            "host": "gitea",
            "url": f"http://{self.gitea.host}",
            "owner": "acme",
            "repository": name,
            "secret": "gitea",
            "interval": "1s",
            "checksWithin": checks_within,
        }
        remote = REMOTE_REPOSITORY.object(name, PROJECT_NAME, spec=spec)
        await self.upgrading.client.create(REMOTE_REPOSITORY, remote)

    async def _owner(self, name: str) -> str:
        ownership = await self.upgrading.git.ownership(RepositoryName(PROJECT_NAME, name))
        return str(ownership.owner_uid)

    def commit(self, name: str, files: dict[str, str], branch: str = "main") -> str:
        """By somebody at Gitea."""
        path = f"/repos/acme/{name}/contents"
        changes = []
        for file, text in files.items():
            known = self.gitea.ask("GET", f"{path}/{file}?ref={branch}")
            change: dict[str, Any] = {
                "operation": "create",
                "path": file,
                "content": base64.b64encode(text.encode()).decode(),
            }
            if known.status_code == 200:
                change |= {"operation": "update", "sha": known.json()["sha"]}
            changes.append(change)
        body = {"branch": branch, "message": "By hand", "files": changes}
        done = self.gitea.ask("POST", path, body)
        assert done.status_code == 201, done.text
        return str(done.json()["commit"]["sha"])

    def pulls(self, name: str, state: str = "open") -> list[Any]:
        return list(self.gitea.ask("GET", f"/repos/acme/{name}/pulls?state={state}").json())

    def file(self, name: str, path: str, branch: str = "main") -> str:
        return self.gitea.ask("GET", f"/repos/acme/{name}/raw/{path}?ref={branch}").text

    def report(self, name: str, commit: str, state: str) -> None:
        body = {"state": state, "context": "ci/build", "target_url": "http://ci.example/1"}
        done = self.gitea.ask("POST", f"/repos/acme/{name}/statuses/{commit}", body)
        assert done.status_code == 201, done.text


@pytest.fixture
async def elsewhere(upgrading: Upgrading, gitea: Gitea) -> AsyncIterator[Elsewhere]:
    made = Elsewhere(upgrading, gitea)
    await made.secret()
    yield made


async def served(elsewhere: Elsewhere, *names: str, checks_within: str = "0s") -> None:
    for name in names:
        await elsewhere.upgrading.make(name)
        await elsewhere.move(name, checks_within)


async def offered(elsewhere: Elsewhere, files: dict[str, str], *names: str) -> CommitSHA:
    """A newer version, which these are known to be behind."""
    commit = await elsewhere.upgrading.offer(files)
    for name in names:
        await elsewhere.upgrading.instance(name, "Behind")
    return commit


async def test_one_pull_request_updated_in_place_and_merged_there(elsewhere: Elsewhere) -> None:
    upgrading = elsewhere.upgrading
    await upgrading.offer(V1)
    await served(elsewhere, "shop")
    second = await offered(elsewhere, V2, "shop")
    await campaign(upgrading, second)
    await until(upgrading, lambda one: phases(one) == {"shop": "Ready"}, deadline_s=40)
    (pull,) = elsewhere.pulls("shop")
    assert pull["title"] == "Upgrade to the newer version of service"
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (BRANCH, "main")
    assert elsewhere.file("shop", "new.txt", BRANCH) == "new in shop\n"

    third = await upgrading.offer({**V2, "newer.txt": "of v3\n"})
    await set_campaign(upgrading, revision=third)

    async def is_newer() -> bool:
        return elsewhere.file("shop", "newer.txt", BRANCH) == "of v3\n"

    await eventually(is_newer, deadline_s=40)
    (pull,) = elsewhere.pulls("shop")
    commits = elsewhere.gitea.ask("GET", f"/repos/acme/shop/pulls/{pull['number']}/commits").json()
    assert len(commits) == 1, "the newer proposal replaces the old one"

    body = {"Do": "squash"}
    path = f"/repos/acme/shop/pulls/{pull['number']}/merge"
    await eventually(lambda: _is_merged(elsewhere, path, body), deadline_s=40)
    status = await until(upgrading, lambda one: one["phase"] == DONE, deadline_s=40)
    assert phases(status) == {"shop": "Merged"}

    async def is_said() -> bool:
        (found,) = (await upgrading.client.list(PULL_REQUEST, PROJECT_NAME)).items
        return bool(found["status"]["message"] == "It is merged.")

    await eventually(is_said, deadline_s=40)
    refs = elsewhere.gitea.ask("GET", "/repos/acme/shop/git/refs/heads").json()
    assert [one["ref"] for one in refs] == ["refs/heads/main"]


async def _has_pull(elsewhere: Elsewhere, name: str) -> bool:
    return bool(elsewhere.pulls(name))


async def _is_merged(elsewhere: Elsewhere, path: str, body: dict[str, str]) -> bool:
    """Gitea looks for conflicts first, and does not merge while it does."""
    return elsewhere.gitea.ask("POST", path, body).status_code == 200


async def test_failing_pipelines_there_stop_the_campaign_and_green_ones_are_merged(
    elsewhere: Elsewhere,
) -> None:
    upgrading = elsewhere.upgrading
    await upgrading.offer(V1)
    await served(elsewhere, "a", "b", checks_within="1h")
    second = await offered(elsewhere, V2, "a", "b")
    await campaign(upgrading, second, waves=[1], merge="WhenGreen", order="Name")
    await eventually(lambda: _has_pull(elsewhere, "a"), deadline_s=40)
    (pull,) = elsewhere.pulls("a")
    elsewhere.report("a", pull["head"]["sha"], "failure")
    status = await until(upgrading, lambda one: one["phase"] == STOPPED, deadline_s=40)
    assert phases(status) == {"a": "Failing", "b": "Waiting"}
    upgrade = await upgrading.client.get(TEMPLATE_UPGRADE, f"a-{second[:10]}", PROJECT_NAME)
    assert upgrade["status"]["checks"] == [
        {"run": "", "workflow": "ci/build", "phase": "Failed", "url": "http://ci.example/1"}
    ]
    assert upgrade["status"]["pullRequest"] == pull["html_url"]
    elsewhere.report("a", pull["head"]["sha"], "success")
    await until(upgrading, lambda one: phases(one)["a"] == "Merged", deadline_s=40)
    assert elsewhere.file("a", "new.txt") == "new in a\n"


async def test_what_people_commit_there_is_kept_and_what_they_close_is_closed(
    elsewhere: Elsewhere,
) -> None:
    upgrading = elsewhere.upgrading
    await upgrading.offer(V1)
    await served(elsewhere, "mine")
    elsewhere.commit("mine", {"app.txt": "\n".join([*LINES[:-1], "mine"]) + "\n"})
    second = await offered(elsewhere, V2, "mine")

    async def has_mine() -> bool:
        return "mine" in (await upgrading.files("mine"))["app.txt"]

    await eventually(has_mine, deadline_s=40)
    await campaign(upgrading, second)
    await until(upgrading, lambda one: phases(one) == {"mine": "Conflicted"}, deadline_s=40)

    await eventually(lambda: _has_pull(elsewhere, "mine"), deadline_s=40)
    elsewhere.commit("mine", {"app.txt": "settled\n"}, BRANCH)
    await until(upgrading, lambda one: phases(one) == {"mine": "Ready"}, deadline_s=40)
    third = await upgrading.offer({**V2, "newer.txt": "of v3\n"})
    await set_campaign(upgrading, revision=third)

    async def is_newer() -> bool:
        return elsewhere.file("mine", "newer.txt", BRANCH) == "of v3\n"

    await eventually(is_newer, deadline_s=40)
    assert elsewhere.file("mine", "app.txt", BRANCH) == "settled\n"
    (pull,) = elsewhere.pulls("mine")
    path = f"/repos/acme/mine/pulls/{pull['number']}"
    assert elsewhere.gitea.ask("PATCH", path, {"state": "closed"}).status_code == 201
    await until(upgrading, lambda one: phases(one) == {"mine": "Closed"}, deadline_s=40)
    assert (await found(upgrading))["phase"] == DONE


async def test_a_secret_goes_nowhere_but_where_it_may(
    elsewhere: Elsewhere,
) -> None:
    upgrading = elsewhere.upgrading
    spec = {
        "host": "gitea",
        "url": "https://elsewhere.example",
        "owner": "acme",
        "repository": "shop",
        "secret": "gitea",
    }
    obj = REMOTE_REPOSITORY.object("far", PROJECT_NAME, spec=spec)
    await upgrading.client.create(REMOTE_REPOSITORY, obj)

    async def is_refused() -> bool:
        got = await upgrading.client.get(REMOTE_REPOSITORY, "far", PROJECT_NAME)
        told = (got.get("status") or {}).get("conditions") or [{}]
        return "may not be sent to elsewhere.example" in str(told[0].get("message"))

    await eventually(is_refused, deadline_s=15)
    assert not (await upgrading.client.list(PULL_REQUEST, PROJECT_NAME)).items

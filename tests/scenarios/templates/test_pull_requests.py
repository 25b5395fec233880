"""PullRequest with every kind of Git host: opened once, followed both ways, merged, closed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.followed import follow
from tests.git_hosts import OWNERS, git_host
from tests.git_there import BAD, GOING, GOOD, REPOSITORY, GitHostOfOthers
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.served import served
from tests.support import eventually

from towpath.capabilities.portal.remotes.controllers import controllers
from towpath.capabilities.portal.remotes.kinds import PULL_REQUEST
from towpath.engines.git.port import MAIN, File, RepositoryName, Signature
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject

LOCAL = RepositoryName(PROJECT_NAME, "shop-here")
BRANCH = "towpath/newer"
REF = f"refs/heads/{BRANCH}"
ALICE = Signature("alice", "alice@example.com")


class Following:
    """A repository there, followed here."""

    def __init__(self, world: World, host: GitHostOfOthers) -> None:
        self.world, self.host = world, host
        self.git: Any = world.platform.git

    async def begin(self) -> None:
        self.host.make(REPOSITORY)
        self.host.commit(REPOSITORY, {"README.md": "# Old\n"})
        await follow(self.world.client, self.host, PROJECT_NAME, LOCAL.name)
        await eventually(lambda: self._is_here("README.md", "# Old\n"), deadline_s=20)

    async def _is_here(self, path: str, text: str, ref: str = MAIN) -> bool:
        try:
            head = await self.git.head(LOCAL, ref)
        except Exception as error:  # noqa: BLE001 - it is not there yet
            assert "shop-here" in str(error)
            return False
        file = await self.git.file(LOCAL, head, path) if head else None
        return file is not None and file.content.decode() == text

    async def here(self, path: str, text: str, ref: str = MAIN) -> None:
        await eventually(lambda: self._is_here(path, text, ref), deadline_s=20)

    async def commit(self, text: str) -> CommitSHA:
        """A newer proposal instead of the one before, as upgrades make it."""
        head = await self.git.head(LOCAL, REF)
        main = await self.git.head(LOCAL)
        tree = await self.git.snapshot(LOCAL, {"README.md": File(text.encode())})
        commit: CommitSHA = await self.git.commit_tree(
            LOCAL, tree, [main], message="Newer", author=ALICE
        )
        await self.git.move(LOCAL, REF, expected=head, new=commit, author=ALICE)
        return commit

    async def propose(self) -> None:
        spec = {"repository": LOCAL.name, "branch": BRANCH, "title": "Newer", "body": "Why"}
        await self.world.client.create(
            PULL_REQUEST, PULL_REQUEST.object("newer", PROJECT_NAME, spec=spec)
        )

    async def set(self, **spec: Any) -> None:
        await self.world.client.patch(PULL_REQUEST, "newer", PROJECT_NAME, {"spec": spec})

    async def status(self) -> RawObject:
        try:
            found = await self.world.client.get(PULL_REQUEST, "newer", PROJECT_NAME)
        except NotFound:
            return {}
        return found.get("status") or {}

    async def until(self, holds: Callable[[RawObject], bool]) -> RawObject:
        seen: list[RawObject] = [{}]

        async def check() -> bool:
            seen.append(await self.status())
            return holds(seen[-1])

        try:
            await eventually(check, deadline_s=20)
        except TimeoutError:
            raise AssertionError(seen[-1]) from None
        return seen[-1]

    def there(self) -> str:
        """What is proposed there, as a commit."""
        return self.host.head(self.host.pulls[0])

    def text(self) -> str:
        return self.host.files(REPOSITORY, self.there())["README.md"]

    async def says_there(self, text: str) -> None:
        async def check() -> bool:
            return self.text() == text

        await eventually(check, deadline_s=20)


@pytest.fixture(params=sorted(OWNERS))
async def following(
    request: pytest.FixtureRequest, tmp_path: Path, world: World
) -> AsyncIterator[Following]:
    folder = tmp_path / "host"
    folder.mkdir()
    host = git_host(request.param, folder)
    async with served(host) as url:
        host.url = url
        tasks = [asyncio.create_task(one.run()) for one in controllers(world.platform)]
        try:
            made = Following(world, host)
            await made.begin()
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_is_opened_updated_checked_and_merged(following: Following) -> None:
    host = following.host
    await following.commit("# New\n")
    await following.propose()
    status = await following.until(lambda one: one.get("phase") == "Open")
    (pull,) = host.pulls
    assert (pull.title, pull.base) == ("Newer", "main")
    assert status["url"].startswith(host.url)
    assert following.text() == "# New\n"
    commit = await following.commit("# Newer\n")
    await following.says_there("# Newer\n")
    await following.set(title="Newest")
    await following.until(lambda one: one["head"] == commit)
    for word, phase in ((GOING, "Running"), (BAD, "Failed"), (GOOD, "Succeeded")):
        host.checks[following.there()] = word
        await following.until(
            lambda one, phase=phase: [check["phase"] for check in one["checks"]] == [phase]  # type: ignore[misc]
        )
    if host.kind != "gerrit":
        await eventually(lambda: _is(lambda: pull.title == "Newest"), deadline_s=20)
    assert len(host.pulls) == 1
    await following.set(merge={"commit": commit})
    await following.until(lambda one: one["phase"] == "Merged")
    assert pull.state == "merged"
    await following.here("README.md", "# Newer\n")
    assert REF not in host.refs(REPOSITORY)


async def _is(holds: Callable[[], bool]) -> bool:
    return holds()


async def test_what_is_committed_there_comes_here_and_closing_is_closing(
    following: Following,
) -> None:
    host = following.host
    await following.commit("# New\n")
    await following.propose()
    await following.until(lambda one: one.get("phase") == "Open")
    if host.kind == "gerrit":
        _another_patch_set(host)
    else:
        host.commit(REPOSITORY, {"README.md": "# Theirs\n"}, REF)
    await following.here("README.md", "# Theirs\n", REF)
    await following.until(lambda one: one["pushed"] == following.there())
    assert following.text() == "# Theirs\n"
    await following.set(closed=True)
    await following.until(lambda one: one["phase"] == "Closed")
    assert host.pulls[0].state == "closed"


def _another_patch_set(host: GitHostOfOthers) -> None:
    """By somebody who has amended the commit."""
    message = host.git(REPOSITORY, "log", "-1", "--format=%B", host.pulls[0].head).decode()
    ref = "refs/for/main"
    host.git(REPOSITORY, "update-ref", ref, host.refs(REPOSITORY)["refs/heads/main"])
    host.commit(REPOSITORY, {"README.md": "# Theirs\n"}, ref, message)
    host.take_changes(REPOSITORY)


@pytest.mark.parametrize("following", ["gitea"], indirect=True)
async def test_a_host_that_says_no_is_quoted_and_asked_again(following: Following) -> None:
    host = following.host
    await following.commit("# New\n")
    host.token = "another"
    await following.propose()
    status = await following.until(lambda one: "answered 401" in str(one.get("message")))
    assert host.token not in str(status)
    host.token = "t0ken"
    await following.set(body="again")
    await following.until(lambda one: one.get("phase") == "Open")


@pytest.mark.parametrize("following", ["gitlab"], indirect=True)
async def test_only_what_was_looked_at_is_merged(following: Following) -> None:
    host = following.host
    first = await following.commit("# New\n")
    await following.propose()
    await following.until(lambda one: one.get("phase") == "Open")
    second = await following.commit("# Newer\n")
    await following.set(merge={"commit": first})
    await following.until(lambda one: "another commit since" in str(one.get("message")))
    host.checks[second] = BAD
    await following.set(merge={"commit": second})
    await following.until(lambda one: "a check fails" in str(one.get("message")))
    assert host.pulls[0].state == "open"


@pytest.mark.parametrize("following", ["bitbucketServer"], indirect=True)
async def test_a_branch_that_was_there_before_is_left_alone(following: Following) -> None:
    host = following.host
    theirs = host.commit(REPOSITORY, {"README.md": "# Theirs\n"}, REF)
    await following.commit("# New\n")
    await following.propose()

    async def is_told() -> bool:
        found = await following.world.client.get(PULL_REQUEST, "newer", PROJECT_NAME)
        return "BranchTaken" in str(found.get("status"))

    await eventually(is_told, deadline_s=20)
    assert host.refs(REPOSITORY)[REF] == theirs
    assert host.pulls == []

"""Checkout as a real clone, over HTTP from the real Git host, when a workflow asks for git."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.scenarios.pipelines.conftest import ADA, FILE, REPOSITORY, Bench

from towpath.apiserver.http.wire.listener import Listener
from towpath.engines.ci.engine import CIEngine
from towpath.engines.git.embedded import EmbeddedGitHost
from towpath.engines.git.port import File
from towpath.engines.processes.host import SupervisedProcesses
from towpath.machinery.users import AccessRequest, UserInfo
from towpath.records.sqlite import SqliteRecords

TOKEN = "token-of-the-pipeline"
WORKFLOW = """
on: push
jobs:
  a:
    runs-on: x
    steps:
      - uses: actions/checkout@v5
        with: {fetch-depth: DEPTH}
      - run: |
          git log --format=%s | head -3
          git rev-parse HEAD
          git status --porcelain
          grep -c "$TOKEN" .git/config || true
        env: {TOKEN: "${{ github.token }}"}
"""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Bench]:
    """A Git host that lets nobody in without the token."""

    async def who(token: str) -> UserInfo | None:
        return UserInfo("pipeline") if token == TOKEN else None

    async def may(user: UserInfo, request: AccessRequest) -> bool:
        return user.name == "pipeline" and request.verb == "get"

    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "runs").mkdir()
    ports: list[int] = []
    async with (
        SqliteRecords(data_dir / "records.db") as records,
        SupervisedProcesses(data_dir / "run", grace_s=1.0) as processes,
        EmbeddedGitHost(data_dir / "git", lambda: f"http://127.0.0.1:{ports[0]}", who, may) as git,
        Listener(git.app, port=0) as listener,
        CIEngine(
            git=git,
            processes=processes,
            logs=records.logs,
            runs_dir=data_dir / "runs",
            cache_dir=tmp_path / "cache",
        ) as engine,
    ):
        ports.append(listener.port)
        await git.create(REPOSITORY, owner_uid="owner")
        for message in ("First", "Second"):
            await git.write(
                REPOSITORY,
                {"a.txt": File(message.encode())},
                message=message,
                author=ADA,
                expected=await git.head(REPOSITORY),
            )
        yield Bench(engine, git, records, processes, data_dir)


@pytest.mark.parametrize(
    ("depth", "subjects"),
    [
        pytest.param("0", ["Change", "Second", "First"], id="the whole history"),
        pytest.param("1", ["Change"], id="only the commit"),
    ],
)
async def test_a_clone_as_deep_as_asked(served: Bench, depth: str, subjects: list[str]) -> None:
    url = served.git.clone_url(REPOSITORY)
    outcome = await served.do(WORKFLOW.replace("DEPTH", depth), clone_url=url)
    assert outcome.phase == "Succeeded", (outcome.state, await outcome.log("a", 1))
    log = await outcome.log("a", 2)
    assert log == [*subjects, str(outcome.order.commit), "0"]


async def test_a_commit_that_is_not_the_head_any_more(served: Bench) -> None:
    order = await served.order(WORKFLOW.replace("DEPTH", "1"))
    await served.git.write(
        REPOSITORY,
        {FILE: File(b"# newer")},
        message="Newer",
        author=ADA,
        expected=order.commit,
    )
    order = replace(order, clone_url=served.git.clone_url(REPOSITORY))
    outcome = await served.run(order)
    assert outcome.phase == "Succeeded", await outcome.log("a", 1)
    assert str(order.commit) in await outcome.log("a", 2)


async def test_without_a_token_the_clone_fails_and_says_so(served: Bench) -> None:
    url = served.git.clone_url(REPOSITORY)
    outcome = await served.do(WORKFLOW.replace("DEPTH", "1"), clone_url=url, token="")
    assert outcome.phase == "Failed"
    assert "could not fetch" in outcome.job("a").message

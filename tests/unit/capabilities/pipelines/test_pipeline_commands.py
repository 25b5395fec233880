"""The commands and reads of pipelines, against a real API server and real records."""

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support import running_api_server

from towpath.capabilities.delivery.pipelines.commands import (
    pipeline_cancel,
    pipeline_logs,
    pipeline_rerun,
    pipelines,
)
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN, PIPELINE_RUN_CRD
from towpath.capabilities.delivery.pipelines.reads import reads
from towpath.capabilities.delivery.pipelines.reconcile.triggers import run_labels
from towpath.client.protocols import Client
from towpath.hooks.commands import CommandError, Terminal
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.machinery.core_kinds import NAMESPACE
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer
from towpath.records.sqlite import SqliteRecords

WORKFLOW = ".github/workflows/ci.yaml"
COMMIT = "0123456789" * 4
RUN = "orders-ci-0123456789"
MEMBER = Viewer(UserInfo("alice"), frozenset({"demo"}))
STRANGER = Viewer(UserInfo("mallory"), frozenset({"other"}))


class Screen:
    """A terminal without a screen, whose reads go straight to the read API's functions."""

    def __init__(self, api: Client, answers: Sequence[Read]) -> None:
        self.api = api
        self.rows: list[Mapping[str, str]] = []
        self.said: list[str] = []
        self._answers = answers

    async def user(self) -> str:
        return "alice"

    def show(self, data: Any, rows: Sequence[Mapping[str, str]] | None = None) -> None:
        self.rows = list(rows or ())

    def say(self, text: str) -> None:
        self.said.append(text)

    async def follow(self, path: str, **parameters: str) -> AsyncIterator[Any]:
        stream = path.removeprefix("logs/")
        answer: Any = self._answers[0].answer(MEMBER, {**parameters, "stream": stream})
        async for line in answer:
            yield line


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    async with SqliteRecords(tmp_path / "records.db") as records:
        yield records


@pytest.fixture
async def screen(records: SqliteRecords) -> AsyncIterator[Screen]:
    platform = cast(Platform, SimpleNamespace(logs=records.logs))
    async with running_api_server(kinds=[PIPELINE_RUN_CRD]) as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("demo"))
        yield Screen(client, reads(platform))


async def make_run(screen: Screen, name: str = RUN, phase: str = "Succeeded") -> RawObject:
    run = PIPELINE_RUN.object(
        name,
        "demo",
        spec={
            "repository": "orders",
            "ref": "refs/heads/main",
            "commit": COMMIT,
            "workflow": WORKFLOW,
        },
    )
    run["metadata"]["labels"] = run_labels("orders", WORKFLOW, COMMIT)
    await screen.api.create(PIPELINE_RUN, run)
    steps = [
        {"number": 1, "name": "Build", "phase": "Succeeded"},
        {"number": 2, "name": "Deploy", "phase": "Skipped"},
    ]
    job = {"id": "test", "job": "test", "name": "test", "phase": phase, "steps": steps}
    status = {"phase": phase, "message": "a sentence", "progress": "1/1", "jobs": [job]}
    return await screen.api.patch(
        PIPELINE_RUN, name, "demo", {"status": status}, subresource="status"
    )


async def test_runs_are_listed(screen: Screen) -> None:
    await make_run(screen)
    await pipelines(cast(Terminal, screen), "orders", project="demo")
    assert [(row["name"], row["phase"], row["ref"]) for row in screen.rows] == [
        (RUN, "Succeeded", "main")
    ]
    await pipelines(cast(Terminal, screen), "other", project="demo")
    assert screen.rows == []


async def test_logs_print_the_steps_that_ran(
    screen: Screen, records: SqliteRecords, capsys: pytest.CaptureFixture[str]
) -> None:
    await make_run(screen)
    records.logs.append(f"pipelinerun/demo/{RUN}/test/1", ["one", "two"])
    await records.logs.settled()
    await pipeline_logs(cast(Terminal, screen), RUN, project="demo")
    assert capsys.readouterr().out == "one\ntwo\n"
    assert screen.said == ["== test / 1 Build", f"{RUN}: Succeeded, a sentence"]


async def test_following_a_run_that_failed_fails(screen: Screen) -> None:
    await make_run(screen, phase="Failed")
    with pytest.raises(CommandError, match="a sentence"):
        await pipeline_logs(cast(Terminal, screen), RUN, follow=True, project="demo")


async def test_cancel_asks_the_run_to_stop(screen: Screen) -> None:
    await make_run(screen, phase="Running")
    await pipeline_cancel(cast(Terminal, screen), RUN, project="demo")
    assert (await screen.api.get(PIPELINE_RUN, RUN, "demo"))["spec"]["cancel"] is True


async def test_what_has_ended_cannot_be_cancelled(screen: Screen) -> None:
    await make_run(screen)
    with pytest.raises(CommandError):
        await pipeline_cancel(cast(Terminal, screen), RUN, project="demo")


async def test_each_rerun_gets_the_next_number(screen: Screen) -> None:
    await make_run(screen)
    for run, expected in ((RUN, f"{RUN}-2"), (f"{RUN}-2", f"{RUN}-3"), (RUN, f"{RUN}-4")):
        await pipeline_rerun(cast(Terminal, screen), run, project="demo")
        assert screen.rows[0]["name"] == expected
    spec = (await screen.api.get(PIPELINE_RUN, f"{RUN}-4", "demo"))["spec"]
    assert (spec["attempt"], spec["actor"], spec["commit"]) == (4, "alice", COMMIT)


@pytest.mark.parametrize(
    ("viewer", "parameters", "error"),
    [
        pytest.param(STRANGER, {"stream": f"pipelinerun/demo/{RUN}/a/1"}, NotFound, id="no member"),
        pytest.param(MEMBER, {"stream": "pipelinerun"}, NotFound, id="no project"),
        pytest.param(MEMBER, {"stream": "pipelinerun//x"}, NotFound, id="an empty project"),
        pytest.param(
            MEMBER, {"stream": "pipelinerun/demo/x", "after": "x"}, BadRequest, id="no number"
        ),
    ],
)
async def test_reads_are_refused_before_the_first_line(
    screen: Screen,
    records: SqliteRecords,
    viewer: Viewer,
    parameters: dict[str, str],
    error: type[Exception],
) -> None:
    read = reads(cast(Platform, SimpleNamespace(logs=records.logs)))[0]
    with pytest.raises(error):
        read.answer(viewer, parameters)

"""Runs of templates from the outside: create objects, look at the world."""

import asyncio
import contextlib
import random
from pathlib import Path
from typing import Any, cast

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates import seeding
from towpath.capabilities.portal.templates.kinds import (
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
    log_prefix,
    step_stream,
)
from towpath.capabilities.portal.templates.progress import is_finished
from towpath.capabilities.portal.templates.reads import reads
from towpath.engines.git.port import File, RepositoryName, RepositoryNotFound, Signature
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext
from towpath.machinery.documents import load_document
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer

REPOSITORY = RepositoryName(PROJECT_NAME, "order-service")
PUBLISH = {
    "id": "publish",
    "action": "publish:towpath",
    "input": {"repoUrl": "h?owner=${{ towpath.project }}&repo=${{ parameters.name }}"},
}


def phases(run: RawObject) -> dict[str, str]:
    return {step["id"]: step["phase"] for step in run["status"]["steps"]}


async def golden_path_offered(world: World) -> None:
    async def offered() -> bool:
        try:
            await world.client.get(SOFTWARE_TEMPLATE, "python-service", SYSTEM_NAMESPACE)
        except NotFound:
            return False
        return True

    await eventually(offered)


async def nothing_is_left(world: World) -> bool:
    try:
        await world.platform.git.head(REPOSITORY)
    except RepositoryNotFound:
        workloads = await world.client.list(WORKLOAD, PROJECT_NAME)
        sources = await world.client.list(CATALOG_SOURCE, PROJECT_NAME)
        folders = list((world.platform.data_dir / "runs").glob("*"))
        return not workloads.items and not sources.items and not folders
    return False


async def test_the_golden_path_makes_repository_workload_and_catalogue_source(world: World) -> None:
    async with world.running():
        await golden_path_offered(world)
        await world.start("r", "python-service", name="order-service", greeting='Say "hi"')
        run = await world.finished("r")

    assert run["status"]["phase"] == "Succeeded", run["status"]
    git = world.platform.git
    head = await git.head(REPOSITORY)
    assert head is not None
    files = await git.files(REPOSITORY, head)
    assert b'GREETING = "Say \\"hi\\""' in files["src/order_service/app.py"].content
    assert load_document(files["score.yaml"].content)["metadata"]["name"] == "order-service"
    assert b"owner: group:default/team-a" in files["catalog-info.yaml"].content
    provenance = load_document(files[".towpath/template.yaml"].content)
    assert provenance["parameters"] == {"name": "order-service", "greeting": 'Say "hi"'}
    workload = await world.client.get(WORKLOAD, "order-service", PROJECT_NAME)
    assert workload["spec"]["environments"] == ["staging", "production"]
    assert workload["spec"]["owner"] == "team-a"
    source = await world.client.get(CATALOG_SOURCE, "order-service", PROJECT_NAME)
    assert source["spec"]["path"] == "catalog-info.yaml"
    assert [link["title"] for link in run["status"]["output"]["links"]] == [
        "Repository",
        "Component",
    ]


async def test_a_name_that_is_taken_fails_before_anything_is_made(world: World) -> None:
    await world.platform.git.create(REPOSITORY, owner_uid="somebody-else")
    async with world.running():
        await golden_path_offered(world)
        await world.start("r", "python-service", name="order-service")
        run = await world.finished("r")

    assert run["status"]["phase"] == "Failed"
    assert "demo/order-service exists already" in run["status"]["message"]
    assert not (await world.client.list(WORKLOAD, PROJECT_NAME)).items


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a missing parameter": ({}, "parameters.name: is required"),
    "a name that does not fit": ({"name": "Not OK"}, "parameters.name"),
    "a name of a dependency": ({"name": "starlette"}, "must not be one of"),
    "a value that is not offered": ({"name": "ok", "databaseSize": "huge"}, "databaseSize"),
}


@pytest.mark.parametrize(("parameters", "reason"), REFUSED.values(), ids=REFUSED.keys())
async def test_wrong_parameters_are_refused_by_field(
    world: World, parameters: dict[str, Any], reason: str
) -> None:
    async with world.running():
        await golden_path_offered(world)
        await world.start("r", "python-service", **parameters)
        run = await world.finished("r")
    assert run["status"]["phase"] == "Failed"
    assert reason in run["status"]["message"]


async def test_a_template_that_is_not_there_is_named(world: World) -> None:
    async with world.running():
        await world.start("r", "no-such-path")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Failed"
    assert "no-such-path" in run["status"]["message"]


async def test_an_unknown_action_is_named_at_the_template_and_at_the_run(world: World) -> None:
    await world.template("t", [{"action": "publish:nowhere"}])
    async with world.running():
        await world.start("r", "t")
        run = await world.finished("r")

        async def said() -> bool:
            template = await world.client.get(SOFTWARE_TEMPLATE, "t", SYSTEM_NAMESPACE)
            conditions = template.get("status", {}).get("conditions") or []
            return any("publish:nowhere" in condition["message"] for condition in conditions)

        await eventually(said)
    assert "publish:nowhere" in run["status"]["message"]


async def test_conditions_loops_and_outputs(world: World) -> None:
    async def echo(context: ActionContext) -> dict[str, Any]:
        return {"said": context.input["say"]}

    world.add_action("echo", echo)
    steps = [
        {"id": "skipped", "action": "echo", "if": "${{ parameters.no }}", "input": {"say": 1}},
        {"id": "word", "action": "echo", "if": "false", "input": {"say": "a"}},
        {
            "id": "each",
            "action": "echo",
            "each": "${{ parameters.list }}",
            "if": "${{ each.value != 'drop' }}",
            "input": {"say": "${{ each.key }}=${{ each.value }}"},
        },
        {"id": "last", "action": "echo", "input": {"say": "${{ steps.each.output.said }}"}},
    ]
    links = [
        {"title": "shown", "if": "${{ parameters.absent }}", "url": "u"},
        {"title": "hidden", "if": "${{ parameters.no }}", "url": "u"},
    ]
    output = {"links": links, "text": [{"content": "${{ steps.word.output.said }}"}]}
    await world.template("t", steps, output=output)
    async with world.running():
        await world.start("r", "t", no=False, list=["x", "drop", "y"])
        run = await world.finished("r")
    assert phases(run) == {
        "skipped": "Skipped",
        "word": "Succeeded",
        "each": "Succeeded",
        "last": "Succeeded",
    }
    assert run["status"]["steps"][3]["output"] == {"said": ["0=x", "2=y"]}
    assert run["status"]["output"] == {
        "links": [{"title": "shown", "url": "u"}],
        "text": [{"content": "a"}],
    }


async def test_a_failed_run_undoes_what_it_made_and_keeps_the_log(world: World) -> None:
    async def explode(context: ActionContext) -> dict[str, Any]:
        context.log("about to fail")
        raise RuntimeError("the disk is on fire")

    world.add_action("explode", explode)
    world.add_action("write", _write_a_file)
    await world.template("t", [{"action": "write"}, PUBLISH, {"id": "boom", "action": "explode"}])
    async with world.running():
        await world.start("r", "t", name="order-service")
        run = await world.finished("r")
    assert run["status"]["phase"] == "Undone"
    assert phases(run) == {"step-1": "Succeeded", "publish": "Undone", "boom": "Failed"}
    assert "the disk is on fire" in run["status"]["message"]
    assert await nothing_is_left(world)
    lines = await world.platform.logs.read(step_stream(PROJECT_NAME, "r", "boom"))
    assert [line.text for line in lines][:2] == ["about to fail", "Failed: the disk is on fire"]


async def _write_a_file(context: ActionContext) -> dict[str, Any]:
    await asyncio.to_thread((context.workspace / "README.md").write_text, "hello")
    return {}


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_platform_that_dies_in_a_step_goes_on_where_it_was(
    world: World, point: str
) -> None:
    """`before` the action has done its work, or `after` it and before that is written down."""
    reached = asyncio.Event()
    calls: list[str] = []

    async def stuck(context: ActionContext) -> dict[str, Any]:
        first = not calls
        calls.append(context.step)
        if point == "after" or not first:
            await publish_run(context)
        if first:
            reached.set()
            await asyncio.Event().wait()
        return {}

    world.add_action("write", _write_a_file)
    world.add_action("stuck", stuck)
    offered = world.platform.template_actions()
    publish_run = offered["publish:towpath"].run
    await world.template("t", [{"action": "write"}, {**PUBLISH, "action": "stuck"}])
    async with world.running():
        await world.start("r", "t", name="order-service")
        await asyncio.wait_for(reached.wait(), 5)
    async with world.running():
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert calls == ["publish", "publish"]
    head = await world.platform.git.head(REPOSITORY)
    assert head is not None
    assert sorted(await world.platform.git.files(REPOSITORY, head)) == [
        ".towpath/template.yaml",
        "README.md",
    ]


async def test_deleting_a_run_that_goes_on_undoes_it(world: World) -> None:
    reached = asyncio.Event()
    go_on = asyncio.Event()

    async def wait(context: ActionContext) -> dict[str, Any]:
        reached.set()
        await go_on.wait()
        return {}

    world.add_action("write", _write_a_file)
    world.add_action("wait", wait)
    await world.template("t", [{"action": "write"}, PUBLISH, {"action": "wait"}])
    async with world.running():
        await world.start("r", "t", name="order-service")
        await asyncio.wait_for(reached.wait(), 5)
        await world.client.delete(TEMPLATE_RUN, "r", PROJECT_NAME)
        go_on.set()

        async def gone() -> bool:
            runs = await world.client.list(TEMPLATE_RUN, PROJECT_NAME)
            return not runs.items and await nothing_is_left(world)

        await eventually(gone)


async def test_deleting_a_finished_run_deletes_nothing_else(world: World) -> None:
    world.add_action("write", _write_a_file)
    await world.template("t", [{"action": "write"}, PUBLISH])
    async with world.running():
        await world.start("r", "t", name="order-service")
        await world.finished("r")
        await world.client.delete(TEMPLATE_RUN, "r", PROJECT_NAME)
    assert await world.platform.git.head(REPOSITORY) is not None


async def test_a_run_cannot_be_changed(world: World) -> None:
    await world.start("r", "t", name="a")
    patch = {"spec": {"parameters": {"name": "b"}}}
    with pytest.raises(Exception, match="cannot be changed"):
        await world.client.patch(TEMPLATE_RUN, "r", PROJECT_NAME, patch)


FOREIGN = {
    "a repository of another project": {**PUBLISH, "input": {"repoUrl": "h?owner=other&repo=x"}},
    "a skeleton outside the template": {"action": "fetch:plain", "input": {"url": "../../../etc"}},
    "a skeleton by address": {"action": "fetch:template", "input": {"url": "https://h/x"}},
    "a target outside the workspace": {
        "action": "fetch:plain",
        "input": {"url": ".", "targetPath": "../template"},
    },
}


@pytest.mark.parametrize("step", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_template_cannot_leave_its_place(world: World, step: RawObject) -> None:
    await world.template("t", [step])
    async with world.running():
        await world.start("r", "t", name="x")
        run = await world.finished("r")
    assert run["status"]["phase"] in ("Failed", "Undone")


async def test_templates_of_other_projects_are_refused(world: World) -> None:
    spec = {"template": {"name": "t", "namespace": "other"}, "requestedBy": "alice"}
    await world.client.create(TEMPLATE_RUN, TEMPLATE_RUN.object("r", PROJECT_NAME, spec=spec))
    async with world.running():
        run = await world.finished("r")
    assert "spec.template.namespace" in run["status"]["message"]


async def test_golden_paths_are_seeded_once_per_version(world: World) -> None:
    repository = RepositoryName("towpath", "golden-paths")
    async with world.running():
        await golden_path_offered(world)
    first = await world.platform.git.head(repository)
    async with world.running():
        await world.template("t", [])
        await world.start("r", "t")
        await world.finished("r")
    assert await world.platform.git.head(repository) == first


@pytest.mark.parametrize("seed", range(12))
async def test_killed_at_any_time_a_run_comes_to_the_same_end(world: World, seed: int) -> None:
    """The controllers die at seeded random moments, again and again, and the end is the same."""
    chance = random.Random(seed)
    async with world.running():
        await golden_path_offered(world)
    await world.start("r", "python-service", name="order-service")
    lives = 0
    while not await is_done(world):
        lives += 1
        patience_s = chance.uniform(0.0, 0.01) * lives
        async with world.running():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done(world), patience_s)
    run = await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME)
    assert run["status"]["phase"] == "Succeeded", run["status"]
    head = await world.platform.git.head(REPOSITORY)
    assert head == run["status"]["steps"][1]["output"]["commitHash"]
    assert len(await world.platform.git.files(REPOSITORY, head)) == 23
    assert len((await world.client.list(WORKLOAD, PROJECT_NAME)).items) == 1
    assert len((await world.client.list(CATALOG_SOURCE, PROJECT_NAME)).items) == 1
    assert not list((world.platform.data_dir / "runs").glob("*"))


async def is_done(world: World) -> bool:
    run = await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME)
    return is_finished(run) and not run["metadata"].get("finalizers")


async def done(world: World) -> None:
    await world.finished("r")


@pytest.mark.parametrize("seed", range(6))
async def test_killed_at_any_time_a_failed_run_is_undone_in_full(world: World, seed: int) -> None:
    async def explode(context: ActionContext) -> dict[str, Any]:
        raise RuntimeError("no")

    world.add_action("write", _write_a_file)
    world.add_action("explode", explode)
    workload = {
        "action": "towpath:workload",
        "input": {"name": "order-service", "repository": "order-service"},
    }
    await world.template("t", [{"action": "write"}, PUBLISH, workload, {"action": "explode"}])
    chance = random.Random(seed)
    await world.start("r", "t", name="order-service")
    lives = 0
    while not await is_done(world):
        lives += 1
        patience_s = chance.uniform(0.0, 0.005) * lives
        async with world.running():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done(world), patience_s)
    run = await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME)
    assert run["status"]["phase"] == "Undone"
    assert await nothing_is_left(world)


async def test_a_new_version_is_a_new_commit_and_takes_nothing_else_back(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped"
    folder = shipped / "one"
    folder.mkdir(parents=True)
    text = (
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\n"
        "metadata: {name: one, title: TITLE}\nspec: {type: service, steps: []}\n"
    )
    (folder / "template.yaml").write_text(text)
    (folder / "old.txt").write_text("old")
    monkeypatch.setattr(seeding, "SHIPPED", shipped)
    await seeding.seed_golden_paths(world.platform)
    git = world.platform.git
    mine = {"one/mine.txt": File(b"x"), "two/template.yaml": File(b"y")}
    author = Signature("alice", "a@b")
    head = await git.head(seeding.REPOSITORY)
    pushed = await git.write(seeding.REPOSITORY, mine, message="m", author=author, expected=head)
    await seeding.seed_golden_paths(world.platform)
    assert await git.head(seeding.REPOSITORY) == pushed

    (folder / "template.yaml").write_text(text.replace("TITLE", "Newer"))
    (folder / "old.txt").unlink()
    await seeding.seed_golden_paths(world.platform)
    head = await git.head(seeding.REPOSITORY)
    assert head is not None
    assert sorted(await git.files(seeding.REPOSITORY, head)) == [
        "one/template.yaml",
        "two/template.yaml",
    ]
    offered = await world.client.get(SOFTWARE_TEMPLATE, "one", SYSTEM_NAMESPACE)
    assert offered["spec"]["descriptor"]["metadata"]["title"] == "Newer"
    assert offered["spec"]["source"]["revision"] == head


async def read_log(world: World, viewer: Viewer, **parameters: str) -> list[str]:
    (read,) = reads(world.platform)
    lines = cast(Any, read.answer(viewer, {"project": PROJECT_NAME, **parameters}))
    return [line["text"] async for line in lines]


async def test_the_log_of_a_step_is_read_by_who_may_see_the_project(world: World) -> None:
    async def talk(context: ActionContext) -> dict[str, Any]:
        context.log("one\ntwo")
        return {}

    world.add_action("talk", talk)
    await world.template("t", [{"id": "say", "action": "talk"}, {"action": "debug:log"}])
    async with world.running():
        await world.start("r", "t")
        await world.finished("r")
        member = Viewer(UserInfo("alice"), frozenset({PROJECT_NAME}))
        await world.platform.logs.settled()
        assert await read_log(world, member, run="r", step="say") == ["one", "two"]
        assert await read_log(world, member, run="r", step="say", after="1") == ["two"]
        assert await read_log(world, member, run="r", step="never") == []
        assert await read_log(world, member, run="no", step="say") == []
        with pytest.raises(NotFound):
            await read_log(world, Viewer(UserInfo("eve"), frozenset()), run="r", step="say")
        with pytest.raises(BadRequest):
            await read_log(world, member, run="r", step="say", after="x")
        await world.client.delete(TEMPLATE_RUN, "r", PROJECT_NAME)

        async def forgotten() -> bool:
            return not await world.platform.logs.streams(log_prefix(PROJECT_NAME, "r"))

        await eventually(forgotten)


async def test_a_run_that_names_an_unknown_owner_makes_nothing(world: World) -> None:
    async with world.running():
        await golden_path_offered(world)
        await world.start("r", "python-service", name="order-service", owner="ghosts")
        run = await world.finished("r")
        assert run["status"]["phase"] == "Failed"
        assert "there is no group ghosts" in run["status"]["message"]
        assert await nothing_is_left(world)
        # A group that the catalogue does not have yet, and a project does.
        await world.start("s", "python-service", name="order-service", owner="team-a")
        assert (await world.finished("s"))["status"]["phase"] == "Succeeded"

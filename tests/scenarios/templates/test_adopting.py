"""Runs that adopt a repository: one commit with new files, taken back when the run fails."""

from typing import Any

import pytest
from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
)
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext
from towpath.machinery.documents import load_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject

BOATS = RepositoryName(PROJECT_NAME, "boats")
BOB = Signature("bob", "bob@example.org")
SITE = {"index.html": "<h1>Boats</h1>"}
NEW = {".github/workflows/towpath.yaml", "catalog-info.yaml", "score.yaml"}


async def pushed(
    world: World, files: dict[str, str], ref: str = "refs/heads/main", name: str = "boats"
) -> str:
    repository = RepositoryName(PROJECT_NAME, name)
    await world.platform.git.create(repository, owner_uid="pushed")
    content: dict[str, File | None] = {path: File(text.encode()) for path, text in files.items()}
    return await world.platform.git.write(
        repository, content, message="Mine", author=BOB, expected=None, ref=ref
    )


async def offered(world: World) -> None:
    async def is_offered() -> bool:
        try:
            await world.client.get(SOFTWARE_TEMPLATE, "adopt-repository", SYSTEM_NAMESPACE)
        except NotFound:
            return False
        return True

    await eventually(is_offered)


async def adopted(world: World, **parameters: Any) -> RawObject:
    async with world.running():
        await offered(world)
        await world.start("r", "adopt-repository", **{"repository": "boats", **parameters})
        return await world.finished("r")


async def paths(world: World) -> set[str]:
    head = await world.platform.git.head(BOATS)
    assert head is not None
    return set(await world.platform.git.files(BOATS, head))


async def test_one_commit_with_new_files_by_who_asked(world: World) -> None:
    first = await pushed(world, SITE)
    run = await adopted(world, port=9090, description="All about boats")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    git = world.platform.git
    head = await git.head(BOATS)
    assert head is not None
    story = await git.history(BOATS, head)
    assert [(one.sha, one.author.name) for one in story] == [(head, "alice"), (first, "bob")]
    assert {one.path for one in await git.changes(BOATS, first, head)} == NEW
    files = await git.files(BOATS, head)
    score = load_document(files["score.yaml"].content)
    assert score["service"]["ports"]["http"]["targetPort"] == 9090
    workload = await world.client.get(WORKLOAD, "boats", PROJECT_NAME)
    assert workload["spec"]["repository"] == "boats"
    assert workload["spec"]["environments"] == ["staging", "production"]
    await world.client.get(CATALOG_SOURCE, "boats", PROJECT_NAME)


async def test_what_lacks_nothing_is_not_committed_to_and_its_pipeline_runs(world: World) -> None:
    await pushed(world, SITE)
    await adopted(world)
    head = await world.platform.git.head(BOATS)
    for resource in (WORKLOAD, CATALOG_SOURCE):
        await world.client.delete(resource, "boats", PROJECT_NAME)
    async with world.running():
        await world.start("again", "adopt-repository", repository="boats")
        run = await world.finished("again")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    assert await world.platform.git.head(BOATS) == head
    (pipeline,) = (await world.client.list(PIPELINE_RUN, PROJECT_NAME)).items
    assert pipeline["spec"]["workflow"] == ".github/workflows/towpath.yaml"
    assert pipeline["spec"]["commit"] == head


async def test_a_run_that_fails_takes_its_files_back_and_leaves_the_rest(world: World) -> None:
    await pushed(world, SITE)
    source = CATALOG_SOURCE.object("boats", PROJECT_NAME, spec={"type": "git", "repository": "x"})
    await world.client.create(CATALOG_SOURCE, source)
    run = await adopted(world)
    assert run["status"]["phase"] == "Undone"
    assert "catalogue source boats" in run["status"]["message"]
    assert await paths(world) == set(SITE)
    with pytest.raises(NotFound):
        await world.client.get(WORKLOAD, "boats", PROJECT_NAME)


async def test_a_crash_between_steps_makes_nothing_twice(world: World) -> None:
    await pushed(world, SITE)
    async with world.running():
        await offered(world)
        await world.start("r", "adopt-repository", repository="boats")

        async def committed() -> bool:
            return await paths(world) >= NEW

        await eventually(committed, every_s=0.001)
    async with world.running():
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]
    head = await world.platform.git.head(BOATS)
    assert head is not None
    assert len(await world.platform.git.history(BOATS, head)) == 2


@pytest.mark.parametrize(
    ("files", "ref", "said"),
    [
        pytest.param({"go.mod": ""}, "refs/heads/main", "This is Go", id="a language"),
        pytest.param(SITE, "refs/heads/trunk", "trunk:main", id="no branch main"),
        pytest.param(None, "", "is empty", id="no commit"),
    ],
)
async def test_what_cannot_be_adopted_is_refused_before_anything_is_made(
    world: World, files: dict[str, str] | None, ref: str, said: str
) -> None:
    if files is None:
        await world.platform.git.create(BOATS, owner_uid="pushed")
    else:
        await pushed(world, files, ref)
    run = await adopted(world)
    assert run["status"]["phase"] == "Failed"
    assert said in run["status"]["message"]
    assert not (await world.client.list(WORKLOAD, PROJECT_NAME)).items


async def test_what_is_delivered_or_not_there_or_the_platforms_is_refused(world: World) -> None:
    await pushed(world, SITE)
    spec = {"repository": "boats", "environments": ["staging"]}
    await world.client.create(WORKLOAD, WORKLOAD.object("fleet", PROJECT_NAME, spec=spec))
    assert "delivered already, as fleet" in (await adopted(world))["status"]["message"]
    async with world.running():
        for name, said in (("nothing", "no repository"), ("deployments", "platform writes")):
            await world.start(name, "adopt-repository", repository=name)
            assert said in (await world.finished(name))["status"]["message"]


async def test_a_name_that_is_given_away_has_a_reason_of_its_own(world: World) -> None:
    spec = {"repository": "else", "environments": ["staging"]}
    await world.client.create(WORKLOAD, WORKLOAD.object("fleet", PROJECT_NAME, spec=spec))
    await pushed(world, SITE)
    run = await adopted(world, name="fleet")
    reasons = {one["type"]: one["reason"] for one in run["status"]["conditions"]}
    assert reasons["Planned"] == "NameTaken"


async def test_a_cancelled_run_takes_back_what_it_made_and_stays_to_be_read(world: World) -> None:
    went: list[str] = []

    async def wait(context: ActionContext) -> dict[str, Any]:
        note = {"metadata": {"annotations": {CANCELLED_BY: "bob"}}}
        await world.client.patch(TEMPLATE_RUN, "r", PROJECT_NAME, note)
        return {}

    async def undo(context: ActionContext) -> None:
        went.append(context.step)

    async def never(context: ActionContext) -> dict[str, Any]:
        raise AssertionError("it was cancelled before")

    world.add_action("slow", wait, undo)
    world.add_action("next", never)
    await world.template("t", [{"id": "one", "action": "slow"}, {"id": "two", "action": "next"}])
    async with world.running():
        await world.start("r", "t")
        run = await world.finished("r")
    assert (run["status"]["phase"], run["status"]["message"]) == ("Undone", "bob cancelled it.")
    assert went == ["one"]

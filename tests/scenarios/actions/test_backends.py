"""What actions do, each backend with the real thing behind it."""

import asyncio
from pathlib import Path
from typing import Any

from tests.followed import follow
from tests.git_hosts import git_host
from tests.git_there import REPOSITORY
from tests.scenarios.actions.world import DEMO, World
from tests.served import served
from tests.support import eventually

from towpath.capabilities.portal.actions.kinds import (
    ACTION_RUN,
    FAILED,
    SUCCEEDED,
    UNDONE,
    UNDONE_BY,
)
from towpath.capabilities.portal.remotes.controllers import controllers as remote_controllers
from towpath.capabilities.portal.remotes.kinds import REMOTE_REPOSITORY
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.objects import annotations_of

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap"}
TARGET = {**CONFIG, "name": "settings"}


def of_object(operation: str, **further: Any) -> dict[str, Any]:
    return {"type": "object", "object": {"operation": operation, **further}}


async def settings(world: World, **data: str) -> None:
    await world.platform.api.create(CONFIG_MAP, CONFIG_MAP.object("settings", DEMO, data=data))


async def undo(world: World, run: str, user: str = "bob") -> None:
    note = {"metadata": {"annotations": {UNDONE_BY: user}}}
    await world.user(user).patch(ACTION_RUN, run, DEMO, note)


async def test_an_object_is_made_as_the_requester_and_taken_back(world: World) -> None:
    manifest = {**CONFIG, "metadata": {"name": "${inputs.name}"}, "data": {"by": "${user.name}"}}
    await world.action(
        "note",
        backend=of_object("create", manifest=manifest),
        userInputs={"properties": {"name": {"type": "string"}}, "required": ["name"]},
        lease={"default": "24h", "max": "48h"},
    )
    await world.run("first", "note", inputs={"name": "jotted"})
    done = await world.until_phase("first", SUCCEEDED)
    assert done["status"]["links"][0]["title"] == "ConfigMap jotted"
    made = await world.platform.api.get(CONFIG_MAP, "jotted", DEMO)
    assert made["data"] == {"by": "bob"}
    assert "towpath.dev/expires" in annotations_of(made)
    await undo(world, "first")
    await world.until_phase("first", UNDONE)
    assert await world.delivery.here(CONFIG_MAP, "jotted", DEMO) is None


async def test_a_patch_knows_what_was_before(world: World) -> None:
    await settings(world, level="info", colour="blue")
    await world.action(
        "louder",
        operation="DAY-2",
        target={**CONFIG},
        userInputs={"properties": {"level": {"default": "${object.data.level + '!'}"}}},
        backend=of_object("patch", patch={"data": {"level": "${inputs.level}", "new": "x"}}),
    )
    await world.run("loud", "louder", target=TARGET)
    await world.until_phase("loud", SUCCEEDED)
    found = await world.platform.api.get(CONFIG_MAP, "settings", DEMO)
    assert found["data"] == {"level": "info!", "colour": "blue", "new": "x"}
    await undo(world, "loud")
    await world.until_phase("loud", UNDONE)
    found = await world.platform.api.get(CONFIG_MAP, "settings", DEMO)
    assert found["data"] == {"level": "info", "colour": "blue"}


async def test_what_was_changed_since_is_not_taken_back(world: World) -> None:
    await settings(world, level="info")
    backend = of_object("patch", patch={"data": {"level": "debug"}})
    await world.action("debug", operation="DAY-2", target={**CONFIG}, backend=backend)
    await world.run("once", "debug", target=TARGET)
    await world.until_phase("once", SUCCEEDED)
    await world.platform.api.patch(CONFIG_MAP, "settings", DEMO, {"data": {"level": "trace"}})
    await undo(world, "once")

    async def told() -> bool:
        return "changed since" in (await world.look("once"))["status"]["message"]

    await world.delivery.until(told, "the run says why it stays done")
    assert (await world.look("once"))["status"]["phase"] == SUCCEEDED


async def test_an_object_goes_and_does_not_come_back(world: World) -> None:
    await settings(world, level="info")
    await world.action("drop", operation="DELETE", target={**CONFIG}, backend=of_object("delete"))
    await world.run("gone", "drop", target=TARGET)
    await world.until_phase("gone", SUCCEEDED)
    assert await world.delivery.here(CONFIG_MAP, "settings", DEMO) is None


async def test_nobody_gets_rights_by_an_action(world: World) -> None:
    """A developer makes no stages, whatever the owner's action says."""
    manifest = {
        "apiVersion": "towpath.dev/v1alpha1",
        "kind": "Environment",
        "metadata": {"name": "mine"},
        "spec": {"cluster": "local"},
    }
    await world.action("leak", backend=of_object("create", manifest=manifest))
    await world.run("try", "leak")
    failed = await world.until_phase("try", FAILED)
    assert "cannot create resource" in failed["status"]["message"]
    await world.run("may", "leak", user="alice")
    await world.until_phase("may", SUCCEEDED)


async def test_files_are_committed_once_and_put_back(still: World) -> None:
    repository = RepositoryName(DEMO, "shop")
    git = still.platform.git
    await git.create(repository, owner_uid="1")
    author = Signature("alice", "alice@example.org")
    first = await git.write(
        repository, {"a.txt": File(b"old\n")}, message="First\n", author=author, expected=None
    )
    files = [{"path": "a.txt", "content": "${inputs.text}\n"}, {"path": "b.txt", "content": "b\n"}]
    commit = {"repository": "shop", "branch": "${'change-' + run.name}", "files": files}
    async with still.running():
        await still.action("edit", backend={"type": "commit", "commit": commit})
        await still.run("edited", "edit", inputs={"text": "new"})
        done = await still.until_phase("edited", SUCCEEDED)
        ref = "refs/heads/change-edited"
        head = await git.head(repository, ref)
        assert head == done["status"]["outputs"]["commit"]
        assert (await git.commit(repository, head)).parents == (first,)
        assert (await git.files(repository, head))["a.txt"].content == b"new\n"
        await undo(still, "edited")
        await still.until_phase("edited", UNDONE)
    head = await git.head(repository, ref)
    assert head is not None
    assert set(await git.files(repository, head)) == {"a.txt"}
    assert (await git.files(repository, head))["a.txt"].content == b"old\n"


async def test_files_of_another_host_are_proposed_once_and_withdrawn(
    still: World, tmp_path: Path
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    host = git_host("github", folder)
    host.make(REPOSITORY)
    host.commit(REPOSITORY, {"a.txt": "old\n"})
    commit = {"repository": "far", "files": [{"path": "a.txt", "content": "${inputs.text}\n"}]}
    async with served(host) as url, still.running():
        host.url = url
        tasks = [asyncio.create_task(one.run()) for one in remote_controllers(still.platform)]
        await follow(still.platform.api, host, DEMO, "far")

        async def is_here() -> bool:
            found = await still.platform.api.get(REMOTE_REPOSITORY, "far", DEMO)
            return bool((found.get("status") or {}).get("head"))

        await eventually(is_here)
        await still.action("edit", backend={"type": "commit", "commit": commit})
        await still.run("edited", "edit", inputs={"text": "new"})
        done = await still.until_phase("edited", SUCCEEDED)
        (pull,) = host.pulls
        assert done["status"]["outputs"]["pullRequest"] == f"{url}/acme/shop/pulls/1"
        assert host.files(REPOSITORY, host.head(pull)) == {"a.txt": "new\n"}
        assert host.files(REPOSITORY) == {"a.txt": "old\n"}
        await undo(still, "edited")
        await still.until_phase("edited", UNDONE)
        assert pull.state == "closed"
        assert list(host.refs(REPOSITORY)) == ["refs/heads/main"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_files_of_the_deployments_are_not_for_actions(world: World) -> None:
    files = [{"path": "x", "content": "y"}]
    backend = {"type": "commit", "commit": {"repository": "deployments", "files": files}}
    await world.action("sneak", backend=backend)
    await world.run("sneaking", "sneak", user="alice")
    failed = await world.until_phase("sneaking", FAILED)
    assert "changed by promotions" in failed["status"]["message"]


async def test_a_function_of_a_plugin_is_called_with_its_input(world: World) -> None:
    called: list[ActionContext] = []

    async def page(context: ActionContext) -> dict[str, Any]:
        called.append(context)
        context.log("paging")
        return {"ticket": 7}

    async def back(context: ActionContext) -> None:
        called.append(context)

    schema = {"type": "object", "properties": {"who": {"type": "string"}}}
    world.functions["pager:page"] = TemplateAction("pager:page", "Pages", schema, page, back)
    function = {"name": "pager:page", "input": {"who": "${inputs.who}"}}
    await world.action("page", backend={"type": "function", "function": function})
    await world.run("paged", "page", inputs={"who": "erin"})
    done = await world.until_phase("paged", SUCCEEDED)
    assert done["status"]["outputs"] == {"ticket": 7}
    assert (called[0].input, called[0].user) == ({"who": "erin"}, "bob")
    await undo(world, "paged")
    await world.until_phase("paged", UNDONE)
    assert len(called) == 2


async def test_an_action_may_name_its_own_way_back(world: World) -> None:
    """With what the run has answered, and under the rules of who wants it back."""
    manifest = {**CONFIG, "metadata": {"name": "${'made-' + run.name}"}}
    gone = {**CONFIG, "metadata": {"name": "${outputs.name}"}}
    await world.action(
        "note",
        permitted="user.name != 'dave'",
        backend=of_object("create", manifest=manifest),
        undo=of_object("delete", manifest=gone),
    )
    await world.run("first", "note")
    await world.until_phase("first", SUCCEEDED)
    await undo(world, "first", "dave")

    async def refused() -> bool:
        return "dave may not run it here" in (await world.look("first"))["status"]["message"]

    await world.delivery.until(refused, "who may not run it does not take it back")
    await world.run("second", "note")
    await world.until_phase("second", SUCCEEDED)
    await undo(world, "second", "erin")
    await world.until_phase("second", UNDONE)
    assert await world.delivery.here(CONFIG_MAP, "made-second", DEMO) is None
    assert await world.delivery.here(CONFIG_MAP, "made-first", DEMO) is not None

"""A platform that dies in the middle: whatever was asked for is done, and done once.

Its controllers are ended after each write that they make, one write later each time, and started
again; in the end the world is as if nothing had happened.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests.scenarios.actions.world import DEMO, World

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.portal.actions.backends.order import Order
from towpath.capabilities.portal.actions.backends.template import TemplateBackend
from towpath.capabilities.portal.actions.kinds import (
    ACTION_RUN,
    FAILED,
    RUN_ANNOTATION,
    SUCCEEDED,
    phase_of,
)
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    SOFTWARE_TEMPLATE,
    TEMPLATE_RUN,
)
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.machinery.objects import annotations_of
from towpath.machinery.users import UserInfo

SHOP = RepositoryName(DEMO, "shop")
WORKFLOW = """\
on:
  workflow_dispatch:
    inputs:
      who: {type: string}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
"""
WRITES_MAX = 8
"""More than any of these runs makes."""


class Dying:
    """A client that writes so many times, and then never again."""

    def __init__(self, client: Any, left: list[int]) -> None:
        self._client, self._left = client, left

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "acting_as":
            return lambda *who: Dying(found(*who), self._left)
        if name not in ("create", "update", "patch", "delete", "write"):
            return found

        async def write(*given: Any, **named: Any) -> Any:
            if self._left[0] == 0:
                await asyncio.Event().wait()
            self._left[0] -= 1
            answer = await found(*given, **named)
            if self._left[0] == 0:
                await asyncio.Event().wait()  # it was written, and nobody heard the answer
            return answer

        return write


async def repository(world: World) -> None:
    git = world.platform.git
    await git.create(SHOP, owner_uid="1")
    files: dict[str, File | None] = {".github/workflows/greet.yaml": File(WORKFLOW.encode())}
    author = Signature("alice", "alice@example.org")
    await git.write(SHOP, files, message="First\n", author=author, expected=None)


async def _nothing() -> None:
    """Nobody else is at work."""


async def killed_again_and_again(
    world: World, run: str, others: Callable[[], Awaitable[None]] = _nothing
) -> None:
    """Until the run has succeeded, though its controllers die after 1, 2, 3, ... writes of theirs.

    `others` is what the rest of the platform does meanwhile.
    """
    platform = world.platform
    for writes in range(1, WRITES_MAX):
        left = [writes]
        world.platform = replace(
            platform, api=Dying(platform.api, left), git=Dying(platform.git, left)
        )
        async with world.running():

            async def dead_or_done(left: list[int] = left) -> bool:
                await others()
                status = (await platform.api.get(ACTION_RUN, run, DEMO)).get("status") or {}
                return left[0] == 0 or status.get("phase") in (SUCCEEDED, FAILED)

            await world.delivery.until(dead_or_done, f"{writes} writes, or the end")
    world.platform = platform
    async with world.running():

        async def done() -> bool:
            await others()
            return phase_of(await world.look(run)) == SUCCEEDED

        await world.delivery.until(done, f"{run} has succeeded")


async def test_an_object_is_made_once(still: World) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    backend = {"type": "object", "object": {"operation": "create", "manifest": manifest}}
    await still.action("make", backend=backend)
    await still.run("asked", "make")
    await killed_again_and_again(still, "asked")
    assert await still.delivery.here(CONFIG_MAP, "made", DEMO) is not None


async def test_a_commit_is_made_once(still: World) -> None:
    await repository(still)
    files = [{"path": "a.txt", "content": "${run.name}\n"}]
    commit = {"repository": "shop", "files": files, "message": "Say who"}
    await still.action("say", backend={"type": "commit", "commit": commit})
    await still.run("asked", "say")
    await killed_again_and_again(still, "asked")
    head = await still.platform.git.head(SHOP)
    assert head is not None
    history = await still.platform.git.history(SHOP, head)
    assert [one.message.splitlines()[0] for one in history] == ["Say who", "First"]


async def test_a_workflow_is_dispatched_once_and_followed_to_its_end(still: World) -> None:
    await repository(still)
    workflow = {"repository": "shop", "workflow": "greet.yaml", "inputs": {"who": "${user.name}"}}
    await still.action("greet", backend={"type": "workflow", "workflow": workflow})
    await still.run("asked", "greet")
    api = still.platform.api

    async def engine() -> None:
        for run in (await api.list(PIPELINE_RUN, DEMO)).items:
            if not run.get("status"):
                status, name = {"status": {"phase": "Succeeded"}}, run["metadata"]["name"]
                await api.patch(PIPELINE_RUN, name, DEMO, status, subresource="status")

    await killed_again_and_again(still, "asked", engine)
    (run,) = (await api.list(PIPELINE_RUN, DEMO)).items
    assert (run["spec"]["event"], run["spec"]["inputs"]) == ("workflow_dispatch", {"who": "bob"})
    assert run["spec"]["actor"] == "bob"


async def test_a_workflow_that_is_not_there_is_named(still: World) -> None:
    await repository(still)
    workflow = {"repository": "shop", "workflow": "away.yaml"}
    await still.action("greet", backend={"type": "workflow", "workflow": workflow})
    async with still.running():
        await still.run("asked", "greet")
        failed = await still.until_phase("asked", FAILED)
    assert "has no .github/workflows/away.yaml" in failed["status"]["message"]


async def test_a_template_is_run_once_as_the_requester(still: World) -> None:
    descriptor = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "thing"},
        "spec": {"type": "service", "steps": []},
    }
    template = SOFTWARE_TEMPLATE.object("thing", SYSTEM_NAMESPACE, spec={"descriptor": descriptor})
    await still.platform.api.create(SOFTWARE_TEMPLATE, template)
    given = {"name": "thing", "parameters": {"name": "${inputs.name}"}}
    await still.action("make", backend={"type": "template", "template": given})
    await still.run("asked", "make", inputs={"name": "shop"})
    async with still.running():

        async def started() -> bool:
            return bool((await still.platform.api.list(TEMPLATE_RUN, DEMO)).items)

        await still.delivery.until(started, "the template runs")
    async with still.running():
        status = {"status": {"phase": "Succeeded", "output": {"text": "made"}}}
        await still.platform.api.patch(TEMPLATE_RUN, "asked", DEMO, status, subresource="status")
        done = await still.until_phase("asked", SUCCEEDED)
    (run,) = (await still.platform.api.list(TEMPLATE_RUN, DEMO)).items
    assert (run["spec"]["requestedBy"], run["spec"]["parameters"]) == ("bob", {"name": "shop"})
    assert done["status"]["outputs"] == {"text": "made"}


async def test_cancelling_leaves_a_run_of_that_name_that_is_not_its_own(still: World) -> None:
    reference = {"template": {"name": "thing"}, "requestedBy": "erin"}
    others = TEMPLATE_RUN.object("asked", DEMO, spec=reference)
    await still.user("erin").create(TEMPLATE_RUN, others)
    await still.action("make", backend={"type": "template", "template": {"name": "thing"}})
    run = await still.run("asked", "make")
    order = Order(
        run=run,
        requester=UserInfo("bob"),
        plan={"name": "thing"},
        made={},
        known={},
        log=lambda _: None,
        action_namespace=DEMO,
    )
    backend = TemplateBackend(still.platform)
    await backend.cancel(order)
    found = await still.platform.api.get(TEMPLATE_RUN, "asked", DEMO)
    assert CANCELLED_BY not in annotations_of(found)
    own = {"metadata": {"annotations": {RUN_ANNOTATION: order.uid}}}
    await still.platform.api.patch(TEMPLATE_RUN, "asked", DEMO, own)
    await backend.cancel(order)
    found = await still.platform.api.get(TEMPLATE_RUN, "asked", DEMO)
    assert annotations_of(found)[CANCELLED_BY] == "bob"


async def test_a_function_hears_of_a_second_call_by_the_same_uid(still: World) -> None:
    called: list[str] = []

    async def page(context: ActionContext) -> dict[str, Any]:
        called.append(context.run["metadata"]["uid"])
        return {}

    still.functions["pager:page"] = TemplateAction("pager:page", "", {"type": "object"}, page)
    await still.action("page", backend={"type": "function", "function": {"name": "pager:page"}})
    run = await still.run("asked", "page")
    await killed_again_and_again(still, "asked")
    assert set(called) == {run["metadata"]["uid"]}

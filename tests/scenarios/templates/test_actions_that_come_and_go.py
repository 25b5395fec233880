"""Actions of plug-ins are not always there: templates and runs wait for them, and say so."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from tests.scenarios.templates.conftest import PROJECT_NAME, World
from tests.support import eventually

from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext
from towpath.machinery.conditions import is_true


async def write(context: ActionContext) -> dict[str, Any]:
    (context.workspace / "note").write_text("hello")
    return {"path": "note"}


async def test_a_template_can_be_run_as_soon_as_its_action_has_come(world: World) -> None:
    come = asyncio.Event()

    async def changed() -> AsyncIterator[None]:
        await come.wait()
        yield

    async def is_ready() -> bool:
        found = await world.client.get(SOFTWARE_TEMPLATE, "t", SYSTEM_NAMESPACE)
        return is_true(found, "Ready")

    async def is_stalled() -> bool:
        found = await world.client.get(SOFTWARE_TEMPLATE, "t", SYSTEM_NAMESPACE)
        return "on-call:write" in str(found.get("status"))

    world.platform = replace(world.platform, template_actions_changed=changed)
    await world.template("t", [{"action": "on-call:write"}])
    async with world.running():
        await eventually(is_stalled, deadline_s=10)
        world.add_action("on-call:write", write)
        come.set()
        await eventually(is_ready, deadline_s=10)


async def test_a_run_waits_for_an_action_that_is_away(world: World) -> None:
    reached = asyncio.Event()

    async def stuck(context: ActionContext) -> dict[str, Any]:
        reached.set()
        await asyncio.Event().wait()
        return {}

    async def says_why() -> bool:
        run = await world.client.get(TEMPLATE_RUN, "r", PROJECT_NAME)
        return "its plug-in is starting" in str(run["status"]["steps"])

    world.add_action("on-call:write", stuck)
    await world.template("t", [{"action": "on-call:write"}])
    async with world.running():
        await world.start("r", "t")
        await asyncio.wait_for(reached.wait(), 5)
    del world.extra_actions["on-call:write"]
    async with world.running():
        await eventually(says_why, deadline_s=10)
        world.add_action("on-call:write", write)
        run = await world.finished("r")
    assert run["status"]["phase"] == "Succeeded", run["status"]

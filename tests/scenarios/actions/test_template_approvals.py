"""A template that asks for other people's word: nothing is made before they have said it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.scenarios.actions.world import DEMO, World

from towpath.capabilities.portal.templates.kinds import (
    FAILED,
    SOFTWARE_TEMPLATE,
    SUCCEEDED,
    TEMPLATE_RUN,
)
from towpath.capabilities.portal.templates.reconcile import RunReconciler
from towpath.hooks.approvals import APPROVAL, WAITING_FOR_APPROVAL, asks_for
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.templates import ActionContext, TemplateAction
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Watch


@asynccontextmanager
async def templates(world: World, made: list[str]) -> AsyncIterator[None]:
    async def make(context: ActionContext) -> dict[str, Any]:
        made.append(context.run["metadata"]["name"])
        return {}

    world.functions["test:make"] = TemplateAction("test:make", "", {"type": "object"}, make)
    api = world.platform.api
    sources = [Watch(api, TEMPLATE_RUN), Watch(api, APPROVAL, asks_for("TemplateRun"))]
    controller = Controller("templateruns", RunReconciler(world.platform), sources)
    running = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def offered(world: World) -> None:
    descriptor = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "costly"},
        "spec": {"type": "service", "steps": [{"id": "make", "action": "test:make"}]},
    }
    spec = {"descriptor": descriptor, "approval": {"required": 1, "approvers": "['group:leads']"}}
    template = SOFTWARE_TEMPLATE.object("costly", SYSTEM_NAMESPACE, spec=spec)
    await world.platform.api.create(SOFTWARE_TEMPLATE, template)
    run = {"template": {"name": "costly"}, "requestedBy": "bob"}
    await world.user("bob").create(TEMPLATE_RUN, TEMPLATE_RUN.object("asked", DEMO, spec=run))


async def until_phase(world: World, phase: str) -> str:
    async def reached() -> bool:
        found = await world.platform.api.get(TEMPLATE_RUN, "asked", DEMO)
        return bool((found.get("status") or {}).get("phase") == phase)

    await world.delivery.until(reached, f"the run is {phase}")
    found = await world.platform.api.get(TEMPLATE_RUN, "asked", DEMO)
    return str(found["status"]["message"])


async def decide(world: World, user: str, decision: str = "Approve") -> None:
    subject = {"kind": "TemplateRun", "name": "asked"}
    spec = {"subject": subject, "decision": decision, "user": user}
    await world.user(user).create(APPROVAL, APPROVAL.object(f"asked-{user}", DEMO, spec=spec))


async def test_nothing_is_made_before_the_right_person_has_approved(still: World) -> None:
    made: list[str] = []
    async with templates(still, made):
        await offered(still)
        message = await until_phase(still, WAITING_FOR_APPROVAL)
        assert "of group:leads other than bob" in message
        await decide(still, "dave")
    # A restart in between; dave's word is no lead's.
    async with templates(still, made):
        await until_phase(still, WAITING_FOR_APPROVAL)
        assert made == []
        await decide(still, "erin")
        await until_phase(still, SUCCEEDED)
    assert made == ["asked"]


async def test_a_rejection_ends_it_and_trying_again_does_not_help(still: World) -> None:
    made: list[str] = []
    async with templates(still, made):
        await offered(still)
        await until_phase(still, WAITING_FOR_APPROVAL)
        await decide(still, "erin", "Reject")
        assert await until_phase(still, FAILED) == "erin rejected it."
        again = {"metadata": {"annotations": {"towpath.dev/decision": "retry"}}}
        await still.user("bob").patch(TEMPLATE_RUN, "asked", DEMO, again)
        await decide(still, "dave")
        await until_phase(still, FAILED)
    assert made == []

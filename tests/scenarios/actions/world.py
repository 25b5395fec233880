"""A project with people, rights, Git and the controllers of actions, approvals and leases."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.engines.kube import KubeFront
from tests.scenarios.delivery.world import World as Delivery
from tests.scenarios.delivery.world import running_world

from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal import actions, remotes, templates
from towpath.capabilities.portal.actions.kinds import ACTION, ACTION_RUN, is_finished, phase_of
from towpath.capabilities.portal.actions.reconcile import controllers
from towpath.client.protocols import Client
from towpath.hooks.approvals import APPROVAL
from towpath.hooks.capability import Capability
from towpath.hooks.platform import Platform
from towpath.hooks.templates import TemplateAction
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

DEMO = "demo"
GROUPS = {
    "alice": ("team-a",),
    "bob": ("team-a",),
    "carol": ("team-b",),
    "dave": ("team-a",),
    "erin": ("team-a", "leads"),
}

# Kinds, rights and policies; its controllers are started and killed by the tests.
WITHOUT_CONTROLLERS = replace(actions.CAPABILITY, controllers="")
KINDS_OF_TEMPLATES = Capability(
    package=templates.CAPABILITY.package,
    name="templates",
    summary="Their kinds",
    kinds=templates.CAPABILITY.kinds,
)
KINDS_OF_REMOTES = replace(remotes.CAPABILITY, controllers="")


@dataclass
class World:
    delivery: Delivery
    platform: Platform
    gone: set[str] = field(default_factory=set)
    """Who has left."""
    functions: dict[str, TemplateAction] = field(default_factory=dict)

    def user(self, name: str) -> Client:
        return self.delivery.user(name, *GROUPS[name])

    async def action(self, name: str, user: str = "alice", **spec: Any) -> None:
        given = {"title": name.capitalize(), "operation": "CREATE", **spec}
        await self.user(user).create(ACTION, ACTION.object(name, DEMO, spec=given))

    async def run(self, name: str, action: str, user: str = "bob", **spec: Any) -> RawObject:
        given = {"action": {"name": action}, "requestedBy": user, **spec}
        return await self.user(user).create(ACTION_RUN, ACTION_RUN.object(name, DEMO, spec=given))

    async def look(self, name: str) -> RawObject:
        return await self.platform.api.get(ACTION_RUN, name, DEMO)

    async def until_phase(self, name: str, phase: str) -> RawObject:
        seen: list[RawObject] = []

        async def reached() -> bool:
            seen.append(await self.look(name))
            return phase_of(seen[-1]) == phase

        try:
            await self.delivery.until(reached, f"{name} is {phase}")
        except AssertionError:
            raise AssertionError(f"{name} is not {phase}: {seen[-1].get('status')}") from None
        return seen[-1]

    async def finished(self, name: str) -> RawObject:
        async def ended() -> bool:
            return is_finished(await self.look(name))

        await self.delivery.until(ended, f"{name} has ended")
        return await self.look(name)

    async def decide(
        self, run: str, user: str, decision: str = "Approve", *, name: str = "", **subject: Any
    ) -> None:
        approval = APPROVAL.object(
            name or f"{run}-{user}",
            DEMO,
            spec={
                "subject": {"kind": "ActionRun", "name": run, **subject},
                "decision": decision,
                "user": user,
            },
        )
        await self.user(user).create(APPROVAL, approval)

    async def heard(self, run: str, count: int) -> list[RawObject]:
        """The decisions on it, when there are as many."""

        async def told() -> bool:
            return len((await self.look(run))["status"].get("approvals") or ()) == count

        await self.delivery.until(told, f"{count} decisions on {run} are written down")
        found: list[RawObject] = (await self.look(run))["status"]["approvals"]
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The controllers, until the block ends: then they stop as in a crash, at any await."""
        tasks = [asyncio.create_task(one.run()) for one in controllers(self.platform)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def actions_world(folder: Path, kube_api: KubeFront | None) -> AsyncIterator[World]:
    made: list[World] = []

    async def people() -> Sequence[UserInfo]:
        gone = made[0].gone if made else set()
        return [UserInfo(name, groups) for name, groups in GROUPS.items() if name not in gone]

    def offered() -> Mapping[str, TemplateAction]:
        return made[0].functions if made else {}

    def change(platform: Platform) -> Platform:
        return replace(platform, people=people, template_actions=offered)

    further = (WITHOUT_CONTROLLERS, KINDS_OF_TEMPLATES, KINDS_OF_REMOTES)
    async with running_world(folder, kube_api=kube_api, further=further, change=change) as delivery:
        made.append(World(delivery, delivery.platform))
        await _members(made[0])
        yield made[0]


async def _members(world: World) -> None:
    """The project's roles are bound when somebody of it may do what the role says."""

    async def bound() -> bool:
        found = await world.platform.api.get(PROJECT, DEMO)
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(one["type"] == "MembersBound" and one["status"] == "True" for one in conditions)

    await world.delivery.until(bound, "the members have their roles")

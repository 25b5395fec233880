"""Whom something concerns: people by their name, their team, or what they may do.

People are those that the platform knows. A service account or the platform itself is nobody: then
the team that owns the service is told.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.protocols import Client
from towpath.hooks.approvals import APPROVAL, is_one_of
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.references import BadReference, parse_reference
from towpath.machinery.users import AccessRequest, Authorize, UserInfo

People = Callable[[], Awaitable[Sequence[UserInfo]]]

ASKED = "You asked for it."
PUSHED = "You pushed the commit."


@dataclass(frozen=True, slots=True)
class Recipient:
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Recipients:
    api: Client
    authorize: Authorize
    people: People

    async def approvers(self, project: str) -> list[Recipient]:
        """Members who may approve there; where none is one, everybody who may."""
        why = f"You may approve promotions in {project}."
        able = [person for person in await self.people() if await self._may(person, project)]
        members = await self._members(project)
        asked = [person for person in able if members & _names(person)] or able
        return [Recipient(person.name, why) for person in asked]

    async def approvers_of(self, run: RawObject) -> list[Recipient]:
        """Of those the ones whom a rule of its own names, if there is one."""
        project = run["metadata"]["namespace"]
        named = ((run.get("status") or {}).get("approval") or {}).get("approvers")
        able = await self.approvers(project)
        why = f"You may approve this in {project}."
        if named is None:
            return [Recipient(one.name, why) for one in able]
        return [
            Recipient(person.name, why)
            for person in await self.people()
            if is_one_of(person, named) and await self._may(person, project)
        ]

    async def person_or_team(
        self, name: str, why: str, project: str, workload: str
    ) -> list[Recipient]:
        """The person, if that is one; else the people of the team that owns the workload."""
        if any(person.name == name for person in await self.people()):
            return [Recipient(name, why)]
        try:
            found = await self.api.get(WORKLOAD, workload, project)
        except NotFound:
            return []
        return await self.team(found["spec"].get("owner") or "", workload)

    async def with_pusher(
        self, team: Sequence[Recipient], project: str, release: str
    ) -> list[Recipient]:
        """And who pushed the commit that the release is a build of, if that is a person."""
        name = await self._pusher(project, release)
        if not any(person.name == name for person in await self.people()):
            return list(team)
        return [Recipient(name, PUSHED), *(one for one in team if one.name != name)]

    async def _pusher(self, project: str, release: str) -> str:
        """ "" for nobody: not everything that a release is made of is still there."""
        found = await get_if_there(self.api, RELEASE, release, project) if release else None
        name = found["spec"].get("run", "") if found else ""
        run = await get_if_there(self.api, PIPELINE_RUN, name, project) if name else None
        return str(run["spec"].get("actor", "")) if run else ""

    async def team(self, owner: str, workload: str) -> list[Recipient]:
        """The owning group's people, or the person who owns it."""
        try:
            reference = parse_reference(owner, default_kind="group")
        except BadReference:
            return []
        people = await self.people()
        if reference.kind.lower() == "user":
            why = f"You own {workload}."
            return [Recipient(one.name, why) for one in people if one.name == reference.name]
        why = f"Your team {reference.name} owns {workload}."
        return [Recipient(one.name, why) for one in people if reference.name in one.groups]

    async def _may(self, person: UserInfo, project: str) -> bool:
        question = AccessRequest("create", APPROVAL.group, APPROVAL.plural, namespace=project)
        return await self.authorize(person, question)

    async def _members(self, project: str) -> frozenset[str]:
        try:
            found = await self.api.get(PROJECT, project)
        except NotFound:
            return frozenset()
        members = (found.get("spec") or {}).get("members") or ()
        return frozenset(f"{member['kind']}:{member['name']}" for member in members)


def _names(person: UserInfo) -> frozenset[str]:
    return frozenset({f"User:{person.name}", *(f"Group:{group}" for group in person.groups)})

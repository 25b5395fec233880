"""Kill -9 while a service goes to production, comes back, or is deleted.

As in test_crash, but the story is longer and has people in it: whoever gets no answer asks again
after the restart, as people and pipelines do. The end is that of an undisturbed story.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.platform import PlatformProcess
from tests.scenarios.spine.crashes import (
    CASE_S_MAX,
    PROJECT,
    SERVICE,
    answers,
    ask_for_service,
    clone_of,
    converges,
    create_once,
    greeting,
    in_a_row,
    killed_at_each,
    names_of,
    platform_at,
    settled,
)
from tests.scenarios.spine.effects import (
    EFFECT_DEADLINE_S,
    Effect,
    fleeting,
    gone,
    leaving,
    of_database,
    of_file,
    of_object,
    of_objects,
    phase,
    phase_of,
    ready,
)
from tests.world import World

from towpath.capabilities.delivery.gitops.kinds import APPLICATION
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    SUCCEEDED,
    WAITING_FOR_APPROVAL,
)
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD
from towpath.hooks.approvals import APPROVAL
from towpath.machinery.core_kinds import POD, REPLICA_SET
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

INSTANCE = Resource(
    "offerings.towpath.dev", "v1alpha1", "PostgreSQLInstance", "postgresqlinstances"
)
TO_PRODUCTION = "to-production"
BACK = "back-in-staging"
CHANGED = "Hello again"

Story = Callable[[PlatformProcess, Path], Awaitable[None]]
"""What people do; it can be begun again at any time. The folder is for their files."""


async def waits_for(platform: PlatformProcess, effect: Effect) -> None:
    await asyncio.wait_for(effect.seen(platform), EFFECT_DEADLINE_S)


def of_promotion(name: str, promotion: str, condition: Callable[[RawObject], bool]) -> Effect:
    return of_object(
        name, PROMOTION, lambda obj: obj["metadata"]["name"] == promotion and condition(obj)
    )


def has_commit(promotion: RawObject) -> bool:
    return bool((promotion.get("status") or {}).get("commit"))


def exists(_: RawObject) -> bool:
    return True


# -- the stories -----------------------------------------------------------------------------


async def born(platform: PlatformProcess, _: Path) -> None:
    await ask_for_service(platform)
    await waits_for(platform, ready("workload ready", WORKLOAD))
    await waits_for(platform, phase("pipeline run succeeded", PIPELINE_RUN, "Succeeded"))
    await answers(platform)


async def promote(
    platform: PlatformProcess, name: str, environment: str, release: str, by: str
) -> None:
    spec = {
        "workload": SERVICE,
        "environment": environment,
        "release": release,
        "requestedBy": by,
    }
    async with platform.client() as client:
        await create_once(client, PROMOTION, PROMOTION.object(name, PROJECT, spec=spec))


async def releases(platform: PlatformProcess) -> list[RawObject]:
    """The oldest first."""
    async with platform.client() as client:
        listed = await client.list(RELEASE, PROJECT)
    return sorted(listed.items, key=lambda one: int(one["metadata"]["resourceVersion"]))


async def goes_to_production(platform: PlatformProcess, _: Path) -> None:
    release = (await releases(platform))[0]["metadata"]["name"]
    await promote(platform, TO_PRODUCTION, "production", release, "admin")
    await waits_for(
        platform,
        of_promotion(
            "waiting",
            TO_PRODUCTION,
            lambda one: phase_of(one) in (WAITING_FOR_APPROVAL, SUCCEEDED),
        ),
    )
    approval = APPROVAL.object(
        f"{TO_PRODUCTION}-alice",
        PROJECT,
        spec={
            "subject": {"kind": "Promotion", "name": TO_PRODUCTION},
            "decision": "Approve",
            "user": "alice",
        },
    )
    async with platform.client() as client:
        with suppress(NotFound):
            await create_once(client.acting_as("alice", ("team-a",)), APPROVAL, approval)
    await waits_for(platform, phase("succeeded", PROMOTION, SUCCEEDED, of=TO_PRODUCTION))
    await answers(platform, "production")


async def comes_back(platform: PlatformProcess, folder: Path) -> None:
    """The greeting is changed and pushed; when it runs, the first release is brought back."""
    first = (await releases(platform))[0]["metadata"]["name"]
    async with platform.client() as client:
        back = [one["metadata"]["name"] for one in (await client.list(PROMOTION)).items]
    if BACK not in back:
        await push_change(platform, folder)
        await answers(platform, says=CHANGED)
        await waits_for(platform, all_succeeded(PIPELINE_RUN, 2))
        await waits_for(platform, all_succeeded(PROMOTION, 2))
    await promote(platform, BACK, "staging", first, "admin")
    await waits_for(platform, phase("succeeded", PROMOTION, SUCCEEDED, of=BACK))
    await answers(platform, says=f"Hello from {SERVICE}")


def all_succeeded(resource: Resource, count: int) -> Effect:
    def they_have(objects: object) -> bool:
        listed = list(objects)  # type: ignore[call-overload]
        return len(listed) >= count and all(phase_of(one) == SUCCEEDED for one in listed)

    return of_objects(f"{count} succeeded", resource, they_have)


async def push_change(platform: PlatformProcess, folder: Path) -> None:
    async with clone_of(platform, folder / "clone") as clone:
        code = clone / "src" / "order_service" / "app.py"
        code.write_text(code.read_text().replace(f"Hello from {SERVICE}", CHANGED))


async def is_deleted(platform: PlatformProcess, _: Path) -> None:
    async with platform.client() as client:
        with suppress(NotFound):
            await client.delete(WORKLOAD, SERVICE, PROJECT)
    await waits_for(platform, gone("workload gone", WORKLOAD))


# -- the moments -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    story: Story
    effects: tuple[Effect, ...]

    @property
    def name(self) -> str:
        return f"{self.story.__name__.replace('_', ' ')}, {names_of(self.effects)}"


def more_than_one(name: str, resource: Resource, *, context: str = "platform") -> Effect:
    return of_objects(name, resource, lambda objects: len(objects) > 1, context=context)


def in_production(pod: RawObject) -> bool:
    return bool(pod["metadata"]["namespace"] == f"{PROJECT}-production")


def is_of_workload(app: RawObject) -> bool:
    return not app["metadata"]["name"].endswith("-infra")


PRODUCTION = (
    of_promotion("promotion created", TO_PRODUCTION, exists),
    fleeting(phase("waiting for approval", PROMOTION, WAITING_FOR_APPROVAL, of=TO_PRODUCTION)),
    of_object("approval created", APPROVAL),
    of_promotion("commit recorded", TO_PRODUCTION, has_commit),
    of_object("pod created", POD, in_production, context="local"),
    phase("promotion succeeded", PROMOTION, SUCCEEDED, of=TO_PRODUCTION),
)
ROLLBACK = (
    more_than_one("second pipeline run created", PIPELINE_RUN),
    more_than_one("second release created", RELEASE),
    more_than_one("second promotion created", PROMOTION),
    more_than_one("second replica set created", REPLICA_SET, context="local"),
    fleeting(more_than_one("second pod created", POD, context="local")),
    fleeting(leaving("first pod leaving", POD, context="local")),
    of_promotion("rollback asked for", BACK, exists),
    of_promotion("rollback committed", BACK, has_commit),
    phase("rollback succeeded", PROMOTION, SUCCEEDED, of=BACK),
)
DELETION = (
    leaving("deletion begun", WORKLOAD),
    fleeting(leaving("application leaving", APPLICATION)),
    fleeting(leaving("pod leaving", POD, context="local")),
    gone("pod gone", POD, context="local"),
    gone("application gone", APPLICATION, is_of_workload),
    fleeting(leaving("composite leaving", INSTANCE)),
    of_database(
        "database dropped",
        "SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname LIKE 'order-service-%')",
    ),
    of_database(
        "role dropped",
        "SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'order-service-%')",
    ),
    gone("composite gone", INSTANCE),
    of_file("repository archived", "git/.archive/*/*"),
    gone("promotions gone", PROMOTION),
    gone("releases gone", RELEASE),
    gone("workload gone", WORKLOAD),
)
CASES = [
    Case(story, effects)
    for story, moments in (
        (goes_to_production, PRODUCTION),
        (comes_back, ROLLBACK),
        (is_deleted, DELETION),
    )
    for effects in in_a_row(moments)
]

_ends: dict[Story, World] = {}


async def end_of(story: Story, folder: Path) -> World:
    """The world after the undisturbed story; told once."""
    if story not in _ends:
        async with platform_at(folder / "data") as platform:
            await born(platform, folder)
            await story(platform, folder)
            _ends[story] = await settled(platform)
    return _ends[story]


@pytest.mark.slow
@pytest.mark.timeout(CASE_S_MAX)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_killed_when(case: Case, tmp_path: Path) -> None:
    for folder in (tmp_path / "undisturbed", tmp_path / "killed"):
        folder.mkdir()
    expected = await end_of(case.story, tmp_path / "undisturbed")
    folder = tmp_path / "killed"
    async with platform_at(folder / "data") as platform:
        await born(platform, folder)
        counted = await greeting(platform)

        async def tell() -> None:
            await case.story(platform, folder)

        await killed_at_each(platform, case.effects, tell, again=True)
        await converges(platform, expected)
        if case.story is not is_deleted:
            said = await greeting(platform)
            assert said is not None and counted is not None
            assert said["visits"] > counted["visits"]

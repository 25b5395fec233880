"""Leases: warned of, bounded, extended, reclaimed; and clocks that nobody can trust."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from tests.scenarios.actions.world import DEMO, World

from towpath.app.objects import apply_kinds
from towpath.capabilities.governance.leases.reading import extended, leased_in
from towpath.capabilities.governance.leases.reconcile import Clocks, all_of
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.compositions.kinds import DEFINITION
from towpath.capabilities.infrastructure.compositions.kinds import KINDS as COMPOSITION_KINDS
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.leases import EXPIRES, LONGEST, BadLease, expires_of, moment, written
from towpath.machinery.errors import Forbidden, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.contract import Notice

WEEK = timedelta(days=7)


@dataclass
class Box:
    """An inbox that a test reads."""

    told: dict[str, list[Notice]] = field(default_factory=dict)

    async def settle(self, subject: str, project: str, notices: list[Notice]) -> None:
        self.told[subject] = list(notices)

    async def forget(self, subject: str) -> None:
        self.told.pop(subject, None)


@dataclass
class Time:
    """What the clocks say; a test moves them."""

    wall_now: datetime = field(default_factory=lambda: datetime.now(UTC))
    steady_now: float = 1000.0

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall_now, lambda: self.steady_now, timedelta(minutes=5))

    def passes(self, by: timedelta) -> None:
        self.wall_now += by
        self.steady_now += by.total_seconds()


@asynccontextmanager
async def leasing(world: World, box: Box, time: Time) -> AsyncIterator[None]:
    platform = replace(world.platform, inbox=cast(Any, box))
    tasks = [asyncio.create_task(one.run()) for one in all_of(platform, time.clocks())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def database(world: World, keep: timedelta, **annotations: str) -> RawObject:
    claim = POSTGRESQL_INSTANCE.object("orders", DEMO, spec={"owner": "group:team-a"})
    end = written(datetime.now(UTC) + keep)
    claim["metadata"]["annotations"] = {EXPIRES: end, **annotations}
    return await world.user("bob").create(POSTGRESQL_INSTANCE, claim)


async def nudge(world: World, text: str) -> None:
    """A change, so that it is looked at again now and not when it would be time."""
    patch = {"metadata": {"annotations": {"nudge": text}}}
    await world.platform.api.patch(POSTGRESQL_INSTANCE, "orders", DEMO, patch)


async def here(world: World) -> RawObject | None:
    return await world.delivery.here(POSTGRESQL_INSTANCE, "orders", DEMO)


async def until(world: World, what: str, condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await world.delivery.until(holds, what)


@pytest.fixture
async def offering(still: World) -> World:
    """The kind is there already; a definition would make it an offering."""
    await apply_kinds(still.platform.api, list(COMPOSITION_KINDS))
    definition = DEFINITION.object(
        "postgresqlinstances.offerings.towpath.dev",
        spec={
            "group": "offerings.towpath.dev",
            "names": {"kind": "PostgreSQLInstance", "plural": "postgresqlinstances"},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "referenceable": True, "served": True}],
        },
    )
    await still.platform.api.create(DEFINITION, definition)
    return still


async def test_its_owners_are_warned_and_then_it_goes(offering: World) -> None:
    box, time = Box(), Time()
    async with leasing(offering, box, time):
        await database(offering, WEEK)
        time.passes(timedelta(days=6, hours=1))
        await nudge(offering, "a day before")
        await until(offering, "the team is warned", lambda: bool(box.told))
        (notices,) = box.told.values()
        assert {one.person for one in notices} == {"alice", "bob", "dave", "erin"}
        assert "PostgreSQLInstance orders goes" in notices[0].title
        time.passes(timedelta(days=1))
        await nudge(offering, "over")
        assert await here(offering) is not None
        minutes = 0

        async def gone() -> bool:
            nonlocal minutes
            if await here(offering) is None:
                return True
            minutes += 1
            time.passes(timedelta(minutes=1))
            with suppress(NotFound):
                await nudge(offering, f"{minutes} minutes over")
            return False

        await offering.delivery.until(gone, "the database is gone")
        assert minutes >= 5
        await until(offering, "nobody is asked any more", lambda: not box.told)


async def test_a_clock_that_jumps_takes_nothing(offering: World) -> None:
    """A year at once: it is warned of first, and kept for minutes of the machine's own clock."""
    box, time = Box(), Time()
    async with leasing(offering, box, time):
        await database(offering, WEEK)
        time.wall_now += timedelta(days=365)
        await nudge(offering, "jumped")
        await until(offering, "somebody is warned", lambda: bool(box.told))
        time.wall_now += timedelta(days=1)
        await nudge(offering, "still")
        found = await here(offering)
        assert found is not None
        assert "deletionTimestamp" not in found["metadata"]


async def test_a_start_takes_nothing_within_minutes(offering: World) -> None:
    time, box = Time(), Box()
    await database(offering, timedelta(hours=2))
    time.passes(timedelta(days=2))
    async with leasing(offering, box, time):
        await until(offering, "somebody is warned", lambda: bool(box.told))
    assert await here(offering) is not None


async def test_whoever_extends_keeps_it_and_a_bound_is_a_bound(offering: World) -> None:
    await database(offering, WEEK, **{LONGEST: "720h"})
    bob = offering.user("bob")
    end = await extended(bob, POSTGRESQL_INSTANCE, "orders", DEMO, "14d", "bob")
    found = await here(offering)
    assert found is not None
    assert expires_of(found) == written(end)
    assert [one.name for one in await leased_in(bob, DEMO)] == ["orders"]
    with pytest.raises(BadLease, match="at most"):
        await extended(bob, POSTGRESQL_INSTANCE, "orders", DEMO, "60d", "bob")
    with pytest.raises(Forbidden):
        carol = offering.user("carol")
        await extended(carol, POSTGRESQL_INSTANCE, "orders", DEMO, "1d", "carol")


async def test_what_goes_beyond_the_bound_of_its_project_is_shortened(offering: World) -> None:
    patch = {"spec": {"leases": {"max": "48h"}}}
    await offering.platform.api.patch(PROJECT, DEMO, "", patch)
    made = await database(offering, WEEK)
    async with leasing(offering, Box(), Time()):

        async def shortened() -> bool:
            found = await here(offering)
            assert found is not None
            bound = moment(made["metadata"]["creationTimestamp"]) + timedelta(hours=48)
            return expires_of(found) == written(bound)

        await offering.delivery.until(shortened, "it ends when the project says")

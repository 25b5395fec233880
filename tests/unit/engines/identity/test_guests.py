"""People of an identity provider are known since they came, and not for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from towpath.capabilities.portal.catalog.facts import people
from towpath.engines.identity.guests import DAY_S, KNOWN_DAYS, Guests
from towpath.hooks.showing import own_references
from towpath.machinery.users import UserInfo
from towpath.records.sqlite import SqliteRecords


class Provider:
    def __init__(self) -> None:
        self.groups: tuple[str, ...] = ("payments", "system:authenticated")

    async def vouches(self, token: str) -> UserInfo | None:
        return UserInfo(token, self.groups) if "@" in token else None


class Clock:
    now_s = 1e9

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    async with SqliteRecords(tmp_path / "records.db") as records:
        yield records


async def test_who_came_is_known_and_told_once(records: SqliteRecords) -> None:
    provider, clock, told = Provider(), Clock(), []
    guests = Guests(provider.vouches, records.provisioned, lambda: told.append(1), clock)
    assert await guests.authenticate("nobody") is None
    for _ in range(3):
        assert await guests.authenticate("alice@example.org") is not None
    assert [one.name for one in await guests.people()] == ["alice@example.org"]
    before = await records.rows_written()
    await guests.authenticate("alice@example.org")
    assert await records.rows_written() == before
    provider.groups = ("shipping",)
    await guests.authenticate("alice@example.org")
    assert [one.groups for one in await guests.people()] == [("shipping",)]
    assert len(told) == 2
    # The platform that starts next knows them too.
    again = Guests(provider.vouches, records.provisioned, lambda: told.append(1), clock)
    assert await again.people() == await guests.people()


async def test_who_has_not_come_for_long_has_left(records: SqliteRecords) -> None:
    clock = Clock()
    guests = Guests(Provider().vouches, records.provisioned, lambda: None, clock)
    await guests.authenticate("alice@example.org")
    clock.now_s += (KNOWN_DAYS + 1) * DAY_S
    assert await guests.people() == []
    await guests.authenticate("alice@example.org")
    assert len(await guests.people()) == 1


def test_they_own_by_the_name_that_the_catalogue_can_hold() -> None:
    alice = UserInfo("alice@example.org", ("Pay Ments", "system:authenticated"))
    refs = [entity.ref for entity in people([], [alice])]
    assert set(refs) == set(own_references(alice))

"""Local accounts: who may be called how, who opens what, and who always can."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from towpath.engines.identity.local import LocalIdentity
from towpath.engines.identity.port import Account, BadAccount, UnknownPerson
from towpath.machinery.users import AUTHENTICATED, UserInfo
from towpath.records.identity import Person
from towpath.records.sqlite import SqliteRecords

ADMIN = Person("admin", "Administrator", "", ("platform-admins",))


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[SqliteRecords]:
    async with SqliteRecords(tmp_path / "records.db") as records:
        await records.identity.put_people([ADMIN])
        yield records


@pytest.fixture
def identity(records: SqliteRecords) -> LocalIdentity:
    return LocalIdentity(records.identity, permanent=("admin",))


async def test_who_is_added_can_sign_in(identity: LocalIdentity) -> None:
    await identity.add_account(Account("dora", "Dora", "dora@example.org", ("team-b", "team-a")))
    user = await identity.redeem_link(await identity.issue_link("dora"))
    assert user == UserInfo("dora", ("team-a", "team-b", AUTHENTICATED))
    account = await identity.account("dora")
    assert account is not None
    assert account.is_active
    assert account.joined_s > 0


@pytest.mark.parametrize(
    "account",
    [
        Account(""),
        Account("Dora"),
        Account("system:masters"),
        Account("two words"),
        Account("x" * 64),
        Account("-dora"),
        Account("dora", groups=("system:masters",)),
        Account("dora", groups=("Team A",)),
        Account("dora", display_name="x" * 300),
        Account("dora", email="a\nb"),
        Account("admin"),
    ],
    ids=[
        "no name",
        "capitals",
        "a name of the platform",
        "spaces",
        "too long",
        "a dash in front",
        "a group of the platform",
        "a group with spaces",
        "words without end",
        "two lines",
        "taken",
    ],
)
async def test_who_cannot_be_called_so_is_refused(
    identity: LocalIdentity, account: Account
) -> None:
    with pytest.raises(BadAccount):
        await identity.add_account(account)
    assert await identity.names() == ["admin"]


async def test_deactivating_ends_everything_at_once(identity: LocalIdentity) -> None:
    await identity.add_account(Account("dora", groups=("team-a",)))
    user = UserInfo("dora", ("team-a", AUTHENTICATED))
    session = await identity.open_session(user, "a browser")
    token = await identity.issue_token(user, "laptop")
    link = await identity.issue_link("dora")
    await identity.deactivate("dora")
    assert await identity.session(session) is None
    assert await identity.authenticate(token) is None
    assert await identity.redeem_link(link) is None
    assert "dora" not in await identity.names()
    assert "dora" not in [person.name for person in await identity.people()]
    with pytest.raises(UnknownPerson):
        await identity.issue_link("dora")
    with pytest.raises(BadAccount):
        await identity.add_account(Account("dora"))


async def test_who_is_activated_again_begins_anew(identity: LocalIdentity) -> None:
    await identity.add_account(Account("dora"))
    token = await identity.issue_token(UserInfo("dora"), "laptop")
    await identity.deactivate("dora")
    await identity.activate("dora")
    assert await identity.authenticate(token) is None
    assert await identity.redeem_link(await identity.issue_link("dora")) is not None


async def test_groups_count_from_now_on(identity: LocalIdentity) -> None:
    await identity.add_account(Account("dora", groups=("team-a",)))
    session = await identity.open_session(UserInfo("dora"), "a browser")
    await identity.set_groups("dora", ["team-b"])
    user = await identity.session(session)
    assert user is not None
    assert user.groups == ("team-b", AUTHENTICATED)


async def test_the_platforms_own_administrator_stays(identity: LocalIdentity) -> None:
    with pytest.raises(BadAccount):
        await identity.deactivate("admin")
    with pytest.raises(BadAccount):
        await identity.set_groups("admin", [])
    user = await identity.redeem_link(await identity.issue_link("admin"))
    assert user is not None
    assert "platform-admins" in user.groups


async def test_nobody_is_changed_who_is_not_there(identity: LocalIdentity) -> None:
    for change in (identity.deactivate, identity.activate):
        with pytest.raises(UnknownPerson):
            await change("nobody")
    with pytest.raises(UnknownPerson):
        await identity.set_groups("nobody", [])


async def test_a_start_leaves_people_as_they_are(
    identity: LocalIdentity, records: SqliteRecords
) -> None:
    """The demo's people are put there at every start; who was moved stays moved."""
    await records.identity.put_people([Person("alice", groups=("team-a",))])
    await identity.set_groups("alice", ["team-b"])
    await identity.deactivate("alice")
    await records.identity.put_people([Person("alice", groups=("team-a",))])
    account = await identity.account("alice")
    assert account is not None
    assert account.groups == ("team-b",)
    assert not account.is_active


async def test_people_are_found_a_page_at_a_time(identity: LocalIdentity) -> None:
    for number in range(5):
        await identity.add_account(Account(f"person-{number}", email=f"{number}@example.org"))
    first = await identity.accounts(limit=3)
    assert [one.name for one in first] == ["admin", "person-0", "person-1"]
    following = await identity.accounts(after="person-1", limit=3)
    assert [one.name for one in following] == ["person-2", "person-3", "person-4"]
    assert [one.name for one in await identity.accounts(text="3@EXAMPLE")] == ["person-3"]
    assert await identity.accounts(text="%") == []


async def test_who_follows_changes_hears_of_each(identity: LocalIdentity) -> None:
    changes = identity.changes()
    await anext(changes)
    changing: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: identity.add_account(Account("dora", groups=("team-a",))),
        lambda: identity.set_groups("dora", ("team-b",)),
        lambda: identity.deactivate("dora"),
        lambda: identity.activate("dora"),
    )
    for change in changing:
        await change()
        async with asyncio.timeout(5):
            await anext(changes)
    await changes.aclose()

"""What every Inbox does: told once, settled when it is over, bounded, seen by its owner alone."""

import time
from dataclasses import replace

import pytest

from towpath.machinery.errors import BadRequest
from towpath.machinery.users import UserInfo
from towpath.records import inbox
from towpath.records.contract import Notice, Viewer
from towpath.records.sqlite import SqliteRecords

ALICE = Viewer(UserInfo("alice"), frozenset({"demo"}))
BOB = Viewer(UserInfo("bob"), frozenset({"demo"}))
ADMIN = Viewer(UserInfo("admin"), None)


def notice(person: str = "alice", cause: str = "one", **fields: object) -> Notice:
    usual = Notice(person, cause, "RunFailed", "It failed", "/x", "It is yours.", time.time())
    return replace(usual, **fields)  # type: ignore[arg-type]


async def titles(records: SqliteRecords, viewer: Viewer, **filters: object) -> list[str]:
    page = await records.inbox.page(viewer, **filters)  # type: ignore[arg-type]
    return [one.notice.title for one in page.notifications]


async def test_what_is_said_twice_is_told_once(records: SqliteRecords) -> None:
    for _ in range(3):
        await records.inbox.settle("run:demo/a", "demo", [notice()])
    assert await titles(records, ALICE) == ["It failed"]
    assert (await records.inbox.unread(ALICE)).count == 1


async def test_words_that_change_are_not_told_again(records: SqliteRecords) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice()])
    await records.inbox.mark(ALICE, (), read=True)
    await records.inbox.settle("run:demo/a", "demo", [notice(title="It failed badly")])
    assert await titles(records, ALICE) == ["It failed badly"]
    assert (await records.inbox.unread(ALICE)).count == 0


async def test_what_is_over_is_read_and_asks_for_nothing(records: SqliteRecords) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice(asks=True)])
    assert (await records.inbox.asking(ALICE))[1] == 1
    await records.inbox.settle("run:demo/a", "demo", [])
    assert await records.inbox.asking(ALICE) == ([], 0)
    (kept,) = (await records.inbox.page(ALICE)).notifications
    assert (kept.read, kept.settled) == (True, True)


@pytest.mark.parametrize("read", [True, False])
async def test_the_same_happening_comes_back_as_itself(records: SqliteRecords, read: bool) -> None:
    """Read, if its person had read it; that it was over for a while has been read by nobody."""
    await records.inbox.settle("run:demo/a", "demo", [notice(asks=True)])
    if read:
        await records.inbox.mark(ALICE, (), read=True)
    await records.inbox.settle("run:demo/a", "demo", [])
    assert (await records.inbox.unread(ALICE)).count == 0
    await records.inbox.settle("run:demo/a", "demo", [notice(asks=True)])
    assert len(await titles(records, ALICE)) == 1
    assert (await records.inbox.asking(ALICE))[1] == 1
    assert (await records.inbox.unread(ALICE)).count == (0 if read else 1)


async def test_trouble_that_comes_much_later_is_told_anew(records: SqliteRecords) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice()])
    await records.inbox.settle("run:demo/a", "demo", [])
    later = notice(time_s=time.time() + 2 * inbox.SAME_S)
    await records.inbox.settle("run:demo/a", "demo", [later])
    assert len(await titles(records, ALICE)) == 2


async def test_everybody_sees_their_own_and_only_of_projects_they_may_see(
    records: SqliteRecords,
) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice(), notice("bob", title="Bob's")])
    await records.inbox.settle("run:secret/a", "secret", [notice(title="Secret", asks=True)])
    assert await titles(records, ALICE) == ["It failed"]
    assert await titles(records, BOB) == ["Bob's"]
    assert await titles(records, ADMIN) == []
    assert (await records.inbox.asking(ALICE))[1] == 0
    assert await records.inbox.unread(replace(ALICE, projects=frozenset())) == inbox.Unread()
    everywhere = replace(ALICE, projects=None)
    assert await titles(records, everywhere) == ["Secret", "It failed"]


async def test_nobody_marks_or_dismisses_what_is_somebody_elses(records: SqliteRecords) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice(asks=True)])
    (mine,) = (await records.inbox.page(ALICE)).notifications
    await records.inbox.mark(BOB, [mine.id], read=True)
    await records.inbox.dismiss(BOB, [mine.id])
    assert (await records.inbox.unread(ALICE)).count == 1
    assert (await records.inbox.asking(ALICE))[1] == 1
    await records.inbox.dismiss(ALICE, [mine.id])
    assert (await records.inbox.asking(ALICE))[1] == 0
    await records.inbox.mark(ALICE, [mine.id], read=False)
    assert (await records.inbox.unread(ALICE)).count == 1


async def test_pages_and_filters(records: SqliteRecords) -> None:
    for number in range(5):
        sort = "RunFailed" if number % 2 else "ApprovalAsked"
        at_s = time.time() - 10 + number
        told = notice(cause=str(number), title=str(number), sort=sort, time_s=at_s)
        await records.inbox.settle(f"run:demo/{number}", "demo", [told])
    first = await records.inbox.page(ALICE, limit=2)
    second = await records.inbox.page(ALICE, limit=9, continue_token=first.continue_token)
    assert [one.notice.title for one in first.notifications] == ["4", "3"]
    assert [one.notice.title for one in second.notifications] == ["2", "1", "0"]
    assert second.continue_token == ""
    assert await titles(records, ALICE, sorts=["RunFailed"]) == ["3", "1"]
    newest = first.notifications[0].id
    assert await titles(records, ALICE, after=newest - 1) == ["4"]
    for token in ("x", "1", "nan/1", "inf/1", "1/x", "1/9" + "9" * 30):
        with pytest.raises(BadRequest):
            await records.inbox.page(ALICE, continue_token=token)


async def test_an_inbox_is_bounded_and_what_was_let_go_does_not_come_back(
    records: SqliteRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "KEPT_MAX", 3)
    began_s = time.time() - 1000
    told = [
        notice(cause=str(number), title=str(number), time_s=began_s + number) for number in range(6)
    ]
    for number, one in enumerate(told):
        await records.inbox.settle(f"run:demo/{number}", "demo", [one])
    assert await titles(records, ALICE) == ["5", "4", "3"]
    for number, one in enumerate(told):
        await records.inbox.settle(f"run:demo/{number}", "demo", [one])
    assert await titles(records, ALICE) == ["5", "4", "3"]


async def test_what_is_too_old_is_not_told(records: SqliteRecords) -> None:
    old = notice(time_s=time.time() - inbox.KEPT_S - 1)
    await records.inbox.settle("run:demo/a", "demo", [old])
    assert await titles(records, ALICE) == []


async def test_what_is_gone_is_forgotten(records: SqliteRecords) -> None:
    await records.inbox.settle("run:demo/a", "demo", [notice()])
    await records.inbox.settle("promotion:demo/a", "demo", [notice(cause="two")])
    assert await records.inbox.subjects("run:") == ["run:demo/a"]
    await records.inbox.forget("run:demo/a")
    assert await records.inbox.subjects("") == ["promotion:demo/a"]


async def test_news_reach_whom_they_concern(records: SqliteRecords) -> None:
    heard: list[str] = []
    with (
        records.changes.of_person("inbox", "alice", lambda: heard.append("alice")),
        records.changes.of_person("inbox", "bob", lambda: heard.append("bob")),
    ):
        await records.inbox.settle("run:demo/a", "demo", [notice()])
        await records.inbox.settle("run:demo/a", "demo", [notice()])
    await records.inbox.settle("run:demo/a", "demo", [])
    assert heard == ["alice"]

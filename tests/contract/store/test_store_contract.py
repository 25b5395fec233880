"""What every store must do, whichever it is (store/contract.py)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from towpath.store.contract import (
    Audit,
    Compacted,
    Event,
    FutureRevision,
    RevisionMismatch,
    Store,
    Stored,
    Subscription,
    Write,
)
from towpath.store.memory import MemoryStore
from towpath.store.sqlite import SqliteStore
from towpath.store.subscriptions import BUFFER_BYTES_MAX


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store
    opened = MemoryStore() if request.param == "memory" else await SqliteStore.open(tmp_path / "s")
    yield opened
    await opened.close()


async def put(
    store: Store, key: str, text: str, *, expected: int = 0, collection: str = "things"
) -> Stored:
    return await store.commit(
        Write(collection, key, expected, lambda revision: f"{text}@{revision}".encode())
    )


async def delete(store: Store, key: str, expected: int) -> Stored:
    return await store.commit(
        Write("things", key, expected, lambda rev: f"gone@{rev}".encode(), deleted=True)
    )


async def take(subscription: Subscription, count: int) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(5):
        while len(events) < count:
            events += await subscription.batch()
    return events


def texts(page: list[tuple[str, Stored]]) -> list[str]:
    return [entry.value.decode().split("@")[0] for _, entry in page]


async def test_a_written_object_is_read_back_with_its_revision_inside(store: Store) -> None:
    stored = await put(store, "ns/a", "one")
    assert store.get("things", "ns/a") == stored
    assert stored.value == f"one@{stored.revision}".encode()
    assert store.revision == stored.revision


async def test_creating_over_an_existing_key_is_refused_with_what_is_there(store: Store) -> None:
    first = await put(store, "a", "one")
    with pytest.raises(RevisionMismatch) as caught:
        await put(store, "a", "two")
    assert caught.value.current == first


async def test_a_write_with_an_old_revision_is_refused(store: Store) -> None:
    first = await put(store, "a", "one")
    await put(store, "a", "two", expected=first.revision)
    with pytest.raises(RevisionMismatch):
        await put(store, "a", "three", expected=first.revision)


async def test_of_concurrent_writers_with_one_expectation_exactly_one_wins(store: Store) -> None:
    first = await put(store, "a", "one")
    results = await asyncio.gather(
        *(put(store, "a", f"w{n}", expected=first.revision) for n in range(10)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, Stored)]
    assert len(winners) == 1
    assert store.get("things", "a") == winners[0]


async def test_a_cancelled_writer_disturbs_neither_the_write_nor_those_behind_it(
    store: Store,
) -> None:
    first = asyncio.create_task(put(store, "a", "one"))
    await asyncio.sleep(0)
    behind = asyncio.create_task(store.settled("things", "a"))
    await asyncio.sleep(0)
    first.cancel()
    settled = await behind
    assert settled is not None
    assert settled.value.startswith(b"one")


async def test_nothing_is_visible_before_it_is_acknowledged(store: Store) -> None:
    writing = asyncio.create_task(put(store, "a", "one"))
    await asyncio.sleep(0)
    assert store.get("things", "a") is None
    assert store.revision == 0
    await writing
    assert store.get("things", "a") is not None


async def test_revisions_are_global_and_increase(store: Store) -> None:
    stored = await asyncio.gather(
        *(put(store, f"k{n}", "x", collection=f"c{n % 3}") for n in range(50))
    )
    revisions = [entry.revision for entry in stored]
    assert sorted(set(revisions)) == sorted(revisions)
    assert store.revision == max(revisions)


async def test_a_scan_is_in_key_order_within_the_prefix(store: Store) -> None:
    for key in ("b/2", "a/1", "b/1", "b-x/1", "c/1"):
        await put(store, key, key)
    assert [key for key, _ in store.scan("things")] == ["a/1", "b-x/1", "b/1", "b/2", "c/1"]
    assert [key for key, _ in store.scan("things", "b/")] == ["b/1", "b/2"]
    assert [key for key, _ in store.scan("things", "b/", after="b/1")] == ["b/2"]
    assert [key for key, _ in store.scan("things", limit=2)] == ["a/1", "b-x/1"]
    assert store.count("things", "b/") == 2
    assert store.scan("nothing") == []


async def test_a_page_that_begins_before_the_prefix_or_after_it_stays_inside(store: Store) -> None:
    for key in ("a/1", "b/1", "b/2", "c/1"):
        await put(store, key, key)
    then = store.revision
    await put(store, "a/2", "a/2")
    for after, expected in (("a/1", ["b/1", "b/2"]), ("a", ["b/1", "b/2"]), ("c/1", [])):
        assert [key for key, _ in store.scan("things", "b/", after=after)] == expected
        assert [key for key, _ in store.scan_at(then, "things", "b/", after=after)] == expected
        assert store.count("things", "b/", after=after) == len(expected)


async def test_a_scan_of_the_past_shows_it_unchanged(store: Store) -> None:
    a = await put(store, "a", "a1")
    b = await put(store, "b", "b1")
    then = store.revision
    await put(store, "a", "a2", expected=a.revision)
    await delete(store, "b", b.revision)
    await put(store, "c", "c1")
    b2 = await put(store, "b", "b2")
    await put(store, "b", "b3", expected=b2.revision)
    assert texts(store.scan("things")) == ["a2", "b3", "c1"]
    assert texts(store.scan_at(then, "things")) == ["a1", "b1"]
    assert texts(store.scan_at(then, "things", after="a", limit=1)) == ["b1"]
    assert [e.revision for _, e in store.scan_at(then, "things")] == [a.revision, b.revision]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_pages_of_the_past_are_whole_whatever_has_changed_since(
    store: Store, size: int
) -> None:
    made = {f"n/{number:02}": await put(store, f"n/{number:02}", "old") for number in range(30)}
    then = store.revision
    for number in range(0, 30, 3):
        await delete(store, f"n/{number:02}", made[f"n/{number:02}"].revision)
    for number in range(1, 30, 3):
        key = f"n/{number:02}"
        await put(store, key, "new", expected=made[key].revision)
    for number in range(30):
        await put(store, f"n/{number:02}-new", "new")
    seen: list[tuple[str, Stored]] = []
    while page := store.scan_at(
        then, "things", "n/", after=seen[-1][0] if seen else "", limit=size
    ):
        assert len(page) <= size
        seen += page
    assert seen == list(made.items())


async def test_a_watch_replays_and_then_follows_without_gap_or_repetition(store: Store) -> None:
    start = store.revision
    a = await put(store, "n/a", "a1")
    subscription = store.watch("things", since=start)
    a2 = await put(store, "n/a", "a2", expected=a.revision)
    await delete(store, "n/a", a2.revision)
    events = await take(subscription, 3)
    assert [(e.deleted, e.previous) for e in events] == [
        (False, None),
        (False, a.value),
        (True, a2.value),
    ]
    assert events[2].value.startswith(b"gone")
    assert subscription.position == store.revision


async def test_a_watch_sees_its_collection_and_prefix_only(store: Store) -> None:
    subscription = store.watch("things", "n/", since=0)
    everything = store.watch("", since=0)
    await put(store, "m/a", "x")
    await put(store, "n/a", "x", collection="others")
    await put(store, "n/a", "wanted")
    assert [e.key for e in await take(subscription, 1)] == ["n/a"]
    assert len(await take(everything, 3)) == 3


async def test_a_long_history_is_replayed_in_order(store: Store) -> None:
    await asyncio.gather(*(put(store, f"k{n:04}", "x") for n in range(600)))
    events = await take(store.watch("things", since=0), 600)
    assert [e.revision for e in events] == sorted(e.revision for e in events)
    assert len({e.key for e in events}) == 600


async def test_a_history_of_large_values_is_replayed_a_few_at_a_time(store: Store) -> None:
    revision, large = 0, "x" * 400_000
    for _ in range(12):
        revision = (await put(store, "a", large, expected=revision)).revision
    subscription = store.watch("things", since=0)
    first = await subscription.batch()
    if isinstance(store, SqliteStore):
        assert len(first) < 12
    events = first + await take(subscription, 12 - len(first))
    assert [event.revision for event in events] == list(range(1, 13))
    assert subscription.position == store.revision


async def test_compacted_history_is_refused_and_the_state_stays(store: Store) -> None:
    a = await put(store, "a", "a1")
    b = await put(store, "b", "b1")
    a = await put(store, "a", "a2", expected=a.revision)
    await delete(store, "b", b.revision)
    late = store.watch("things", since=0)
    await store.compact(store.revision)
    with pytest.raises(Compacted):
        store.watch("things", since=0)
    with pytest.raises(Compacted):
        await late.batch()
    with pytest.raises(Compacted):
        store.scan_at(a.revision - 1, "things")
    assert texts(store.scan("things")) == ["a2"]
    after = store.watch("things", since=store.revision)
    await put(store, "a", "a3", expected=a.revision)
    assert (await take(after, 1))[0].previous == a.value


async def test_a_revision_of_the_future_is_refused(store: Store) -> None:
    with pytest.raises(FutureRevision):
        store.watch("things", since=store.revision + 1)


async def test_a_watcher_that_does_not_keep_up_is_dropped(store: Store) -> None:
    subscription = store.watch("things", since=0)
    big = "x" * (BUFFER_BYTES_MAX // 4)
    for n in range(5):
        await put(store, f"k{n}", big)
    with pytest.raises(Compacted):
        await subscription.batch()


async def test_closing_the_store_ends_the_watchers(store: Store) -> None:
    subscription = store.watch("things", since=0)
    waiting = asyncio.create_task(subscription.batch())
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(Compacted):
        await waiting


async def test_the_audit_entry_comes_with_the_write(store: Store) -> None:
    audit = Audit("alice", "create", "2026-01-01T00:00:00Z", ("team-a",), "", "kubectl")
    encode = lambda revision: b"x"  # noqa: E731
    first = await store.commit(Write("things", "a", 0, encode, audit=audit))
    by_bob = Audit("bob", "delete", "2026-01-01T00:00:01Z")
    await store.commit(Write("things", "a", first.revision, encode, deleted=True, audit=by_bob))
    assert [row.audit for row in await store.writers("things", "a")] == [by_bob, audit]
    assert [row.revision for row in await store.audit_since(first.revision)] == [store.revision]
    await store.forget_audit(first.revision)
    assert [row.audit.user for row in await store.audit_since(0)] == ["bob"]

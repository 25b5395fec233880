"""What every LogBook does."""

import asyncio

from towpath.records.contract import LogBook, LogLine
from towpath.records.sqlite import SqliteRecords

DEADLINE_S = 10


async def texts(book: LogBook, stream: str) -> list[str]:
    await book.settled()
    return [line.text for line in await book.read(stream)]


async def collect(book: LogBook, stream: str, after: int = 0) -> list[LogLine]:
    return [line async for line in book.follow(stream, after=after)]


async def test_lines_are_numbered_from_one_in_each_stream(records: SqliteRecords) -> None:
    records.logs.append("r/demo/a/1", ["one", "two"])
    records.logs.append("r/demo/b/1", ["other"])
    records.logs.append("r/demo/a/1", ["three"])
    await records.logs.settled()
    lines = await records.logs.read("r/demo/a/1")
    assert [(line.number, line.text) for line in lines] == [(1, "one"), (2, "two"), (3, "three")]
    assert await texts(records.logs, "r/demo/b/1") == ["other"]


async def test_reading_goes_on_after_a_line_and_keeps_to_the_limit(records: SqliteRecords) -> None:
    records.logs.append("s/demo/x", [str(number) for number in range(10)])
    await records.logs.settled()
    lines = await records.logs.read("s/demo/x", after=3, limit=2)
    assert [line.number for line in lines] == [4, 5]


async def test_an_unknown_stream_is_empty(records: SqliteRecords) -> None:
    assert await records.logs.read("no/such") == []


async def test_a_follower_sees_old_and_new_lines_and_finishes_at_the_end(
    records: SqliteRecords,
) -> None:
    records.logs.append("s/demo/x", ["old"])
    await records.logs.settled()
    follower = asyncio.create_task(collect(records.logs, "s/demo/x"))
    for text in ("new", "newer"):
        records.logs.append("s/demo/x", [text])
        await records.logs.settled()
    records.logs.end("s/demo/x")
    lines = await asyncio.wait_for(follower, DEADLINE_S)
    assert [line.text for line in lines] == ["old", "new", "newer"]


async def test_a_follower_may_come_before_the_stream(records: SqliteRecords) -> None:
    follower = asyncio.create_task(collect(records.logs, "s/demo/later"))
    assert await records.logs.read("s/demo/later") == []
    records.logs.append("s/demo/later", ["here"])
    records.logs.end("s/demo/later")
    assert [line.text for line in await asyncio.wait_for(follower, DEADLINE_S)] == ["here"]


async def test_following_more_than_one_page_loses_nothing(records: SqliteRecords) -> None:
    records.logs.append("s/demo/long", [str(number) for number in range(2500)])
    records.logs.end("s/demo/long")
    lines = await asyncio.wait_for(collect(records.logs, "s/demo/long", after=100), DEADLINE_S)
    assert [line.number for line in lines] == list(range(101, 2501))


async def test_a_stream_that_is_written_again_is_open_again(records: SqliteRecords) -> None:
    records.logs.append("s/demo/x", ["first try"])
    records.logs.end("s/demo/x")
    await records.logs.settled()
    records.logs.append("s/demo/x", ["second try"])
    await records.logs.settled()
    follower = asyncio.create_task(collect(records.logs, "s/demo/x"))
    assert len(await records.logs.read("s/demo/x")) == 2
    records.logs.end("s/demo/x")
    lines = await asyncio.wait_for(follower, DEADLINE_S)
    assert [line.text for line in lines] == ["first try", "second try"]


async def test_streams_are_listed_by_prefix_in_the_order_they_began(
    records: SqliteRecords,
) -> None:
    for stream in ("run/demo/b/2", "run/demo/b/1", "run/other/b/1", "run/demo/bb/1"):
        records.logs.append(stream, ["x"])
        await records.logs.settled()
    assert await records.logs.streams("run/demo/b/") == ["run/demo/b/2", "run/demo/b/1"]


async def test_forgetting_removes_by_prefix_and_releases_followers(records: SqliteRecords) -> None:
    records.logs.append("run/demo/a/1", ["x"])
    records.logs.append("run/demo/b/1", ["y"])
    follower = asyncio.create_task(collect(records.logs, "run/demo/a/1"))
    await records.logs.settled()
    await records.logs.forget("run/demo/a/")
    await asyncio.wait_for(follower, DEADLINE_S)
    assert await texts(records.logs, "run/demo/a/1") == []
    assert await texts(records.logs, "run/demo/b/1") == ["y"]


async def test_any_output_of_a_program_can_be_stored(records: SqliteRecords) -> None:
    lines = ["nul \0 byte", "umlaut ü", "\x1b[31mred\x1b[0m", "lone surrogate \udcff", ""]
    records.logs.append("s/demo/x", lines)
    stored = await texts(records.logs, "s/demo/x")
    assert stored == ["nul \0 byte", "umlaut ü", "\x1b[31mred\x1b[0m", "lone surrogate ?", ""]


async def test_lines_appended_from_a_thread_arrive(records: SqliteRecords) -> None:
    await asyncio.to_thread(records.logs.append, "s/demo/x", ["from a thread"])
    assert await texts(records.logs, "s/demo/x") == ["from a thread"]


async def test_the_tail_is_the_last_lines_in_their_order(records: SqliteRecords) -> None:
    records.logs.append("s/demo/x", [str(number) for number in range(10)])
    await records.logs.settled()
    lines = await records.logs.tail("s/demo/x", 3)
    assert [(line.number, line.text) for line in lines] == [(8, "7"), (9, "8"), (10, "9")]
    assert await records.logs.tail("no/such") == []

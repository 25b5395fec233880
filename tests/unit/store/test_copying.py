"""Copies of several stores while they are written to: of one moment."""

import asyncio
from pathlib import Path

from tests.support import eventually

from towpath.store.contract import Write
from towpath.store.copying import moment_of
from towpath.store.sqlite import SqliteStore

COPIES = 5


async def put(store: SqliteStore, number: int) -> None:
    value = str(number).encode()
    live = store.get("things", "counter")
    expected = live.revision if live else 0
    await store.commit(Write("things", "counter", expected, lambda _: value))


async def counted(path: Path) -> int:
    store = await SqliteStore.open(path)
    try:
        live = store.get("things", "counter")
        assert live is not None
        return int(live.value)
    finally:
        await store.close()


async def test_two_stores_are_copied_as_they_were_at_one_moment(tmp_path: Path) -> None:
    paths = [tmp_path / "first.db", tmp_path / "second.db"]
    stores = [await SqliteStore.open(path) for path in paths]
    number, stop, acknowledged = 0, asyncio.Event(), 0

    async def write() -> None:
        nonlocal number, acknowledged
        while not stop.is_set():
            number += 1
            await put(stores[0], number)
            await put(stores[1], number)
            acknowledged = number

    def copy(into: Path) -> tuple[int, int]:
        before = acknowledged
        with moment_of(paths, lambda: None) as moment:
            during = number
            for path in paths:
                moment.copy(path, into / path.name)
        return before, during

    writing = asyncio.create_task(write())
    for round_ in range(COPIES):
        until = number + 20

        async def enough(until: int = until) -> bool:
            return number >= until

        await eventually(enough)
        into = tmp_path / str(round_)
        into.mkdir()
        before, during = await asyncio.to_thread(copy, into)
        first, second = [await counted(into / path.name) for path in paths]
        assert second <= first <= second + 1, "the second follows the first, at every moment"
        assert before <= second, "what was acknowledged is there"
        assert first <= during + 1
    stop.set()
    await writing
    for store in stores:
        await store.close()

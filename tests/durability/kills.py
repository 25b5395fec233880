"""Kill -9 under a mixed load, again and again: nothing that was acknowledged may be lost.

    python -m tests.durability.kills [--kills 200] [--seed 1] [--folder DIR]

After each start every worker looks whether its objects are what it was told last. At the end the
file itself is read: each acknowledged write is there as it was answered, each has its audit entry,
and every watcher has seen each change of its collection once and in order, whatever died between.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import apsw
import orjson

from tests.durability.load import (
    DEFINITION,
    DEFINITIONS,
    GROUP,
    MAPS,
    THINGS,
    Watcher,
    Worker,
    Wrong,
)
from tests.durability.process import ApiProcess

WORKERS = 16
WATCHERS_EACH = 2
LIVES_S = (0.2, 2.5)
"""How long a server lives after it has become ready."""


@dataclass(frozen=True, slots=True)
class Report:
    kills: int
    writes: int
    cut_off: int
    events: int
    resumed: int
    rows: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.seconds:.0f} s: {self.writes} acknowledged writes, all "
            f"there; {self.cut_off} cut off, none by half; {self.events} events seen by watches "
            f"that were resumed {self.resumed} times; {self.rows} rows in the log, each audited"
        )


async def campaign(folder: Path, *, kills: int, seed: int, workers: int = WORKERS) -> Report:
    """Raises Wrong."""
    choose = random.Random(seed)
    began = time.monotonic()
    process = ApiProcess(folder)
    team = [Worker(number, random.Random(seed * 1000 + number)) for number in range(workers)]
    watchers: list[Watcher] = []
    cut_off = 0
    try:
        await process.start()
        await _prepare(process, watchers)
        for number in range(1, kills + 1):
            await _live(process, team, watchers, choose.uniform(*LIVES_S))
            await process.start()
            cut_off += sum(bool(kept.maybe) for one in team for kept in one.objects.values())
            if number % 20 == 0:
                sys.stderr.write(f"{number} kills, {time.monotonic() - began:.0f} s\n")
        async with process.client() as client:
            await asyncio.gather(*(one.look(client) for one in team))
        await process.kill()
    finally:
        with suppress(ProcessLookupError):
            await process.kill()
    rows = _check_disk(process.database, team, watchers)
    return Report(
        kills,
        sum(len(one.acknowledged) for one in team),
        cut_off,
        sum(len(one.seen) for one in watchers),
        sum(one.resumed - 1 for one in watchers),
        rows,
        time.monotonic() - began,
    )


async def _prepare(process: ApiProcess, watchers: list[Watcher]) -> None:
    async with process.client() as client:
        answer = await client.post(DEFINITIONS, json=DEFINITION)
        assert answer.status_code == 201, answer.text
        for path, collection in ((MAPS, "core/configmaps"), (THINGS, f"{GROUP}/things")):
            listed = (await client.get(path)).json()
            since = int(listed["metadata"]["resourceVersion"])
            watchers += [Watcher(path, collection, since) for _ in range(WATCHERS_EACH)]


async def _live(
    process: ApiProcess, team: Sequence[Worker], watchers: Sequence[Watcher], seconds: float
) -> None:
    """Everybody at work until the server is killed."""
    async with process.client() as client:
        running = [asyncio.create_task(one.run(client)) for one in team]
        running += [asyncio.create_task(one.run(client)) for one in watchers]
        done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        await process.kill()
        for task in done:
            task.result()
        await asyncio.gather(*running)


def _check_disk(database: Path, team: Sequence[Worker], watchers: Sequence[Watcher]) -> int:
    connection = apsw.Connection(str(database))
    rows = {
        revision: (collection, key, bytes(value), bool(deleted), prev)
        for revision, collection, key, value, deleted, prev in connection.execute(
            "SELECT rev, res, key, json, deleted, prev FROM log ORDER BY rev"
        )
    }
    audited = {revision for (revision,) in connection.execute("SELECT rev FROM audit")}
    if audited != set(rows):
        raise Wrong(f"audit and log differ: {sorted(audited ^ set(rows))[:10]}")
    replaced_by = {row[4]: revision for revision, row in rows.items() if row[4]}
    for told in (one for worker in team for one in worker.acknowledged):
        if told.body is None:
            after = rows.get(replaced_by.get(told.revision, 0))
            if after is None or not after[3]:
                raise Wrong(f"the deletion of {told.key} at {told.revision} is not there")
        elif rows.get(told.revision, ())[:3] != (told.collection, told.key, told.body):
            raise Wrong(f"{told.key} at {told.revision} is not as it was answered")
    for watcher in watchers:
        _check_watcher(watcher, rows)
    return len(rows)


def _check_watcher(watcher: Watcher, rows: dict[int, tuple[str, str, bytes, bool, int]]) -> None:
    """What it has seen is the log, up to where it was when the server died."""
    expected = [
        (revision, _type(deleted, prev), orjson.loads(value)["metadata"]["name"])
        for revision, (collection, _, value, deleted, prev) in rows.items()
        if collection == watcher.collection and watcher.began < revision <= watcher.since
    ]
    if watcher.seen != expected:
        missed = sorted(set(expected) - set(watcher.seen))[:5]
        invented = sorted(set(watcher.seen) - set(expected))[:5]
        raise Wrong(f"{watcher.path}: missed {missed}, not in the log {invented}")


def _type(deleted: bool, prev: int) -> str:
    if deleted:
        return "DELETED"
    return "MODIFIED" if prev else "ADDED"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="towpath-kills-") as name:
        folder = options.folder or Path(name)
        report = asyncio.run(campaign(folder, kills=options.kills, seed=options.seed))
    sys.stdout.write(f"{report}\n")


if __name__ == "__main__":
    main()

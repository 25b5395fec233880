"""Many clients at a few objects: whatever each was answered, one order explains it.

python -m tests.durability.linearizing [--seconds 300] [--clients 12] [--seed 1]
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import orjson

from tests.durability import histories
from tests.durability.histories import Change, Listing, Operation
from tests.durability.load import MAPS, lines
from tests.durability.process import ApiProcess
from tests.support import eventually

KEYS = tuple(f"key-{number}" for number in range(8))
CONFLICT, NOT_FOUND = 409, 404
KINDS = {"get": 5, "create": 2, "update": 4, "delete": 1, "list": 1}


@dataclass(slots=True)
class History:
    operations: list[Operation] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def check(self) -> None:
        """Raises AssertionError."""
        assert histories.unexplained(self.operations) == []
        assert histories.wrong_order(self.operations, self.changes) == []
        assert histories.wrong_lists(self.listings, self.changes, self.operations) == []

    def __str__(self) -> str:
        kinds = Counter(f"{one.kind} {one.answer}" for one in self.operations)
        told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        return (
            f"{len(self.operations)} operations ({told}), {len(self.listings)} lists, "
            f"{len(self.changes)} changes watched: one order explains them all"
        )


class Client:
    """One of those who write over each other."""

    def __init__(self, http: httpx2.AsyncClient, number: int, seed: int, history: History) -> None:
        self._http = http
        self._number = number
        self._choose = random.Random(f"{seed}-{number}")
        self._history = history
        self._known = dict.fromkeys(KEYS, 0)
        """The revisions that this client has seen: what it thinks is current."""
        self._written = 0

    async def run(self, until_s: float) -> None:
        while time.monotonic() < until_s:
            kind = self._choose.choices(list(KINDS), list(KINDS.values()))[0]
            if kind == "list":
                await self._list()
            else:
                await self._operate(kind, self._choose.choice(KEYS))

    async def _operate(self, kind: str, key: str) -> None:
        self._written += 1
        value = f"{self._number}/{self._written}"
        expected = self._known[key] if kind == "update" or self._choose.random() < 0.5 else 0
        began = time.monotonic()
        answer = await self._send(kind, key, value, expected)
        ended = time.monotonic()
        answered = {CONFLICT: "conflict", NOT_FOUND: "absent"}.get(answer.status_code, "ok")
        assert answer.status_code in (200, 201, CONFLICT, NOT_FOUND), answer.text
        revision = 0
        if answered == "ok" and kind != "delete":
            obj = answer.json()
            revision, value = int(obj["metadata"]["resourceVersion"]), obj["data"]["value"]
            self._known[key] = revision
        if kind not in ("update", "delete"):
            expected = 0
        told = Operation(began, ended, key, kind, answered, revision, value, expected)
        self._history.operations.append(told)

    async def _send(self, kind: str, key: str, value: str, expected: int) -> httpx2.Response:
        path = f"{MAPS}/{key}"
        match kind:
            case "get":
                return await self._http.get(path)
            case "create":
                return await self._http.post(MAPS, json=_object(key, value))
            case "update":
                return await self._http.put(path, json=_object(key, value, expected))
        preconditions = {"resourceVersion": str(expected)} if expected else {}
        body = orjson.dumps({"preconditions": preconditions})
        return await self._http.request("DELETE", path, content=body)

    async def _list(self) -> None:
        began = time.monotonic()
        answer = (await self._http.get(MAPS)).json()
        ended = time.monotonic()
        items = {
            item["metadata"]["name"]: (
                int(item["metadata"]["resourceVersion"]),
                item["data"]["value"],
            )
            for item in answer["items"]
            if item["metadata"]["name"] in KEYS
        }
        revision = int(answer["metadata"]["resourceVersion"])
        self._history.listings.append(Listing(began, ended, revision, items))


def _object(key: str, value: str, revision: int = 0) -> dict[str, object]:
    metadata = {"name": key} | ({"resourceVersion": str(revision)} if revision else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


async def _watch(http: httpx2.AsyncClient, since: str, history: History) -> None:
    query = {"watch": "true", "resourceVersion": since}
    async with http.stream("GET", MAPS, params=query, timeout=None) as answer:
        assert answer.status_code == 200
        async for line in lines(answer):
            event = orjson.loads(line)
            obj = event["object"]
            metadata = obj["metadata"]
            deleted = event["type"] == "DELETED"
            revision = int(metadata["resourceVersion"])
            value = obj["data"]["value"]
            history.changes.append(Change(revision, metadata["name"], value, deleted))


async def run(folder: Path, *, seconds: float, clients: int, seed: int) -> History:
    history = History()
    process = ApiProcess(folder)
    await process.start()
    try:
        async with process.client() as http:
            since = (await http.get(MAPS)).json()["metadata"]["resourceVersion"]
            watching = asyncio.create_task(_watch(http, since, history))
            until_s = time.monotonic() + seconds
            team = [Client(http, number, seed, history) for number in range(clients)]
            await asyncio.gather(*(one.run(until_s) for one in team))
            last = int((await http.get(MAPS)).json()["metadata"]["resourceVersion"])
            # The last change may have been to another collection; this one is to ours.
            marker = await http.post(MAPS, json=_object("the-end", "the end"))
            assert marker.status_code == 201

            async def has_come_to_the_end() -> bool:
                return bool(history.changes) and history.changes[-1].revision > last

            await eventually(has_come_to_the_end, deadline_s=30)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    finally:
        await process.kill()
    history.changes.pop()
    return history


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="towpath-linear-") as name:
        history = asyncio.run(
            run(Path(name), seconds=options.seconds, clients=options.clients, seed=options.seed)
        )
    history.check()
    sys.stdout.write(f"{history}\n")


if __name__ == "__main__":
    main()

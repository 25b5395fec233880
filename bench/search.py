"""Search as one types, and by Backstage's API: 100,000 entities and 50,000 passages.

Everything happens on this machine's disk with the records that the platform has. A viewer who sees
all is measured beside one who sees two projects of forty. Backstage's API is asked over HTTP by 8
clients in a process of their own: words that were not asked before, and words that were.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.apiserver.client import Load, Server, run
from bench.report import last_line, table
from towpath.apiserver.http.wire.listener import Listener
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.search.backstage import apis
from towpath.engines.identity.local import LocalIdentity
from towpath.hooks.platform import Platform
from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, EntityFilter, Viewer
from towpath.records.search import Passage
from towpath.records.sqlite import SqliteRecords
from towpath.web.apis import ForeignApis

SEED = 20_260_101
ENTITIES, PASSAGES, PROJECTS = 100_000, 50_000, 40
WORDS = 6_000
WORDS_OF_PASSAGE = 60
PER_SOURCE = 500
TIMES = 200
CLIENTS, REQUESTS = 8, 3_000
API_ENTITIES = 10_000
BUDGET_MS = 50.0
SYLLABLES = ("ba", "der", "fi", "gol", "hu", "kan", "lor", "mi", "nes", "pra", "qui", "sto", "tur")


def vocabulary(chance: random.Random) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(words)


def drawn(chance: random.Random, words: Sequence[str], count: int) -> list[str]:
    """Some words are everywhere and most are rare, as in any language."""
    return [words[min(int(chance.paretovariate(0.6)), len(words)) - 1] for _ in range(count)]


def entity(chance: random.Random, words: Sequence[str], number: int) -> Entity:
    name = "-".join((*chance.choices(words, k=2), str(number)))
    kind = chance.choice(("Component", "Component", "API", "Resource"))
    spec = {"type": "service", "lifecycle": "production", "owner": f"team-{number % 300}"}
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": project_of(number),
                "description": " ".join(drawn(chance, words, 12)),
            },
            "spec": {**spec, "definition": "{}"} if kind == "API" else spec,
        }
    )


def project_of(number: int) -> str:
    return f"project-{number // PER_SOURCE % PROJECTS}"


async def fill(records: SqliteRecords, words: Sequence[str], entities: int, passages: int) -> None:
    chance = random.Random(SEED)
    for first in range(0, entities, PER_SOURCE):
        some = [entity(chance, words, first + at) for at in range(PER_SOURCE)]
        await records.catalog.ingest(f"s{first}", some, project=project_of(first), version="1")
    for first in range(0, passages, PER_SOURCE):
        texts = [
            Passage(
                "docs",
                f"/docs/x/{first}#{at}",
                " ".join(drawn(chance, words, 3)),
                "Handbook",
                " ".join(drawn(chance, words, WORDS_OF_PASSAGE)),
            )
            for at in range(PER_SOURCE)
        ]
        await records.passages.put(
            f"docs:{first}",
            {"page": texts},
            entity=f"component:x/{first}",
            project=project_of(first),
        )


Ask = Callable[[Viewer, str], Awaitable[object]]


async def timed(ask: Ask, viewer: Viewer, texts: Sequence[str]) -> dict[str, float]:
    """As it was waited for, and what it took of a processor: the load does not change that."""
    took, cost = [], []
    for text in texts:
        began, used = time.perf_counter(), time.process_time()
        await ask(viewer, text)
        took.append((time.perf_counter() - began) * 1000)
        cost.append((time.process_time() - used) * 1000)
    return {
        "p99_ms": round(statistics.quantiles(took, n=100)[-1], 2),
        "cpu_ms": round(statistics.median(cost), 2),
        "cpu_p99_ms": round(statistics.quantiles(cost, n=100)[-1], 2),
    }


def asked_texts(chance: random.Random, words: Sequence[str]) -> dict[str, list[str]]:
    """What people type: the beginning of a word, one and two words, and a letter amiss."""
    some = [drawn(chance, words, 2) for _ in range(TIMES)]
    rare = [chance.choice(words) for _ in range(TIMES)]
    return {
        "first letters": [one[:3] for one in rare],
        "a word": [first for first, _ in some],
        "two words": [f"{first} {second[:4]}" for first, second in some],
        "a letter amiss": [one[:2] + one[3:] if len(one) > 4 else one + "x" for one in rare],
        "the commonest word": [words[0]] * 20,
    }


async def typing(records: SqliteRecords, words: Sequence[str]) -> list[dict[str, object]]:
    everything = Viewer(UserInfo("root"), None)
    few = Viewer(UserInfo("alice"), frozenset({"project-1", "project-2"}))

    async def passages(viewer: Viewer, text: str) -> object:
        return await records.passages.find(viewer, text, limit=8)

    async def entities(viewer: Viewer, text: str) -> object:
        return await records.catalog.find(viewer, EntityFilter(text=text), limit=8)

    async def both(viewer: Viewer, text: str) -> object:
        return await asyncio.gather(passages(viewer, text), entities(viewer, text))

    rows: list[dict[str, object]] = []
    for what, texts in asked_texts(random.Random(SEED + 1), words).items():
        for who, viewer in (("all", everything), ("2 of 40 projects", few)):
            row: dict[str, object] = {"typed": what, "sees": who}
            for name, ask in (("passages", passages), ("entities", entities), ("both", both)):
                figures = await timed(ask, viewer, texts)
                row |= {f"{name} {key}": value for key, value in figures.items()}
            rows.append(row)
    return rows


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError(f"{scope['path']} is not asked here")


def _pairs(chance: random.Random, words: Sequence[str]) -> list[tuple[str, str]]:
    return [(chance.choice(words), chance.choice(words)) for _ in range(REQUESTS)]


async def over_http(records: SqliteRecords, words: Sequence[str]) -> list[dict[str, object]]:
    """Backstage's API on the platform's own listener, with a token, by clients elsewhere."""
    unused: dict[str, Any] = dict.fromkeys(one.name for one in fields(Platform))
    given = {"catalog": records.catalog, "passages": records.passages, "changes": records.changes}
    platform = Platform(**{**unused, **given})

    async def authenticate(token: str) -> UserInfo | None:
        return UserInfo("root")

    async def viewer_of(user: UserInfo) -> Viewer:
        return Viewer(user, None)

    identity = LocalIdentity(records.identity)
    client: Any = None
    served = ForeignApis(apis(platform), identity, authenticate, viewer_of, lambda user: client)
    rows = []
    chance = random.Random(SEED + 2)
    new = [chance.choice(words) + chance.choice(words)[:2] for _ in range(REQUESTS)]
    there = [f"{first} {second[:3]}" for first, second in _pairs(chance, words)]
    many = [drawn(chance, words, 1)[0] for _ in range(REQUESTS)]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as clients:
        async with Listener(served.before(_nobody), port=0) as listener:
            for what, texts in (
                ("never asked before", new),
                ("words that are there", there),
                ("as people ask", many),
            ):
                used = time.process_time()
                load = await asyncio.get_running_loop().run_in_executor(
                    clients, loaded, listener.port, texts
                )
                rows.append(
                    {
                        "asked": what,
                        "per_s": round(len(texts) / load.seconds),
                        "p99_ms": round(statistics.quantiles(load.took_s, n=100)[-1] * 1000, 2),
                        "cpu_ms": round((time.process_time() - used) * 1000 / len(texts), 3),
                    }
                )
    return rows


def loaded(port: int, texts: Sequence[str]) -> Load:
    head = f"Host: localhost:{port}\r\nAuthorization: Bearer x\r\n\r\n"
    requests = [
        f"GET /api/search/query?term={quote(text)} HTTP/1.1\r\n{head}".encode() for text in texts
    ]
    return run(Server(f"http://127.0.0.1:{port}", "", ()), requests, connections=CLIENTS)


async def measured(entities: int, passages: int) -> dict[str, object]:
    words = vocabulary(random.Random(SEED))
    with tempfile.TemporaryDirectory() as folder:
        async with SqliteRecords(Path(folder) / "records.db") as records:
            began = time.perf_counter()
            await fill(records, words, entities, passages)
            filled_s = time.perf_counter() - began
            typed = await typing(records, words)
        async with SqliteRecords(Path(folder) / "few.db") as records:
            await fill(records, words, API_ENTITIES, API_ENTITIES // 2)
            asked = await over_http(records, words)
    print(f"  filled with {entities} entities and {passages} passages in {filled_s:.1f} s")
    table(typed)
    print(f"  /api/search/query over {API_ENTITIES} entities, {CLIENTS} clients")
    table(asked)
    worst = {
        name: max(float(str(row[f"both {name}"])) for row in typed)
        for name in ("p99_ms", "cpu_p99_ms")
    }
    return {"typed": typed, "asked": asked, "worst": worst, "budget_ms": BUDGET_MS}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?")
    parser.add_argument("--entities", type=int, default=ENTITIES)
    parser.add_argument("--passages", type=int, default=PASSAGES)
    asked = parser.parse_args(sys.argv[1:])
    last_line("search", asyncio.run(measured(asked.entities, asked.passages)))

"""Five hundred people look at pages at once: what it costs when nothing changes, and when it does.

Thirty sessions look at the tabs of one service, each open page with a stream of its own. A change
is made that all of them show, which is the worst case; each hears of it and fetches its page again,
as a browser does. Meanwhile somebody else asks for a page.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.platform import PlatformProcess

from bench.portal.visitor import Visitor, processor_s, signed_in
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.client.protocols import Client

PAGES_OPEN = 500
PEOPLE = ("admin", "alice", "bob")
SESSIONS = 30
QUIET_S = 20.0
HEAR_S_MAX = 120.0
ASK_EVERY_S = 0.2


@dataclass(slots=True)
class _Open:
    """One page that is looked at."""

    visitor: Visitor
    page: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[float] = field(default_factory=list)
    refetched: list[float] = field(default_factory=list)

    async def follow(self) -> None:
        """Hear of changes and fetch the page again, until the stream ends."""
        while True:
            await self.reader.readuntil(b"event: change")
            self.heard.append(time.perf_counter())
            await self.visitor.get(self.page)
            self.refetched.append(time.perf_counter())


def memory_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


async def _idle_percent(pid: int) -> float:
    """Of one core, while nothing changes."""
    before_s, began = processor_s(pid), time.perf_counter()
    await asyncio.sleep(QUIET_S)
    return (processor_s(pid) - before_s) * 100 / (time.perf_counter() - began)


async def _open_all(people: Sequence[Visitor], pages: Sequence[str]) -> list[_Open]:
    opened = []
    for number in range(PAGES_OPEN):
        person, page = people[number % len(people)], pages[number % len(pages)]
        reader, writer = await person.open_stream(page)
        opened.append(_Open(Visitor(person.port, person.cookie), page, reader, writer))
    return opened


async def _ask_meanwhile(visitor: Visitor, address: str, took_ms: list[float]) -> None:
    while True:
        took_ms.append((await visitor.get(address)).took_s * 1000)
        await asyncio.sleep(ASK_EVERY_S)


async def _changed(api: Client, project: str, service: str, text: str) -> float:
    began = time.perf_counter()
    await api.patch(WORKLOAD, service, project, {"spec": {"description": text}})
    return began


async def measure(
    platform: PlatformProcess, api: Client, project: str, service: str
) -> dict[str, object]:
    pid = platform.pid
    people = [await signed_in(platform, PEOPLE[n % len(PEOPLE)]) for n in range(SESSIONS)]
    other = await signed_in(platform, "admin")
    alone_percent = await _idle_percent(pid)
    before_mib = memory_mib(pid)
    service_page = f"/projects/{project}/workloads/{service}"
    tabs = [service_page + tab for tab in ("", "/deployments", "/resources", "/activity")]
    opened = await _open_all(people, tabs)
    await asyncio.sleep(2)
    open_mib = memory_mib(pid)
    open_percent = await _idle_percent(pid)
    took_ms: list[float] = []
    followers = [asyncio.create_task(one.follow()) for one in opened]
    asking = asyncio.create_task(_ask_meanwhile(other, "/create", took_ms))
    try:
        one = await _one_change(opened, api, pid, project, service)
        meanwhile_ms = list(took_ms)
    finally:
        for task in (*followers, asking):
            task.cancel()
        await asyncio.gather(*followers, asking, return_exceptions=True)
        for page in opened:
            page.writer.close()
            await page.visitor.close()
    return {
        "pages_open": PAGES_OPEN,
        "idle_percent_of_a_core_without": round(alone_percent, 2),
        "idle_percent_of_a_core": round(open_percent, 2),
        "memory_mib_each": round((open_mib - before_mib) / PAGES_OPEN, 3),
        **one,
        "page_meanwhile_median_ms": round(statistics.median(meanwhile_ms), 1),
        "page_meanwhile_worst_ms": round(max(meanwhile_ms), 1),
    }


async def _one_change(
    opened: Sequence[_Open], api: Client, pid: int, project: str, service: str
) -> dict[str, object]:
    """Of something that every open page shows: the worst case."""
    before_s = processor_s(pid)
    began = await _changed(
        api, project, service, f"Changed at {time.time():.3f} while all look at it."
    )
    async with asyncio.timeout(HEAR_S_MAX):
        while not all(page.refetched for page in opened):  # noqa: ASYNC110 - they are many
            await asyncio.sleep(0.05)
    heard = sorted(page.heard[0] - began for page in opened)
    shown = sorted(page.refetched[0] - began for page in opened)
    return {
        "hear_first_s": round(heard[0], 3),
        "hear_median_s": round(statistics.median(heard), 3),
        "hear_p99_s": round(heard[int(len(heard) * 0.99)], 3),
        "all_pages_shown_s": round(shown[-1], 3),
        "processor_s_for_one_change": round(processor_s(pid) - before_s, 2),
    }

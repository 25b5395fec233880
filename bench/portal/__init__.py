"""The portal with a thousand services: every page, the first load, and five hundred open pages.

A real platform process with the crowd of `tests.crowd`. Pages are asked for over a connection that
is kept open, as who sees all and as a member of some projects; "processor" is what a page costs the
platform's process, which other work on the machine does not change as much. No peer is measured
beside it: portals with a comparable page need a cluster and minutes to start.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.crowd import running_crowd
from tests.platform import PlatformProcess

from bench.portal import browser, described, pages, streams, transfer
from bench.portal.visitor import processor_s, signed_in
from bench.report import last_line, table
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD

SERVICES = 1000
PEOPLE = {"admin": "sees all", "alice": "member"}
PROJECT = "payments"
PAGE_BUDGET_MS = 15.0
LOAD_BUDGET_MS = 200.0
SCRIPT_BUDGET_BYTES = 60_000
IDLE_BUDGET_PERCENT = 1.0
SETTLED_BELOW_S = 0.03
SETTLE_S_MAX = 300.0


async def settle(platform: PlatformProcess) -> float:
    """Wait until the controllers have looked at everything; the processor time that it took."""
    async with asyncio.timeout(SETTLE_S_MAX):
        quiet = 0
        while quiet < 3:
            before_s = processor_s(platform.pid)
            await asyncio.sleep(1)
            quiet = quiet + 1 if processor_s(platform.pid) - before_s < SETTLED_BELOW_S else 0
    return processor_s(platform.pid)


async def measure_pages(platform: PlatformProcess) -> list[pages.PageTime]:
    async with platform.client() as api:
        addresses, unknown = await pages.addresses(api, PROJECT)
    for route in unknown:
        print(f"  Not measured, for want of an example in bench/portal/pages.py: {route}")
    found = []
    for person in PEOPLE:
        visitor = await signed_in(platform, person)
        for route, address in addresses.items():
            found.append(await pages.measure(visitor, platform.pid, person, route, address))
        await visitor.close()
    return found


async def bench(services: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as folder:
        async with running_crowd(Path(folder), services=services) as platform:
            await described.make(platform, Path(folder) / "people")
            figures: dict[str, object] = {
                "services": services,
                "settled_processor_s": round(await settle(platform), 1),
                "memory_mib": round(streams.memory_mib(platform.pid)),
            }
            times = await measure_pages(platform)
            report_pages(times)
            figures["pages"] = [_figures(one) for one in times]
            figures["worst_page_median_ms"] = round(max(one.median_ms for one in times), 1)
            visitor = await signed_in(platform, "alice")
            figures["transfer"] = await transfer.measure(visitor, "/")
            if browser.chromium():
                figures["browser"] = await browser.measure(platform, visitor)
            async with platform.client() as api:
                service = (await api.list(WORKLOAD, PROJECT, limit=1)).items[0]
                figures["streams"] = await streams.measure(
                    platform, api, PROJECT, service["metadata"]["name"]
                )
            return figures


def _figures(one: pages.PageTime) -> dict[str, object]:
    return {
        "route": one.route,
        "who": one.who,
        "median_ms": round(one.median_ms, 2),
        "p99_ms": round(one.p99_ms, 2),
        "processor_ms": round(one.cpu_ms, 2),
        "bytes": one.size,
    }


def report_pages(times: list[pages.PageTime]) -> None:
    table(
        [
            {
                "page": one.route,
                "as": one.who,
                "status": one.status,
                "median ms": f"{one.median_ms:.1f}",
                "p99 ms": f"{one.p99_ms:.1f}",
                "processor ms": f"{one.cpu_ms:.1f}",
                "kB": one.size // 1000,
            }
            for one in sorted(times, key=lambda one: -one.median_ms)
        ]
    )
    for one in times:
        if one.status >= 400:
            print(f"  Not a page: {one.who} is told {one.status} at {one.address}")
    over = [one for one in times if one.median_ms >= PAGE_BUDGET_MS]
    print(f"  {len(times) - len(over)} of {len(times)} pages under {PAGE_BUDGET_MS:.0f} ms.")


def report(figures: dict[str, object]) -> None:
    for name in ("transfer", "browser", "streams"):
        if isinstance(part := figures.get(name), dict):
            table([{name: key.replace("_", " "), "": value} for key, value in part.items()])
    last_line(
        "portal",
        {
            **figures,
            "budgets": {
                "page_median_ms": PAGE_BUDGET_MS,
                "usable_ms": LOAD_BUDGET_MS,
                "javascript_bytes": SCRIPT_BUDGET_BYTES,
                "idle_percent_of_a_core": IDLE_BUDGET_PERCENT,
            },
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--services", type=int, default=SERVICES)
    report(asyncio.run(bench(parser.parse_known_args()[0].services)))

"""How long a start takes, cold and warm, and what an idle platform costs in memory and processor.

Cold is a new data directory with the caches filled; warm is an existing one with one service, of
which the platform has to start the processes again. Idle is half a minute in which nobody asks for
anything, with that one service running and its readiness probed. The platform's own processes are
all that it has started but PostgreSQL and the workloads, which are shown apart.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.platform import PlatformProcess, free_port

from bench.report import last_line, median_and_worst, table

STARTS = 5
IDLE_S = 30.0
SETTLE_S = 5.0
WARM_BUDGET_S, MEMORY_BUDGET_MIB, CPU_BUDGET_PERCENT = 3.0, 200.0, 2.0
PLATFORM, POSTGRESQL, WORKLOADS = "platform", "PostgreSQL", "workloads"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    processes: int = 0
    rss_mib: float = 0.0
    pss_mib: float = 0.0
    cpu_s: float = 0.0

    def plus(self, other: "Cost") -> "Cost":
        return Cost(
            self.processes + other.processes,
            self.rss_mib + other.rss_mib,
            self.pss_mib + other.pss_mib,
            self.cpu_s + other.cpu_s,
        )


def descendants(root: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # gone meanwhile
            children[int(parent)].append(int(entry.name))
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def sort_of(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    if b"postgres" in command.split(b" ")[0] or command.startswith(b"postgres:"):
        return POSTGRESQL
    return PLATFORM if b"towpath" in command else WORKLOADS


def cost_of(pid: int) -> Cost:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    memory = {
        line.split(":")[0]: int(line.split()[1])
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    }
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return Cost(1, memory["Rss"] / 1024, memory["Pss"] / 1024, cpu_s)


def costs(root: int) -> dict[str, Cost]:
    found = {PLATFORM: Cost(), POSTGRESQL: Cost(), WORKLOADS: Cost()}
    for pid in descendants(root):
        try:
            sort, cost = sort_of(pid), cost_of(pid)
        except (OSError, IndexError):
            continue  # gone meanwhile
        found[sort] = found[sort].plus(cost)
    return found


@dataclass(frozen=True, slots=True)
class Start:
    """`cpu_s` is what its own processes have used by then, which no busy neighbour changes."""

    seconds: float
    cpu_s: float


async def start(data: Path, port: int) -> tuple[PlatformProcess, Start]:
    platform = PlatformProcess(data, port=port)
    since = time.monotonic()
    await platform.start()
    seconds = time.monotonic() - since
    return platform, Start(seconds, costs(platform.pid)[PLATFORM].cpu_s)


async def cold_starts(folder: Path) -> list[Start]:
    took = []
    for number in range(STARTS + 1):
        platform, one = await start(folder / f"cold-{number}", free_port())
        await platform.stop()
        if number:  # the first one fills the caches
            took.append(one)
    return took


async def warm_starts(data: Path, port: int) -> list[Start]:
    took = []
    for _ in range(STARTS):
        platform, one = await start(data, port)
        await platform.stop()
        took.append(one)
    return took


def figures(starts: list[Start]) -> dict[str, float]:
    cpu_s = statistics.median(one.cpu_s for one in starts)
    return {**median_and_worst([one.seconds for one in starts]), "cpu_s": round(cpu_s, 3)}


async def idle(data: Path, port: int) -> tuple[dict[str, Cost], dict[str, float]]:
    """What each sort of process holds and uses while nobody asks for anything."""
    async with AsyncExitStack() as stack:
        platform, _ = await start(data, port)
        stack.push_async_callback(platform.stop)
        answered = await platform.towpath("get", "pods", "--cluster", "local", "-o", "name")
        assert answered.stdout.strip(), "the service does not run"
        await asyncio.sleep(SETTLE_S)
        before = costs(platform.pid)
        await asyncio.sleep(IDLE_S)
        after = costs(platform.pid)
    used = {sort: 100 * (after[sort].cpu_s - before[sort].cpu_s) / IDLE_S for sort in after}
    return after, used


async def deploy(data: Path, port: int) -> None:
    platform, _ = await start(data, port)
    made = await platform.towpath("new", "python-service", "idle", "--project", "demo", "--wait")
    await platform.stop()
    assert made.code == 0, made.stderr


def show(
    cold: list[Start], warm: list[Start], held: Mapping[str, Cost], used: Mapping[str, float]
) -> None:
    starts = {"cold": figures(cold), "warm": figures(warm)}
    table(
        [
            {
                "start to ready": name,
                "median s": took["median_s"],
                "worst s": took["worst_s"],
                "processor s": took["cpu_s"],
            }
            for name, took in starts.items()
        ]
    )
    table(
        [
            {
                "idle, one service": sort,
                "processes": cost.processes,
                "PSS MiB": round(cost.pss_mib, 1),
                "RSS MiB": round(cost.rss_mib, 1),
                "% of a core": round(used[sort], 2),
            }
            for sort, cost in held.items()
        ]
    )
    own = held[PLATFORM]
    print(
        f"  Budgets: warm start {WARM_BUDGET_S:.0f} s, the platform's own memory "
        f"{MEMORY_BUDGET_MIB:.0f} MiB, {CPU_BUDGET_PERCENT:.0f} % of a core."
    )
    last_line(
        "start",
        {
            **starts,
            "idle": {
                sort: {
                    "processes": cost.processes,
                    "pss_mib": round(cost.pss_mib, 1),
                    "rss_mib": round(cost.rss_mib, 1),
                    "cpu_percent": round(used[sort], 2),
                }
                for sort, cost in held.items()
            },
            "within_budget": starts["warm"]["median_s"] < WARM_BUDGET_S
            and own.rss_mib < MEMORY_BUDGET_MIB
            and used[PLATFORM] < CPU_BUDGET_PERCENT,
        },
    )


async def bench() -> None:
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as name:
        folder, port = Path(name), free_port()
        cold = await cold_starts(folder)
        data = folder / "warm"
        await deploy(data, port)
        warm = await warm_starts(data, port)
        held, used = await idle(data, port)
    show(cold, warm, held, used)


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_known_args()
    asyncio.run(bench())


if __name__ == "__main__":
    main()

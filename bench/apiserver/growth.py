"""Whether a cost grows with the work alone: ours with ever more objects, and with many definitions.

Of a create and a get the server's own processor time is looked at, because what else the machine
does changes the rate more than a million objects do.
"""

import statistics
import subprocess
import sys
from pathlib import Path

from bench.apiserver.client import run
from bench.apiserver.fill import shuffled
from bench.apiserver.measures import (
    CONNECTIONS,
    memory_mib,
    processor_s,
    watch,
)
from bench.apiserver.requests import COLLECTION, Requests
from bench.apiserver.sides import Side, ours
from bench.report import table

SIZES = (1_000, 10_000, 100_000)
MILLION = 1_000_000
SAMPLE = 1_000
"""Requests that are measured at each size."""
DEFINITIONS = 5_000
DEFINITIONS_MIB_MAX, DEFINITIONS_S_MAX = 50.0, 1.0


def measure_growth(folder: Path, *, million: bool) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    with ours(folder) as side:
        user = side.prepared()
        run(side.server, user.creates([shuffled(0)]), connections=1)
    made = 1
    for size in (*SIZES, *((MILLION,) if million else ())):
        fill(folder, made, size - SAMPLE)
        with ours(folder) as side:
            rows.append(_at(side, user, size, max(made, size - SAMPLE)))
        made = size
    table([{name: _shown(value) for name, value in row.items()} for row in rows])
    return rows


def fill(folder: Path, first: int, end: int) -> None:
    command = [sys.executable, "-m", "bench.apiserver.fill", str(folder), str(first), str(end)]
    subprocess.run(command, check=True)


def _shown(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _at(side: Side, user: Requests, size: int, made: int) -> dict[str, object]:
    new = [shuffled(index) for index in range(made, size)]
    create_us = _processor_us(side, list(user.creates(new)))
    get_us = _processor_us(side, list(user.gets(new)))
    listed = run(side.server, [user.read(COLLECTION)] * 3, connections=1)
    delays = watch(side, user, prefix=f"watched-{size}", events=100)
    return {
        "objects": size,
        "create µs": create_us,
        "get µs": get_us,
        "list ms": 1000 * min(listed.took_s),
        "list µs each": 1_000_000 * min(listed.took_s) / size,
        "event p50 ms": 1000 * statistics.median(delays),
        "resident MiB": memory_mib(side),
        "ready s": side.ready_s,
    }


def _processor_us(side: Side, requests: list[bytes]) -> float:
    before_s = processor_s(side)
    run(side.server, requests, connections=CONNECTIONS)
    return 1_000_000 * (processor_s(side) - before_s) / len(requests)


def measure_definitions(folder: Path) -> dict[str, float]:
    """What thousands of definitions add to memory and to a start, each beside none."""
    without_s, without_mib = _started(folder)
    with ours(folder) as side:
        side.prepared()
        connection = side.server.connect()
        for number in range(DEFINITIONS):
            side.define(connection, number, wait=False)
        connection.close()
        created_mib = memory_mib(side)
    with_s, with_mib = _started(folder)
    return {
        "definitions": DEFINITIONS,
        "created_mib": created_mib,
        "added_mib": with_mib - without_mib,
        "added_start_processor_s": with_s - without_s,
    }


def _started(folder: Path) -> tuple[float, float]:
    """Processor seconds until ready, and MiB then."""
    with ours(folder) as side:
        return processor_s(side), memory_mib(side)

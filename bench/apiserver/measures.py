"""What is measured, on one side: each measure asks the server that it is given and nothing else."""

import json
import os
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.apiserver.client import Load, WatchedCreates, run
from bench.apiserver.requests import COLLECTION, Requests
from bench.apiserver.sides import Side

CONNECTIONS = 16
OBJECTS = 10_000
GETS = 20_000
CHANGES = 3_000
LISTS = 7
WATCH_PER_S = 50.0
WATCH_EVENTS = 500
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Figures:
    """What one side did, and for each measure who was busy with it and for how long."""

    ready_s: float
    create_per_s: float = 0.0
    get_per_s: float = 0.0
    list_ms: float = 0.0
    merge_patch_per_s: float = 0.0
    apply_per_s: float = 0.0
    watch_p50_ms: float = 0.0
    watch_p99_ms: float = 0.0
    memory_mib: float = 0.0
    list_mb: float = 0.0
    client_cores: dict[str, float] = field(default_factory=dict)
    server_cores: dict[str, float] = field(default_factory=dict)
    server_us: dict[str, float] = field(default_factory=dict)
    """Processor time of the server a request: what else the machine does changes it least."""


def memory_mib(side: Side) -> float:
    return sum(_resident_kib(pid) for pid in side.server.pids) / 1024


def _resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("a running process has memory")


def processor_s(side: Side) -> float:
    return sum(_processor_s(pid) for pid in side.server.pids)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number:07d}" for number in range(count)]


def measure(side: Side) -> Figures:
    figures = Figures(side.ready_s)
    user = side.prepared()
    made = names("widget", OBJECTS)

    def loaded(name: str, requests: Iterator[bytes], connections: int = CONNECTIONS) -> Load:
        before_s = processor_s(side)
        load = run(side.server, requests, connections=connections)
        figures.client_cores[name] = round(load.client_core, 2)
        used_s = processor_s(side) - before_s
        figures.server_cores[name] = round(used_s / load.seconds, 2)
        figures.server_us[name] = round(1_000_000 * used_s / len(load.took_s))
        return load

    run(side.server, user.creates(names("warm", 200)), connections=CONNECTIONS)
    run(side.server, user.gets(names("warm", 200)), connections=CONNECTIONS)
    run(side.server, (user.delete(f"{COLLECTION}/{n}") for n in names("warm", 200)), connections=4)

    figures.create_per_s = loaded("create", user.creates(made)).per_s
    asked = (made * (GETS // OBJECTS + 1))[:GETS]
    figures.get_per_s = loaded("get", user.gets(asked)).per_s
    figures.list_ms, figures.list_mb = list_time(side, user, loaded)
    changed = made[:CHANGES]
    figures.merge_patch_per_s = loaded("merge patch", user.merge_patches(changed)).per_s
    figures.apply_per_s = loaded("apply", user.applies(changed)).per_s
    delays = watch(side, user)
    figures.watch_p50_ms = 1000 * statistics.median(delays)
    figures.watch_p99_ms = 1000 * statistics.quantiles(delays, n=100)[98]
    figures.memory_mib = memory_mib(side)
    return figures


def list_time(
    side: Side, user: Requests, loaded: Callable[[str, Iterator[bytes], int], Load]
) -> tuple[float, float]:
    """Median milliseconds of a list of everything, and its megabytes."""
    connection = side.server.connect()
    size = len(connection.ask(user.read(COLLECTION)))
    connection.close()
    load = loaded("list", iter([user.read(COLLECTION)] * LISTS), 1)
    return 1000 * statistics.median(load.took_s), size / 1e6


def watch(
    side: Side, user: Requests, prefix: str = "watched", events: int = WATCH_EVENTS
) -> list[float]:
    """Seconds from sending a create to receiving its event, one after the other."""
    since = f"{COLLECTION}?watch=1&resourceVersion={newest(side, user)}"
    new = names(prefix, events)
    creates = dict(zip(new, user.creates(new), strict=True))
    return WatchedCreates(side.server, user.read(since), creates).run(WATCH_PER_S)


def newest(side: Side, user: Requests) -> str:
    connection = side.server.connect()
    answer = json.loads(connection.ask(user.read(f"{COLLECTION}?limit=1")))
    connection.close()
    return str(answer["metadata"]["resourceVersion"])

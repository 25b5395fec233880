"""The catalogue under load: 10,000 entities in a real platform, asked by 8 clients as Backstage is.

`--entities N` for more or fewer, `--curve` for the cost of a refresh at 1,000, 10,000 and 100,000
entities. Backstage's figures are those of issue 6, measured elsewhere; with `--peer URL` and
`--peer-pid N` a Backstage that runs here is filled and asked after us, and compared.
Each request is measured twice: always the same, and each time another, which no cache answers.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.platform import PlatformProcess

from bench.catalog.company import SEED, SHARES, Company, company, write
from bench.catalog.curve import curve
from bench.catalog.loads import LOADS, Asking, measured
from bench.catalog.peer import Peer
from bench.catalog.peer import show as compare
from bench.report import last_line, table
from bench.start import PLATFORM, costs
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.client.kubeconfig import from_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.hooks.platform import SYSTEM_NAMESPACE

ENTITIES = 10_000
INGEST_S_MAX = 600.0
IDLE_S = 20.0
SETTLE_S = 5.0
QUIET_CORE, QUIET_TRIES = 0.05, 24
BACKSTAGE = {
    "cold start s": 8.5,
    "ingest wall s": 86.0,
    "ingest processor s": 65.0,
    "memory MiB": 610.0,
    "idle core": 0.11,
}
"""The better of its two databases, in each line."""
PEER = "Backstage 1.55, as issue 6 measured it on another run; it is not part of this one"


async def entities_known(asking: Asking) -> int:
    body = json.loads(asking.once("/entities/by-query?limit=0"))
    total: int = body["totalItems"]
    return total


async def ingest(platform: PlatformProcess, folder: Path, entities: int) -> dict[str, float]:
    """From the source's creation until the last entity is found."""
    asking = Asking.of(platform)
    before = await entities_known(asking)
    cpu = costs(platform.pid)[PLATFORM].cpu_s
    began = time.monotonic()
    async with KubernetesClient(from_kubeconfig(platform.kubeconfig)) as client:
        await client.create(
            CATALOG_SOURCE,
            {
                "apiVersion": "towpath.dev/v1alpha1",
                "kind": "CatalogSource",
                "metadata": {"name": "company", "namespace": SYSTEM_NAMESPACE},
                "spec": {
                    "type": "directory",
                    "directory": {"path": str(folder)},
                    "rules": [{"allow": [*SHARES, "Component"]}],
                },
            },
        )
        while await entities_known(asking) < before + entities:
            assert time.monotonic() < began + INGEST_S_MAX, "the entities do not come"
            await asyncio.sleep(0.2)
    seconds = time.monotonic() - began
    return {"wall_s": seconds, "cpu_s": costs(platform.pid)[PLATFORM].cpu_s - cpu}


async def idle(platform: PlatformProcess) -> float:
    """After what others make of new entities is done: scores, docs, definitions."""
    for _ in range(QUIET_TRIES):
        before = costs(platform.pid)[PLATFORM].cpu_s
        await asyncio.sleep(SETTLE_S)
        if costs(platform.pid)[PLATFORM].cpu_s - before < QUIET_CORE * SETTLE_S:
            break
    before = costs(platform.pid)[PLATFORM].cpu_s
    await asyncio.sleep(IDLE_S)
    return (costs(platform.pid)[PLATFORM].cpu_s - before) / IDLE_S


async def platform_figures(folder: Path, known: Company) -> dict[str, Any]:
    entities = len(known.descriptors)
    write(known.descriptors, folder / "company")
    arguments = ("--catalog-root", str(folder / "company"))
    platform = PlatformProcess(folder / "data", arguments=arguments)
    began = time.monotonic()
    await platform.start()
    cold_s = time.monotonic() - began
    try:
        await asyncio.sleep(SETTLE_S)
        empty = costs(platform.pid)[PLATFORM]
        took = await ingest(platform, folder / "company", entities)
        idle_core = await idle(platform)
        loads = measured(Asking.of(platform), known)
        full = costs(platform.pid)[PLATFORM]
    finally:
        await platform.stop()
    return {
        "entities": entities,
        "cold_start_s": round(cold_s, 2),
        "ingest_wall_s": round(took["wall_s"], 2),
        "ingest_cpu_s": round(took["cpu_s"], 2),
        "memory_mib": round(full.pss_mib, 1),
        "memory_before_mib": round(empty.pss_mib, 1),
        "memory_of_entities_mib": round(full.pss_mib - empty.pss_mib, 1),
        "idle_core": round(idle_core, 4),
        "loads": loads,
    }


def show(figures: dict[str, Any]) -> None:
    ours = {
        "cold start s": figures["cold_start_s"],
        "ingest wall s": figures["ingest_wall_s"],
        "ingest processor s": figures["ingest_cpu_s"],
        "memory MiB": figures["memory_mib"],
        "idle core": figures["idle_core"],
    }
    table(
        [
            {
                f"{figures['entities']} entities": name,
                "ours": value,
                "Backstage": BACKSTAGE[name],
                "share of it": float(str(value)) / BACKSTAGE[name],
            }
            for name, value in ours.items()
        ]
    )
    print(
        f"  Of the memory {figures['memory_before_mib']} MiB are the platform without them "
        f"(PSS); the entities and the answering of them add {figures['memory_of_entities_mib']}."
    )
    loads = figures["loads"]
    assert isinstance(loads, dict)
    table(
        [
            {
                "8 clients": name,
                "same /s": load["same"]["per_s"],
                "p99 ms": load["same"]["p99_ms"],
                "each another /s": load["other"]["per_s"],
                "p99 ms ": load["other"]["p99_ms"],
                "server µs": load["other"]["server_us"],
                "a core /s": round(1e6 / load["other"]["server_us"]),
                "Backstage /s": LOADS[name].backstage_per_s,
                "times": round(1e6 / load["other"]["server_us"] / LOADS[name].backstage_per_s, 1),
            }
            for name, load in loads.items()
        ]
    )
    print(f"  Backstage: {PEER}.")
    print(
        "  What a core does is by the server's processor time, whatever else runs: `times` is that "
        "against Backstage's rate on a quiet machine."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--entities", type=int, default=ENTITIES)
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--peer", help="the address of a Backstage that runs here, and is empty")
    parser.add_argument("--peer-pid", type=int, help="its process")
    options, _ = parser.parse_known_args()
    if bool(options.peer) != bool(options.peer_pid):
        parser.error("--peer and --peer-pid go together: its memory and processor are measured")
    with tempfile.TemporaryDirectory(prefix="towpath-bench-") as name:
        if options.curve:
            asyncio.run(curve(Path(name)))
            return
        known = company(options.entities)
        figures = asyncio.run(platform_figures(Path(name), known))
        show(figures)
        if options.peer:
            peer = Peer(options.peer, options.peer_pid)
            figures["backstage"] = peer.figures(Path(name) / "company", known)
            compare(figures, figures["backstage"])
    worst = statistics.fmean(load["other"]["p99_ms"] for load in figures["loads"].values())
    last_line("catalog", {"seed": SEED, "peer": PEER, "mean_p99_ms": round(worst, 2), **figures})

"""A hostile client: everything that a server on a network has to expect, for as long as one wants.

    python -m tests.hostile.client [--seconds 1200] [--seed 1] [--folder DIR]

Throughout, the server answers somebody else within a deadline, its memory stays within bounds, a
secret that nobody may read appears in no answer, no right changes, and no request is a fault.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability.process import ApiProcess
from tests.hostile import attacks_bodies, attacks_http, attacks_rights
from tests.hostile.scene import Breach, Scene
from tests.hostile.wire import Silent, request

Attack = Callable[[Scene, random.Random], Awaitable[None]]

ATTACKERS = 6
ANSWER_S_MAX = 15.0
"""Somebody else's simple question, in the middle of it all; on a busy machine."""
MEMORY_GROWTH_MIB_MAX = 300.0
PAUSE_S = 0.1
WARM_S = 60.0
"""After that memory may no longer grow by much."""


@dataclass(slots=True)
class Report:
    seconds: float = 0.0
    attacks: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    bystander_s: list[float] = field(default_factory=list)
    memory_mib: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        waits = sorted(self.bystander_s) or [0.0]
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.attacks.items()))
        told = ", ".join(f"{code} {count}" for code, count in sorted(self.answers.items()))
        return (
            f"{sum(self.attacks.values())} attacks in {self.seconds:.0f} s ({done})\n"
            f"answers: {told}\n"
            f"a bystander's request: median {waits[len(waits) // 2] * 1000:.0f} ms, "
            f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms, "
            f"worst {waits[-1] * 1000:.0f} ms of {len(waits)}\n"
            f"memory MiB: {' '.join(f'{one:.0f}' for one in self.memory_mib)}"
        )


def attacks(hanging: attacks_http.Hanging) -> dict[str, tuple[Attack, int]]:
    """By name, with how often it comes."""
    return {
        "malformed": (attacks_http.malformed, 6),
        "noise": (attacks_http.noise, 2),
        "chunked": (attacks_http.chunked, 2),
        "oversized": (attacks_http.oversized, 1),
        "compressed": (attacks_http.compressed, 1),
        "pipelined": (attacks_http.pipelined, 1),
        "smuggled": (attacks_http.smuggled, 2),
        "hanging": (hanging, 3),
        "paths": (attacks_rights.paths, 10),
        "lists": (attacks_rights.lists, 8),
        "tokens": (attacks_rights.tokens, 8),
        "impersonation": (attacks_rights.impersonation, 3),
        "escalation": (attacks_rights.escalation, 8),
        "reviews": (attacks_rights.reviews, 4),
        "bodies": (attacks_bodies.bodies, 10),
        "queries": (attacks_bodies.queries, 6),
        "churn": (attacks_bodies.churn, 1),
    }


async def assault(folder: Path, *, seconds: float, seed: int) -> Report:
    """Raises Breach, Silent."""
    report = Report(seconds)
    process = ApiProcess(folder)
    scene = Scene(process)
    hanging = attacks_http.Hanging()
    try:
        await process.start()
        await scene.prepare()
        # One of them ends it all when something is wrong.
        async with asyncio.timeout(seconds + 120), asyncio.TaskGroup() as tasks:
            until_s = time.monotonic() + seconds
            for number in range(ATTACKERS):
                choose = random.Random(f"{seed}-{number}")
                tasks.create_task(_attack(scene, hanging, choose, until_s, report))
            tasks.create_task(_stand_by(scene, until_s, report))
        await scene.check_rights()
        scene.check_log()
    finally:
        await hanging.close()
        with suppress(ProcessLookupError):
            await process.kill()
    report.answers = scene.answered
    return report


async def _attack(
    scene: Scene,
    hanging: attacks_http.Hanging,
    choose: random.Random,
    until_s: float,
    report: Report,
) -> None:
    known = attacks(hanging)
    weights = [weight for _, weight in known.values()]
    while time.monotonic() < until_s:
        name = choose.choices(list(known), weights)[0]
        report.attacks[name] += 1
        try:
            await known[name][0](scene, choose)
        except Silent:
            raise Breach(f"no answer to {name}") from None
        except OSError:
            # A connection that the server has closed before all was said.
            continue


async def _stand_by(scene: Scene, until_s: float, report: Report) -> None:
    """Somebody who means no harm and is answered all the while."""
    began = time.monotonic()
    questions = [
        request("GET", "/readyz"),
        request("GET", "/api/v1/namespaces/vault/secrets/canary", token=scene.admin),
        request("GET", "/api/v1/namespaces", token=scene.admin),
    ]
    warm_mib = 0.0
    sampled = 0
    async with scene.wire() as wire:
        while (now := time.monotonic()) < until_s:
            for question in questions:
                asked = time.monotonic()
                async with asyncio.timeout(ANSWER_S_MAX):
                    answer = await wire.ask(question)
                if answer.status != 200:
                    raise Breach(f"a bystander was answered {answer.status} {answer.body[:200]!r}")
                report.bystander_s.append(time.monotonic() - asked)
            if now - began > sampled * 30:
                sampled += 1
                report.memory_mib.append(scene.process.memory_mib())
                if not warm_mib and now - began > WARM_S:
                    warm_mib = report.memory_mib[-1]
                if warm_mib and report.memory_mib[-1] > warm_mib + MEMORY_GROWTH_MIB_MAX:
                    raise Breach(f"memory grows: {report.memory_mib}")
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    # It warns of writes to connections that the other side has closed, which is the point here.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="towpath-hostile-") as name:
        folder = options.folder or Path(name)
        report = asyncio.run(assault(folder, seconds=options.seconds, seed=options.seed))
    sys.stdout.write(f"{report}\n")


if __name__ == "__main__":
    main()

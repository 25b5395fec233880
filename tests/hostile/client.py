"""A hostile client: everything that a server on a network has to expect, for as long as one wants.

    python -m tests.hostile.client [--seconds 1200] [--seed 1] [--folder DIR] [--attackers 6]

Throughout, the server answers somebody else within a deadline, its memory stays within bounds, a
secret that nobody may read appears in no answer, no right changes, and no request is a fault. When
it is over the server has no more files open than before, and nothing left to do.

With one attacker it is also told what each attack has cost the server at most.
"""

import argparse
import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.durability.process import ApiProcess
from tests.hostile import (
    attacks_bodies,
    attacks_costs,
    attacks_grants,
    attacks_http,
    attacks_http2,
    attacks_rights,
)
from tests.hostile.scene import Breach, Scene
from tests.hostile.wire import Silent, request

Attack = Callable[[Scene, random.Random], Awaitable[None]]

ATTACKERS = 6
ANSWER_PROCESSOR_S_MAX = 5.0
"""What the server may compute before somebody else's simple question is answered; how long that
takes by the clock is also a matter of what else the machine does."""
ANSWER_S_MAX = 120.0
MEMORY_GROWTH_MIB_MAX = 300.0
PAUSE_S = 0.1
WARM_S = 60.0
"""After that memory may no longer grow by much."""
FILES_LEFT_MAX = 8
IDLE_CORES_MAX = 0.5
QUIET_S_MAX = 120.0
"""What was begun comes to its end, and who does not read is cut off."""


@dataclass(slots=True)
class Report:
    seconds: float = 0.0
    attacks: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    bystander_s: list[float] = field(default_factory=list)
    computed_s_max: float = 0.0
    """By the server while one of them waited."""
    memory_mib: list[float] = field(default_factory=list)
    breaches: Counter[str] = field(default_factory=Counter)
    """When each is not the end of it all."""
    cost_s: dict[str, float] = field(default_factory=dict)
    """The most processor time of the server that one attack took, when each was alone."""
    growth_mib: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        waits = sorted(self.bystander_s) or [0.0]
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.attacks.items()))
        told = ", ".join(f"{code} {count}" for code, count in sorted(self.answers.items()))
        return (
            f"{sum(self.attacks.values())} attacks in {self.seconds:.0f} s ({done})\n"
            f"answers: {told}\n"
            f"a bystander's request: median {waits[len(waits) // 2] * 1000:.0f} ms, "
            f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms, "
            f"worst {waits[-1] * 1000:.0f} ms of {len(waits)}; "
            f"the server computed {self.computed_s_max:.2f} s at most meanwhile\n"
            f"memory MiB: {' '.join(f'{one:.0f}' for one in self.memory_mib)}\n"
            + "".join(f"BREACH {count} x {what}\n" for what, count in self.breaches.most_common())
            + f"dearest, s: {_most(self.cost_s, 2)}\n"
            f"grew, MiB: {_most(self.growth_mib, 0)}"
        )


def _most(told: dict[str, float], digits: int) -> str:
    ordered = sorted(told.items(), key=lambda entry: -entry[1])[:12]
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in ordered)


def attacks(
    hanging: attacks_http.Hanging, hanging2: attacks_http2.Hanging2
) -> dict[str, tuple[Attack, int]]:
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
        "h2 hanging": (hanging2, 2),
        **attacks_http2.ATTACKS,
        **attacks_grants.ATTACKS,
        **attacks_costs.ATTACKS,
    }


async def assault(
    folder: Path,
    *,
    seconds: float,
    seed: int,
    attackers: int = ATTACKERS,
    to_the_end: bool = False,
    only: Sequence[str] = (),
) -> Report:
    """Raises Breach; with `to_the_end` those of attacks are told in the report."""
    report = Report(seconds)
    process = ApiProcess(folder)
    scene = Scene(process)
    hanging, hanging2 = attacks_http.Hanging(), attacks_http2.Hanging2()
    known = attacks(hanging, hanging2)
    known = {name: known[name] for name in only or known}
    try:
        await process.start()
        await scene.prepare()
        files_before = process.open_files()
        # One of them ends it all when something is wrong.
        async with asyncio.timeout(seconds + 120), asyncio.TaskGroup() as tasks:
            until_s = time.monotonic() + seconds
            for number in range(attackers):
                choose = random.Random(f"{seed}-{number}")
                tasks.create_task(
                    _attack(scene, known, choose, until_s, report, attackers == 1, to_the_end)
                )
            tasks.create_task(_stand_by(scene, until_s, report))
        await hanging.close()
        await hanging2.close()
        await scene.check_rights()
        scene.check_log()
        await _is_quiet_again(process, files_before)
        # The last sample: of a server whose clients have all gone.
        report.memory_mib.append(process.memory_mib())
    finally:
        report.answers = scene.answered
        sys.stdout.write(f"{report}\n")
        await hanging.close()
        await hanging2.close()
        with suppress(ProcessLookupError):
            await process.kill()
    return report


async def _attack(
    scene: Scene,
    known: dict[str, tuple[Attack, int]],
    choose: random.Random,
    until_s: float,
    report: Report,
    alone: bool,
    to_the_end: bool,
) -> None:
    weights = [weight for _, weight in known.values()]
    while time.monotonic() < until_s:
        name = choose.choices(list(known), weights)[0]
        report.attacks[name] += 1
        before_s, before_mib = scene.process.processor_s(), scene.process.memory_mib()
        try:
            await known[name][0](scene, choose)
        except (Silent, AssertionError) as error:
            if not to_the_end:
                raise Breach(f"{name}: {error!r}") from error
            report.breaches[f"{name}: {error!r}"[:300]] += 1
        except OSError:
            # A connection that the server has closed before all was said.
            continue
        if alone:
            cost_s = scene.process.processor_s() - before_s
            report.cost_s[name] = max(cost_s, report.cost_s.get(name, 0.0))
            grown_mib = scene.process.memory_mib() - before_mib
            report.growth_mib[name] = report.growth_mib.get(name, 0.0) + grown_mib


async def _is_quiet_again(process: ApiProcess, files_before: int) -> None:
    """Raises Breach when something of it all goes on."""
    async with asyncio.timeout(QUIET_S_MAX + 30):
        since_s = time.monotonic()
        while True:
            before_s = process.processor_s()
            await _pause(1.0)
            cores = process.processor_s() - before_s
            files = process.open_files() - files_before
            if files <= FILES_LEFT_MAX and cores <= IDLE_CORES_MAX:
                return
            if time.monotonic() - since_s > QUIET_S_MAX:
                raise Breach(f"after it all {files} files stay open, {cores:.1f} cores are busy")


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
                asked, before_s = time.monotonic(), scene.process.processor_s()
                async with asyncio.timeout(ANSWER_S_MAX):
                    answer = await wire.ask(question)
                computed_s = scene.process.processor_s() - before_s
                report.computed_s_max = max(computed_s, report.computed_s_max)
                if computed_s > ANSWER_PROCESSOR_S_MAX:
                    raise Breach(f"a bystander waited for {computed_s:.1f} s of computing")
                if answer.status != 200:
                    raise Breach(f"a bystander was answered {answer.status} {answer.body[:200]!r}")
                report.bystander_s.append(time.monotonic() - asked)
            if now - began > sampled * 30:
                sampled += 1
                report.memory_mib.append(scene.process.memory_mib())
                if not warm_mib and now - began > WARM_S:
                    warm_mib = report.memory_mib[-1]
                if warm_mib and report.memory_mib[-1] > warm_mib + MEMORY_GROWTH_MIB_MAX:
                    raise Breach("memory grows")
            await _pause(PAUSE_S)


async def _pause(seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--to-the-end", action="store_true", help="a breach is not the end")
    parser.add_argument("--only", action="append", default=[], help="this attack")
    parser.add_argument("--attackers", type=int, default=ATTACKERS)
    options = parser.parse_args()
    # It warns of writes to connections that the other side has closed, which is the point here.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="towpath-hostile-") as name:
        folder = options.folder or Path(name)
        asyncio.run(
            assault(
                folder,
                seconds=options.seconds,
                seed=options.seed,
                attackers=options.attackers,
                to_the_end=options.to_the_end,
                only=options.only,
            )
        )


if __name__ == "__main__":
    main()

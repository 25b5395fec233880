"""How much of the processors a plug-in takes by itself, with everything that it has started.

A call is bounded by its deadline; what a plug-in does beside its calls is not. One that computes
all the time is told and ended, and comes back ever more rarely.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROCESSES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Appetite:
    """More than `share_max` of one processor in each of `windows` windows is too much."""

    window_s: float = 10.0
    share_max: float = 0.8
    windows: int = 3


async def until_too_much(pid: int, appetite: Appetite) -> str:
    """Returns when it has taken too much: a sentence that says how much."""
    hungry = 0
    used_s, since_s = seconds_used(pid), time.monotonic()
    while True:
        await asyncio.sleep(appetite.window_s)
        now_used_s, now_s = seconds_used(pid), time.monotonic()
        share = (now_used_s - used_s) / (now_s - since_s)
        used_s, since_s = now_used_s, now_s
        hungry = hungry + 1 if share > appetite.share_max else 0
        if hungry >= appetite.windows:
            whole_s = appetite.windows * appetite.window_s
            return f"It took more than {appetite.share_max:.0%} of a processor for {whole_s:g} s"


def seconds_used(pid: int) -> float:
    """Of processor time, by the process and all that descends from it; 0 where nobody says."""
    ticks = 0
    waiting = [pid]
    for _ in range(_PROCESSES_MAX):
        if not waiting:
            break
        one = waiting.pop()
        try:
            # After the name, which may hold anything: user, system, and those of ended children.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
            for thread in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
        except (OSError, ValueError, IndexError):
            continue  # it has just ended
    return ticks / _TICKS_PER_S

"""How late the event loop is: whatever holds it up holds up everybody (DESIGN 12.11).

A sleeper notes by how much it overslept. 10 ms is what a single call may take; more is counted and,
from a tenth of a second on, logged.
"""

import asyncio
import logging
from collections.abc import Sequence

log = logging.getLogger(__name__)

EVERY_S = 0.5
BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
LOGGED_FROM_S = 0.1


class LoopLag:
    """A histogram of lateness, in seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0
        self.worst_s = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self.note(max(0.0, loop.time() - due))

    def note(self, late_s: float) -> None:
        bucket = next((i for i, bound in enumerate(BOUNDS_S) if late_s <= bound), len(BOUNDS_S))
        self._counts[bucket] += 1
        self._sum_s += late_s
        self.worst_s = max(self.worst_s, late_s)
        if late_s >= LOGGED_FROM_S:
            log.warning("the event loop was held up", extra={"late_s": round(late_s, 3)})

    def metrics(self) -> Sequence[str]:
        """Lines of Prometheus' text format."""
        name = "towpath_event_loop_lag_seconds"
        lines = [f"# TYPE {name} histogram"]
        total = 0
        for bound, count in zip((*BOUNDS_S, "+Inf"), self._counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [
            *lines,
            f"{name}_sum {self._sum_s:.6f}",
            f"{name}_count {total}",
            "# TYPE towpath_event_loop_lag_worst_seconds gauge",
            f"towpath_event_loop_lag_worst_seconds {self.worst_s:.6f}",
        ]

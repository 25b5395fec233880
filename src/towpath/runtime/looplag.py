"""How late the event loop is: whatever holds it up holds up everybody (DESIGN 12.11).

A sleeper notes by how much it overslept. 10 ms is what a single call may take; more is counted and,
from a tenth of a second on, logged.
"""

import asyncio
import logging
from collections.abc import Sequence

from towpath.runtime.measures import Histogram

log = logging.getLogger(__name__)

EVERY_S = 0.5
BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
LOGGED_FROM_S = 0.1


class LoopLag:
    """A histogram of lateness, in seconds."""

    def __init__(self) -> None:
        self._durations = Histogram(BOUNDS_S)
        self.worst_s = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self.note(max(0.0, loop.time() - due))

    def note(self, late_s: float) -> None:
        self._durations.note(late_s)
        self.worst_s = max(self.worst_s, late_s)
        if late_s >= LOGGED_FROM_S:
            log.warning("the event loop was held up", extra={"late_s": round(late_s, 3)})

    def metrics(self) -> Sequence[str]:
        """Lines of Prometheus' text format."""
        name = "towpath_event_loop_lag_seconds"
        return [
            f"# TYPE {name} histogram",
            *self._durations.lines(name),
            "# TYPE towpath_event_loop_lag_worst_seconds gauge",
            f"towpath_event_loop_lag_worst_seconds {self.worst_s:.6f}",
        ]

"""What a killed platform left running is ended before the next one looks for anything.

Its programs and its database server end by themselves, but that takes a moment. Until then they
hold ports and files: a port that is asked for too early would seem to be somebody else's, and the
database would move to another one, away from the workloads that know its address. A backup that was
killed has left a folder.
"""

import asyncio
import logging
from pathlib import Path

from towpath.app.backup import parts
from towpath.engines.databases.embedded import end_predecessor
from towpath.engines.processes.sweep import sweep, token_of

log = logging.getLogger(__name__)


async def end_leftovers(data: Path) -> None:
    """Only what carries the mark of this data directory is touched. Raises DatabaseError."""
    if left := await asyncio.to_thread(_sweep, data / "run"):
        log.warning("ended what a crashed platform left", extra={"pids": left})
    await end_predecessor(data / "postgres")
    await asyncio.to_thread(parts.sweep, data, parts.STAGING)


def _sweep(run: Path) -> list[int]:
    return sweep(token_of(run)) if run.is_dir() else []

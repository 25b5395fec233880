"""What the programs have in common: running the try that was named, and waiting."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 30.0


def run(*tries: Callable[[], None]) -> None:
    by_name = {one.__name__: one for one in tries}
    by_name[sys.argv[1]]()


def soon(check: Callable[[], Any], what: str) -> Any:
    """The first true answer of `check`."""
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        pause.wait(0.02)
    return answer

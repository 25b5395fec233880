"""Ends what a crashed platform left behind: processes that carry our token in their environment.

The token stands for one data directory at one place, so a copied directory never reaches for the
processes of its original. A process is held by a pidfd before it is looked at, so that a number
that was given to somebody else meanwhile cannot be hit.
"""

import contextlib
import hashlib
import os
import secrets
import signal
from pathlib import Path

from towpath.files import write_private

TOKEN_VARIABLE = "TOWPATH_SWEEP_TOKEN"  # noqa: S105 - the name of a variable


def token_of(run_dir: Path) -> str:
    """The token of the platform that runs from `run_dir`, made at the first call."""
    file = run_dir / "sweep-token"
    if not file.exists():
        # At once or not at all: an empty token would be everybody's.
        write_private(file, secrets.token_hex(16).encode())
    identity = f"{file.read_text().strip()}:{run_dir.resolve()}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def sweep(token: str) -> list[int]:
    """Kill every process with the token but ourselves; the pids that were killed."""
    wanted = f"{TOKEN_VARIABLE}={token}".encode()
    killed = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # gone, or not ours to look at
                if _kill_if(int(entry.name), wanted):
                    killed.append(int(entry.name))
    return killed


def _kill_if(pid: int, wanted: bytes) -> bool:
    handle = os.pidfd_open(pid)
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if wanted not in environment:
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    finally:
        os.close(handle)

"""What of a data directory is truth. All else is made anew: by the next start, or by controllers.

Not kept are processes and their folders (`run`, `pods`, `ci`, `plugins`), the platform's own log,
and the kubeconfig, which is written at each start.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RECORDS = "records.db"
POSTGRES = "postgres/data"
GIT = "git"
REGISTRY = "registry"
LIVING = (GIT, REGISTRY, "runs")
"""Folders of files that come, go and are replaced, and never change."""

STAGING = "backup."
"""Begins the name of the folder in which a backup gathers."""

_STORES = ("platform/store.db", "clusters/*/store.db")
_FILES = (
    *("version", "settings.json", "pki/*", "postgres/password"),
    # What people wrote: whose tokens are taken, and what is audited.
    *("authentication.yaml", "audit-policy.yaml", "audit-webhook.yaml"),
)

LABELS = {
    "postgres": "databases",
    "platform": "objects of the platform",
    "clusters": "objects of clusters",
    RECORDS: "records",
    GIT: "repositories",
    REGISTRY: "images",
    "pki": "keys and tokens",
    "runs": "unfinished template runs",
}
"""What a first part of a member's name means to people."""


def stores_in(folder: Path) -> list[Path]:
    """The API's stores, the platform's first."""
    return [path for pattern in _STORES for path in sorted(folder.glob(pattern))]


def files_in(folder: Path) -> list[Path]:
    """Small files that are read as they are."""
    found = [path for pattern in _FILES for path in sorted(folder.glob(pattern))]
    return [path for path in found if path.is_file() and not path.name.endswith(".draft")]


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """A private folder that is removed at the end; what a kill left of others goes first."""
    sweep(folder, prefix)
    place = folder / f"{prefix}{secrets.token_hex(4)}"
    place.mkdir(mode=0o700)
    lock = os.open(place, os.O_RDONLY)
    try:
        hold(lock)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(lock)


def hold(descriptor: int) -> None:
    """Keep others from sweeping it, as long as it is open."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def sweep(folder: Path, prefix: str) -> None:
    """Remove folders and files of that name whose maker is gone."""
    for left in folder.glob(f"{prefix}*"):
        try:
            lock = os.open(left, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        finally:
            os.close(lock)

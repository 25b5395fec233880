"""Python environments that outlive a run, so that a warm `uv sync` has next to nothing to do.

An environment is chosen by what the lock file holds of other people's packages: two services from
one template share one. A job has it for itself while it runs (a slot), for `uv sync` changes it in
place: it removes what does not belong there and points the project's own package at the job's
workspace. It lies in the same cache folder as uv's wheels, so that uv can link them.
"""

import hashlib
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from towpath.engines.git.port import File

LOCK = "uv.lock"
SLOTS_KEPT = 8
"""Per project; the least recently used go first."""


def key_of_lock(files: Mapping[str, File]) -> str:
    """The key for a repository's files, "" when it is not clear which environment they need."""
    locks = [path for path in files if path == LOCK or path.endswith(f"/{LOCK}")]
    if locks != [LOCK]:
        return ""
    try:
        lock = tomllib.loads(files[LOCK].content.decode())
    except ValueError:
        return ""  # uv will say what is wrong with it
    packages = [
        f"{package.get('name')} {package.get('version')} {package.get('source')}"
        for package in lock.get("package", ())
        if "registry" in package.get("source", {})
    ]
    text = "\n".join([sys.version, str(lock.get("requires-python")), *sorted(packages)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Slot:
    folder: Path

    @property
    def environment(self) -> Path:
        return self.folder / "venv"


class Environments:
    """The slots below `<cache>/<project>/environments`."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._taken: set[Path] = set()

    def project_cache(self, project: str) -> Path:
        return self._cache_dir / project

    def take(self, project: str, key: str) -> Slot:
        """A slot that nobody else has; give it back with `free`."""
        root = self.project_cache(project) / "environments"
        number = 0
        while (folder := root / f"{key}-{number}") in self._taken:
            number += 1
        self._taken.add(folder)
        return Slot(folder)

    def free(self, slot: Slot) -> None:
        self._taken.discard(slot.folder)

    def drop_oldest(self, project: str) -> None:
        """Remove what is beyond SLOTS_KEPT; takes its time."""
        root = self.project_cache(project) / "environments"
        try:
            entries = [Path(entry.path) for entry in os.scandir(root) if entry.is_dir()]
        except FileNotFoundError:
            return
        idle = sorted(
            (folder for folder in entries if folder not in set(self._taken)), key=_last_used_s
        )
        for folder in idle[: max(len(entries) - SLOTS_KEPT, 0)]:
            shutil.rmtree(folder, ignore_errors=True)


def _last_used_s(folder: Path) -> float:
    # uv locks and writes in the environment's folder each time it looks at it.
    return max(
        (os.lstat(path).st_mtime for path in (folder, folder / "venv") if os.path.lexists(path)),
        default=0.0,
    )

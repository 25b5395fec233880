"""Python environments that outlive a run, so that a warm `uv sync` has next to nothing to do.

An environment is chosen by what the lock file holds of other people's packages: two services from
one template share one. A job has it for itself while it runs (a slot), for `uv sync` changes it in
place: it removes what does not belong there and points the project's own package at the job's
workspace. It lies in the same cache folder as uv's wheels, so that uv can link them.

A job that is cut off may leave half an environment, which `uv sync` may take for a whole one; its
slot is emptied before the next job gets it.
"""

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
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
    """An environment that one job has for itself. Give it back with `free`.

    Its lock's file is not empty until then: so the next one knows of a holder that was cut off.
    """

    folder: Path
    _lock: int

    @property
    def environment(self) -> Path:
        return self.folder / "venv"

    def free(self, *, whole: bool = True) -> None:
        """`whole` is false when a program may have been ended while it changed the environment."""
        if whole:
            os.ftruncate(self._lock, 0)
        os.close(self._lock)


class Environments:
    """`<cache>/<project>-<user>/` is a project's own; `<cache>/.locks/` says who has which slot.

    Locks are files, so that two platforms with one cache do not meet in one slot, and lie where
    no program of a project can write. In the project's folder a program may have put a link where
    we expect a folder: none is followed.
    """

    def __init__(self, cache_dir: Path, user_of: Callable[[str], int | None]) -> None:
        self._cache_dir = cache_dir
        self._user_of = user_of

    def project_cache(self, project: str) -> Path:
        return self._cache_dir / self._key(project)

    def take(self, project: str, lock_key: str) -> Slot:
        """The first free slot of an environment; old ones are removed, so call it in a thread."""
        locks = self._cache_dir / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        numbers = itertools.count()
        lock = None
        while lock is None:
            name = f"{lock_key}-{next(numbers)}"
            lock = _try_lock(locks / f"{self._key(project)}.{name}")
        if os.fstat(lock).st_size:
            self._remove(project, name)
        os.pwrite(lock, b"in use\n", 0)
        self._drop_oldest(project, locks, kept=name)
        return Slot(self.project_cache(project) / "environments" / name, lock)

    def _key(self, project: str) -> str:
        user = self._user_of(project)
        return project if user is None else f"{project}-{user}"

    @contextlib.contextmanager
    def _root(self, project: str) -> Iterator[int | None]:
        """The folder of the project's environments, open; None when there is nothing of ours."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        with contextlib.ExitStack() as stack:
            root = None
            with contextlib.suppress(OSError):  # nothing there yet, or not a folder
                cache = os.open(self.project_cache(project), flags)
                stack.callback(os.close, cache)
                root = os.open("environments", flags, dir_fd=cache)
                stack.callback(os.close, root)
            yield root

    def _remove(self, project: str, name: str) -> None:
        with self._root(project) as root:
            if root is not None:
                shutil.rmtree(name, ignore_errors=True, dir_fd=root)

    def _drop_oldest(self, project: str, locks: Path, kept: str) -> None:
        with self._root(project) as root:
            if root is None:
                return
            folders = [entry.name for entry in os.scandir(root) if entry.is_dir()]
            by_age = sorted(folders, key=lambda name: _last_used_s(root, name))
            for name in by_age[: max(len(folders) - SLOTS_KEPT, 0)]:
                lock = None if name == kept else _try_lock(locks / f"{self._key(project)}.{name}")
                if lock is not None:
                    shutil.rmtree(name, ignore_errors=True, dir_fd=root)
                    os.close(lock)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _last_used_s(root: int, name: str) -> float:
    # uv makes its lock and its stamps anew in there each time it looks at the environment.
    newest = 0.0
    for path in (name, f"{name}/venv"):
        with contextlib.suppress(OSError):
            newest = max(newest, os.stat(path, dir_fd=root, follow_symlinks=False).st_mtime)
    return newest

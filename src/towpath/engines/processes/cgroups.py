# The supervisor stays small: no pathlib.
# ruff: noqa: PTH103, PTH106, PTH110, PTH112, PTH123, PTH208
"""Memory limits by a cgroup of our own, version 2 or 1, where the host lets us make one.

That is the case for root on an ordinary system. Elsewhere `find` returns None, and the limit is
set as RLIMIT_DATA instead: it counts what a program really uses as writable memory, not address
space, which Go, Node and threads reserve by the gigabyte. Standard library only.
"""

import contextlib
import os

ROOT = "/sys/fs/cgroup"


class Cgroups:
    """One folder of ours; one group in it per process that has a memory limit."""

    def __init__(self, folder: str, version: int) -> None:
        self._folder = folder
        self._version = version

    def make(self, name: str, memory_bytes: int) -> int:
        """A new group; returns an open descriptor: who writes 0 to it joins."""
        group = f"{self._folder}/{name}"
        os.makedirs(group, exist_ok=True)
        if self._version == 2:
            _write(f"{group}/memory.max", str(memory_bytes))
            with contextlib.suppress(OSError):  # absent without swap accounting
                _write(f"{group}/memory.swap.max", "0")
        else:
            _write(f"{group}/memory.limit_in_bytes", str(memory_bytes))
        return os.open(f"{group}/cgroup.procs", os.O_WRONLY)

    def remove(self, name: str) -> bool:
        """Remove the group; True when the kernel killed something in it for want of memory."""
        group = f"{self._folder}/{name}"
        events = "memory.events" if self._version == 2 else "memory.oom_control"
        killed = _counter(f"{group}/{events}", "oom_kill") > 0
        with contextlib.suppress(OSError):  # a dying process may still be in it: swept at start
            os.rmdir(group)
        return killed

    def sweep(self) -> None:
        for name in os.listdir(self._folder):
            if os.path.isdir(f"{self._folder}/{name}"):
                with contextlib.suppress(OSError):
                    os.rmdir(f"{self._folder}/{name}")

    def close(self) -> None:
        """Remove the folder itself, if nothing is left in it."""
        self.sweep()
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)


def find(name: str) -> Cgroups | None:
    """The folder `towpath-<name>` among the memory cgroups, made if need be."""
    if os.geteuid() != 0:
        return None
    for root, version in ((ROOT, 2), (f"{ROOT}/memory", 1)):
        try:
            return _open(root, version, name)
        except OSError:
            continue
    return None


def _open(root: str, version: int, name: str) -> Cgroups:
    folder = f"{root}/towpath-{name}"
    marker = "cgroup.controllers" if version == 2 else "memory.limit_in_bytes"
    if not os.path.exists(f"{root}/{marker}"):
        raise FileNotFoundError(f"{root} holds no memory cgroups")
    os.makedirs(folder, exist_ok=True)
    if version == 2:
        _write(f"{root}/cgroup.subtree_control", "+memory")
        _write(f"{folder}/cgroup.subtree_control", "+memory")
    groups = Cgroups(folder, version)
    groups.sweep()
    return groups


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _counter(path: str, name: str) -> int:
    try:
        with open(path) as file:
            for line in file:
                key, _, value = line.partition(" ")
                if key == name:
                    return int(value)
    except OSError:
        pass  # the group is gone: nothing to tell
    return 0

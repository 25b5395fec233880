# The supervisor stays small: no pathlib.
# ruff: noqa: PTH101, PTH103, PTH110, PTH112, PTH114, PTH115, PTH120, PTH123, PTH211
"""The files that an isolated process sees: a new root that holds what it needs and nothing else.

A list of what is shown, never of what is hidden: the system's own folders read-only, the folders
named in the request, an own /proc, /tmp and /dev with the devices that everybody needs. The
platform's data directory, the user's home and other projects' folders are not there at all.

Runs in the forked child, inside new mount and PID namespaces; standard library only.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from towpath.engines.processes import syscalls

SYSTEM_FOLDERS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    "/sys",
    "/var/lib/ca-certificates",
    # Where /etc/resolv.conf points to on many systems.
    "/run/systemd/resolve",
    "/run/resolvconf",
)
SCRATCH_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - made here, private
SCRATCH_SIZE = "512m"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


class View(NamedTuple):
    hidden: Sequence[str]
    """Folders to cover where a system folder would show them, such as a data directory in /opt."""
    readable: Sequence[str]
    mounts: Mapping[str, str]
    writable: Sequence[str]
    passwd: str
    """A line for /etc/passwd when the process runs as a user that the system does not know."""


def build(view: View, staging: str) -> None:
    """Build the view below the folder `staging` and make it the root."""
    syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
    _mount_tmpfs(staging, "mode=755,size=4m")
    for folder in SYSTEM_FOLDERS:
        _show_system_folder(folder, staging)
    _make_devices(staging + "/dev")
    for folder in SCRATCH_FOLDERS:
        os.makedirs(staging + folder, exist_ok=True)
        _mount_tmpfs(staging + folder, f"mode=1777,size={SCRATCH_SIZE}")
    for folder in view.hidden:
        if os.path.isdir(staging + folder):
            _mount_tmpfs(staging + folder, "mode=755,size=4m")
    _show_requested(view, staging)
    os.makedirs(staging + "/proc", exist_ok=True)
    syscalls.mount("proc", staging + "/proc", "proc", _RESTRICTED)
    if view.passwd:
        _add_user(view.passwd, staging)
    os.makedirs(staging + "/run", exist_ok=True)
    syscalls.mount("none", staging, flags=syscalls.MS_REMOUNT | syscalls.MS_RDONLY | _RESTRICTED)
    syscalls.pivot_root(staging)


_RESTRICTED = syscalls.MS_NOSUID | syscalls.MS_NODEV


def _mount_tmpfs(target: str, options: str) -> None:
    syscalls.mount("tmpfs", target, "tmpfs", _RESTRICTED, options)


def _make_devices(folder: str) -> None:
    """The host's own /dev would show its disks, and the terminals of whoever is signed in."""
    os.makedirs(folder)
    _mount_tmpfs(folder, "mode=755,size=64k")
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            _show(f"/dev/{name}", f"{folder}/{name}", read_only=False)
    for name, target in DEVICE_LINKS.items():
        os.symlink(target, f"{folder}/{name}")
    os.makedirs(folder + "/pts")
    with contextlib.suppress(OSError):  # a kernel without: programs get no terminals of their own
        flags = syscalls.MS_NOSUID | syscalls.MS_NOEXEC
        syscalls.mount("devpts", folder + "/pts", "devpts", flags, "newinstance,ptmxmode=0666")


def _show_system_folder(folder: str, staging: str) -> None:
    if os.path.islink(folder):
        # /bin -> usr/bin: the same link, so that both names lead to one place.
        os.symlink(os.readlink(folder), staging + folder)
    elif os.path.isdir(folder):
        _show(folder, staging + folder, read_only=True)


def _show_requested(view: View, staging: str) -> None:
    shown = [(path, path, True) for path in view.readable]
    shown += [
        (source, target, source not in view.writable) for target, source in view.mounts.items()
    ]
    shown += [(path, path, False) for path in view.writable]
    # Outer folders first, else they would cover the inner ones.
    for source, target, read_only in sorted(shown, key=lambda item: item[1].count("/")):
        if target != "/":
            _show(source, staging + target, read_only=read_only)


def _show(source: str, target: str, *, read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if not os.path.exists(target):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    syscalls.mount(source, target, flags=syscalls.MS_BIND | syscalls.MS_REC)
    if read_only:
        syscalls.make_read_only(target)


def _add_user(line: str, staging: str) -> None:
    """Many programs fail for a user without a name."""
    known = staging + "/etc/passwd"
    if not os.path.exists(known):
        return
    with open(known) as file:
        text = file.read()
    own = staging + "/.passwd"
    with open(own, "w") as file:
        file.write(f"{text.rstrip()}\n{line}\n")
    os.chmod(own, 0o644)
    syscalls.mount(own, known, flags=syscalls.MS_BIND)


def own_folders(folders: Iterable[str], uid: int) -> None:
    """Give `uid` the folders and whatever in them still belongs to root.

    By descriptors and without following links, for the project's other processes may be at work in
    there and must not lead us elsewhere.
    """
    for folder in folders:
        for _, folders_inside, files, descriptor in os.fwalk(folder):
            _own(descriptor, uid)
            for name in [*folders_inside, *files]:
                if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == 0:
                    os.chown(name, uid, uid, dir_fd=descriptor, follow_symlinks=False)


def own_tops(folders: Iterable[str], uid: int) -> None:
    """The same for folders in which nobody but `uid` has written: not gone through."""
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        _own(descriptor, uid)
        os.close(descriptor)


def _own(descriptor: int, uid: int) -> None:
    if os.fstat(descriptor).st_uid == 0:
        os.fchown(descriptor, uid, uid)

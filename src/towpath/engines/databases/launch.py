"""Starts one PostgreSQL program as a user that it accepts, bound to the life of its parent.

Run as a script: `python -I -S launch.py PARENT PROGRAM ARGUMENT...`. PostgreSQL refuses to run as
root and as a user without a name, which a container may give us. There we enter a user namespace in
which we are called `nobody`: outside nothing changes, so no file needs another owner. Standard
library only, for it is in every start's path.
"""

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = 65534


def main() -> None:
    parent, program, *arguments = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 or not _has_name(os.geteuid()):
        _become_nobody_in_a_namespace(libc)
    # SIGINT is PostgreSQL's fast shutdown: when the platform is killed, the server stops cleanly.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    # A parent that was killed before now sends nothing any more: its server would outlive it.
    if os.getppid() != int(parent):
        sys.exit("who asked for PostgreSQL has ended")
    os.execv(program, [program, *arguments])  # noqa: S606 - the caller's program is the purpose


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _become_nobody_in_a_namespace(libc: ctypes.CDLL) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit(
            f"PostgreSQL does not run as user {uid} and no user namespace can be made here "
            f"({os.strerror(ctypes.get_errno())}); start the platform as an ordinary user"
        )
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


if __name__ == "__main__":
    main()

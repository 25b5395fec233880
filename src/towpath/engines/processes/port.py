"""What the platform needs to run somebody else's program.

Processes die with the platform. Each belongs to a project: two projects must not be able to read
each other's files, processes or the platform's data (DESIGN 12.10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    memory_bytes: int = 0
    """0: no limit. Enforced by a cgroup where the host lets us make one, else as RLIMIT_DATA."""
    open_files: int = 1024
    processes: int = 512
    """Processes and threads; with isolation `uid` a wider bound holds for the whole project."""


@dataclass(frozen=True, slots=True)
class Stdio:
    """Open descriptors that become a program's own; the caller closes its copies when it runs."""

    stdin: int
    stdout: int
    stderr: int
    is_terminal: bool = False
    """All three are one terminal, which becomes the program's controlling one."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A program to run. The environment is exactly `env`, nothing is inherited."""

    id: str
    """Unique among living processes, stable over a restart of the platform; [a-z0-9.-]."""
    project: str
    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    log: Path
    """Standard output and error are appended here: `<RFC 3339 nanoseconds> <line>`."""
    writable: Sequence[Path] = ()
    """Folders that the process may write to; made and owned accordingly before it starts."""
    caches: Sequence[Path] = ()
    """Large writable folders that hold only what the project's own programs have written.

    Made and owned like `writable`, but not gone through before each start.
    """
    readable: Sequence[Path] = ()
    """Files and folders that it may read at their own place, beside the system's own folders.

    Python, the platform's virtual environment and its package are always readable.
    """
    mounts: Mapping[str, Path] = field(default_factory=dict)
    """Folders shown to it at another absolute path, such as `/app`.

    Read-only, unless the folder is in `writable` too. Only where `ProcessHost.isolation` is not
    `none`: there, start refuses them by name.
    """
    limits: Limits = field(default_factory=Limits)
    stdio: Stdio | None = None
    """None: standard input is empty, and what the program says is its log."""
    beside: "RunningProcess | None" = None
    """Run in the view of another program: its files and, where isolated, its processes too.

    `writable`, `readable` and `mounts` are that program's then. It ends when that one ends.
    """


@dataclass(frozen=True, slots=True)
class Exit:
    code: int
    """128 + signal number when killed by a signal."""
    started_s: float
    finished_s: float
    oom_killed: bool = False


class ProcessError(Exception):
    """The program could not be started; `str()` says which and why, for the user."""


class RunningProcess(Protocol):
    @property
    def pid(self) -> int: ...

    @property
    def started_s(self) -> float: ...

    def terminate(self) -> None:
        """SIGTERM to the whole process group."""
        ...

    def kill(self) -> None:
        """SIGKILL to the whole process group."""
        ...

    async def wait(self) -> Exit: ...


class ProcessHost(Protocol):
    async def start(self, spec: ProcessSpec) -> RunningProcess:
        """Raises ProcessError."""
        ...

    def user_of(self, project: str) -> int | None:
        """The number of the user that a project's programs run as; None: the platform's own."""
        ...

    @property
    def isolation(self) -> str:
        """How processes are kept apart.

        `uid`: one user per project and an own view of files and processes; `userns`: the same view
        by a user namespace; `none`: everything runs as one user and sees all (single trust).
        """
        ...

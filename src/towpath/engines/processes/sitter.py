# The supervisor stays small: no pathlib.
# ruff: noqa: PTH103, PTH123, PTH208
"""What the supervisor forks for each program: a sitter that starts it, and stays beside it.

    supervisor -> entrance (makes the namespaces, forks the sitter, is gone)
               -> sitter   (PID 1 of the program's namespace: pumps its log, reaps, ends with it)
               -> program  (limits, user, no new privileges, exec)

The sitter is forked, not executed, so that it shares the supervisor's memory. It holds the reading
end of the life line; when the supervisor dies it ends, and the kernel ends everything in its PID
namespace. Without namespaces it adopts its program's orphans and kills what is left by itself.

On the report pipe the entrance writes `P<pid>` and whoever fails `E<sentence>`; the pipe closes by
itself when the program has been executed.
"""

import contextlib
import fcntl
import os
import resource
import select
import signal
import termios
import time
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from towpath.engines.processes import syscalls
from towpath.engines.processes.logpump import LogPump
from towpath.engines.processes.view import View, build, own_folders, own_tops

KILL_ALL = signal.SIGUSR2
"""To a sitter without namespaces: kill everything below you and end, as SIGKILL does with them."""

PROCESSES_OF_PROJECT_MAX = 4096
"""RLIMIT_NPROC counts a user's processes, and a project is one user."""


_NAMESPACES = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC
"""Own files, own processes, own shared memory. The network is the machine's."""


class Surroundings(NamedTuple):
    """What every start on this host has in common."""

    isolation: str
    staging: str
    life_line: int
    life_line_end: int
    """The writing end: closed in every fork."""


class Channels(NamedTuple):
    """Open descriptors of one start."""

    report: int
    group: int | None
    """Where a process joins the program's cgroup."""
    stdio: tuple[int, ...]
    """The program's standard input, output and error; () for nothing in, and a log."""
    files: int | None = None
    """The mount namespace of the program that this one is to run beside."""


def fork_sitter(request: dict[str, Any], surroundings: Surroundings, channels: Channels) -> None:
    """Fork the entrance and return; what happens next is told on `channels.report`."""
    if os.fork() == 0:
        _protected(channels.report, lambda: _enter(request, surroundings, channels))


def _protected(report: int, run: Callable[[], None]) -> NoReturn:
    try:
        run()
    except BaseException as error:  # noqa: BLE001 - told to the supervisor, which tells the caller
        _tell(report, f"E{error}\n")
        os._exit(70)
    os._exit(0)


def _tell(report: int, text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(report, text.replace("\n", " ").encode()[:2000] + b"\n")


def _enter(request: dict[str, Any], surroundings: Surroundings, channels: Channels) -> None:
    os.close(surroundings.life_line_end)
    if request["beside"] and surroundings.isolation != "none":
        channels = channels._replace(files=_join(request["beside"], surroundings.isolation))
    elif surroundings.isolation == "uid":
        syscalls.unshare(_NAMESPACES)
    elif surroundings.isolation == "userns":
        uid, gid = os.getuid(), os.getgid()
        syscalls.unshare(syscalls.CLONE_NEWUSER | _NAMESPACES)
        syscalls.map_own_user(uid, gid)
    pid = os.fork()
    if pid == 0:
        _protected(channels.report, lambda: _sit(request, surroundings, channels))
    _tell(channels.report, f"P{pid}")


def _join(program: int, isolation: str) -> int:
    """Enter another program's namespaces; its files, which hide ours, are for later."""
    kinds = {"pid": syscalls.CLONE_NEWPID, "ipc": syscalls.CLONE_NEWIPC}
    if isolation == "userns":
        kinds = {"user": syscalls.CLONE_NEWUSER, **kinds}
    try:
        files, *opened = [
            os.open(f"/proc/{program}/ns/{name}", os.O_RDONLY) for name in ("mnt", *kinds)
        ]
    except FileNotFoundError as error:
        raise OSError("the program that it should run beside has ended") from error
    for descriptor, kind in zip(opened, kinds.values(), strict=True):
        syscalls.join(descriptor, kind)
        os.close(descriptor)
    return files


def _sit(request: dict[str, Any], surroundings: Surroundings, channels: Channels) -> None:
    os.setsid()
    log = LogPump(request["log"])
    output, output_end = os.pipe()
    wakeup, wakeup_end = _handle_signals()
    handed = {channels.report, *channels.stdio}
    handed |= {one for one in (channels.group, channels.files) if one is not None}
    kept = {surroundings.life_line, output, output_end, wakeup, wakeup_end, *log.descriptors}
    _close_all_but({0, 1, 2} | handed | kept)
    if channels.files is None:
        _prepare_files(request, surroundings)
    else:
        syscalls.join(channels.files, syscalls.CLONE_NEWNS)
    syscalls.set_dumpable(False)
    program = os.fork()
    if program == 0:
        output_to = channels.stdio or (None, output_end, output_end)
        _protected(
            channels.report, lambda: _execute(request, surroundings, channels.group, output_to)
        )
    for descriptor in {output_end, *handed}:
        os.close(descriptor)
    _watch(program, log, output, wakeup, surroundings)


def _handle_signals() -> tuple[int, int]:
    """SIGTERM to the group is for the program; SIGCHLD wakes the loop, KILL_ALL is told in it."""
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, KILL_ALL):
        signal.signal(number, lambda number, frame: None)
    return wakeup, wakeup_end


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            with contextlib.suppress(OSError):  # the listing's own descriptor is gone already
                os.close(int(name))


def _prepare_files(request: dict[str, Any], surroundings: Surroundings) -> None:
    uid = request["uid"]
    writable = [*request["writable"], *request["caches"]]
    for folder in writable:
        os.makedirs(folder, exist_ok=True)
    if surroundings.isolation == "none":
        syscalls.adopt_orphans()
        return
    if uid is not None:
        own_folders(request["writable"], uid)
        own_tops(request["caches"], uid)
    user = f"{request['project'][:32]}:x:{uid}:{uid}::/tmp:/bin/sh" if uid is not None else ""
    view = View(request["hidden"], request["readable"], request["mounts"], writable, user)
    build(view, surroundings.staging)


def _execute(
    request: dict[str, Any],
    surroundings: Surroundings,
    group: int | None,
    stdio: tuple[int | None, ...],
) -> None:
    for number, descriptor in enumerate(stdio):
        os.dup2(os.open(os.devnull, os.O_RDONLY) if descriptor is None else descriptor, number)
    if (request["stdio"] or {}).get("is_terminal"):
        _control_terminal()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, programs expect them
        signal.signal(number, signal.SIG_DFL)
    if group is not None:
        os.write(group, b"0")
    _limit(request["limits"], surroundings.isolation, by_cgroup=group is not None)
    if request["uid"] is not None:
        os.setgroups([])
        os.setresgid(request["uid"], request["uid"], request["uid"])
        os.setresuid(request["uid"], request["uid"], request["uid"])
    syscalls.forbid_new_privileges()
    syscalls.die_with_parent(signal.SIGKILL)  # after the change of user, which would undo it
    os.umask(0o022)
    try:
        os.chdir(request["cwd"])
    except OSError as error:
        raise OSError(f"its folder {request['cwd']}: {error.strerror}") from error
    try:
        os.execvpe(request["argv"][0], request["argv"], request["env"])  # noqa: S606
    except OSError as error:
        raise OSError(f"{request['argv'][0]}: {error.strerror}") from error


def _control_terminal() -> None:
    """A session of its own, so that Ctrl-C and the window's size reach the program."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _limit(limits: dict[str, int], isolation: str, *, by_cgroup: bool) -> None:
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_NOFILE, limits["open_files"])
    if limits["memory_bytes"] and not by_cgroup:
        _set_limit(resource.RLIMIT_DATA, limits["memory_bytes"])
    if isolation == "uid":
        _set_limit(resource.RLIMIT_NPROC, PROCESSES_OF_PROJECT_MAX)
    elif isolation == "userns":
        # Counted per user namespace. With `none` it would count all of the user's own processes.
        _set_limit(resource.RLIMIT_NPROC, limits["processes"])


def _set_limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _watch(
    program: int, log: LogPump, output: int, wakeup: int, surroundings: Surroundings
) -> NoReturn:
    poll = select.poll()
    for descriptor in (output, wakeup, surroundings.life_line):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = dict(poll.poll())
        if surroundings.life_line in ready:
            _end(137, surroundings)
        if output in ready and not log.pump(output):
            poll.unregister(output)
        if wakeup in ready:
            if KILL_ALL in os.read(wakeup, 4096):
                log.finish(output)
                _end(137, surroundings)
            code = _reap(program)
            if code is not None:
                log.finish(output)
                _end(code, surroundings)


def _reap(program: int) -> int | None:
    """Reap every child that has ended; the exit code once the program is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == program:
            found = _exit_code(status)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _end(code: int, surroundings: Surroundings) -> NoReturn:
    if surroundings.isolation == "none":
        kill_descendants()
    os._exit(code)


def kill_descendants() -> None:
    """Everything below us, also what has left the process group; adopted as its parents die."""
    deadline = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        children = children_of(os.getpid())
        if not children:
            return
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]

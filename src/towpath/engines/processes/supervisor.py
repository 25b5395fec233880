"""The small process that holds every program of the platform, and ends them when the platform ends.

Its standard input is one end of a socket pair, the platform has the other. One JSON object a line:

    to us    {"op": "start", "n": 7, "argv": ..., ...}      {"op": "signal", "n": 7, "signal": 15}
             {"op": "stop"}
    from us  {"hello": {"isolation": "uid", "memory": "cgroup"}}
             {"started": 7, "pid": 4711, "at": 1.5}         {"failed": 7, "why": "..."}
             {"exited": 7, "code": 0, "at": 2.5, "oom": false}

A start with `stdio` has its three descriptors sent beside it, over a second socket pair.

When the platform dies, also by kill -9, the socket ends: every process group gets SIGTERM, after
`grace_s` SIGKILL, and we are gone. Standard library only, started with -I -S.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from towpath.engines.processes import cgroups, sitter, syscalls

_CHUNK = 256 * 1024


class Child:
    """A program from its request to its end; `pid` is 0 until the entrance has told it."""

    def __init__(self, number: int, name: str, report: int) -> None:
        self.number = number
        self.name = name
        self.report = report
        self.told = b""
        self.pid = 0
        self.limited = False


class Supervisor:
    def __init__(
        self, settings: dict[str, Any], platform: socket.socket, descriptors: socket.socket
    ) -> None:
        self._settings = settings
        self._platform = platform
        self._descriptors = descriptors
        self._received = b""
        self._starting: dict[int, Child] = {}
        self._living: dict[int, Child] = {}
        self._exits: dict[int, int] = {}
        """Of processes that ended before we knew whose they were."""
        self._stopping_since: float | None = None
        self._life_line, self._life_line_end = os.pipe()
        self._groups = cgroups.find(settings["name"])
        self._poll = select.poll()
        self.isolation = ""

    def run(self) -> None:
        syscalls.adopt_orphans()
        wakeup = _wake_on_signals(self)
        self.isolation = self._probe()
        self._say(
            hello={
                "isolation": self.isolation,
                "memory": "cgroup" if self._groups else "rlimit",
            }
        )
        self._poll.register(self._platform.fileno(), select.POLLIN)
        self._poll.register(wakeup, select.POLLIN)
        while self._stopping_since is None or self._living or self._starting:
            for descriptor, _ in self._poll.poll(self._patience_ms()):
                if descriptor == wakeup:
                    os.read(wakeup, 4096)
                elif descriptor == self._platform.fileno():
                    self._receive()
                else:
                    self._hear(self._starting[descriptor])
            self._reap()
            self._kill_when_due()
        sitter.kill_descendants()
        if self._groups is not None:
            self._groups.close()

    def stop(self) -> None:
        """Ask every program to end; the loop ends when they have."""
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()
            for child in self._living.values():
                _signal_group(child.pid, signal.SIGTERM)

    def _patience_ms(self) -> int | None:
        return None if self._stopping_since is None else 50

    def _kill_when_due(self) -> None:
        if self._stopping_since is None:
            return
        if time.monotonic() - self._stopping_since >= self._settings["grace_s"]:
            for child in self._living.values():
                self._signal(child, signal.SIGKILL)

    def _signal(self, child: Child, number: int) -> None:
        if number == signal.SIGKILL and self.isolation == "none":
            # Its sitter must live to end what has left the group.
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, sitter.KILL_ALL)
        else:
            _signal_group(child.pid, number)

    # -- isolation ---------------------------------------------------------------------------

    def _probe(self) -> str:
        """The best of the wanted isolations that works here, found by running a program in it."""
        wanted = self._settings["isolations"]
        own = "uid" if os.geteuid() == 0 else "userns"
        for isolation in (own, "userns", "none"):
            if isolation in wanted and (isolation == "none" or self._works(isolation)):
                return str(isolation)
        return "none"

    def _works(self, isolation: str) -> bool:
        request = self._complete(
            {
                "argv": ["/bin/true"],
                "env": {},
                "cwd": "/",
                "log": self._settings["staging"] + ".log",
                "project": "probe",
                "uid": self._settings["probe_uid"] if isolation == "uid" else None,
                "writable": [],
                "caches": [],
                "readable": [],
                "mounts": {},
                "stdio": None,
                "beside": None,
                "limits": {"memory_bytes": 0, "open_files": 64, "processes": 64},
            }
        )
        report, report_end = os.pipe()
        channels = sitter.Channels(report_end, None, ())
        sitter.fork_sitter(request, self._surroundings(isolation), channels)
        os.close(report_end)
        told = b""
        while data := os.read(report, 4096):
            told += data
        os.close(report)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        return not _parse_report(told)[1]

    def _surroundings(self, isolation: str) -> sitter.Surroundings:
        return sitter.Surroundings(
            isolation, self._settings["staging"], self._life_line, self._life_line_end
        )

    def _complete(self, request: dict[str, Any]) -> dict[str, Any]:
        request["hidden"] = self._settings["hidden"]
        request["readable"] = [*self._settings["readable"], *request["readable"]]
        return request

    # -- talking with the platform -----------------------------------------------------------

    def _say(self, **message: Any) -> None:
        try:
            self._platform.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.stop()

    def _receive(self) -> None:
        try:
            data = self._platform.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            self._poll.unregister(self._platform.fileno())
            self.stop()
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, message: dict[str, Any]) -> None:
        if message["op"] == "start":
            self._start(message)
        elif message["op"] == "signal":
            for child in self._living.values():
                if child.number == message["n"]:
                    self._signal(child, message["signal"])
        elif message["op"] == "stop":
            self.stop()

    # -- programs ----------------------------------------------------------------------------

    def _start(self, message: dict[str, Any]) -> None:
        number = message["n"]
        handed = self._handed_over(number) if message["stdio"] else ()
        try:
            self._start_with(message, handed)
        finally:
            for descriptor in handed:
                os.close(descriptor)

    def _handed_over(self, number: int) -> tuple[int, ...]:
        """The program's standard input, output and error, sent just before its request."""
        name, descriptors, _, _ = socket.recv_fds(self._descriptors, 32, 3, socket.MSG_CMSG_CLOEXEC)
        assert int(name) == number and len(descriptors) == 3
        return tuple(descriptors)

    def _start_with(self, message: dict[str, Any], handed: tuple[int, ...]) -> None:
        number = message["n"]
        if self._stopping_since is not None:
            self._say(failed=number, why="the platform is stopping")
            return
        try:
            message["beside"] = self._program(message["beside"])
            report, report_end = os.pipe()
            child = Child(number, message["id"], report)
            group = self._group(child, message["limits"]["memory_bytes"])
            surroundings = self._surroundings(self.isolation)
            channels = sitter.Channels(report_end, group, handed)
            sitter.fork_sitter(self._complete(message), surroundings, channels)
        except OSError as error:
            self._say(failed=number, why=str(error))
            return
        os.close(report_end)
        if group is not None:
            os.close(group)
        self._starting[report] = child
        self._poll.register(report, select.POLLIN)

    def _program(self, number: int | None) -> int | None:
        """The pid of a living program, which is its sitter's first child."""
        if number is None:
            return None
        for child in self._living.values():
            if child.number == number and (programs := sitter.children_of(child.pid)):
                return programs[0]
        raise OSError("the program that it should run beside has ended")

    def _group(self, child: Child, memory_bytes: int) -> int | None:
        if not memory_bytes or self._groups is None:
            return None
        child.limited = True
        return self._groups.make(child.name, memory_bytes)

    def _hear(self, child: Child) -> None:
        """What the entrance, the sitter and the program tell until the program is executed."""
        data = os.read(child.report, 4096)
        if data:
            child.told += data
            return
        self._poll.unregister(child.report)
        os.close(child.report)
        del self._starting[child.report]
        pid, why = _parse_report(child.told)
        child.pid = pid
        if pid:
            self._living[pid] = child
        if why or not pid:
            child.number = -child.number  # its exit is nobody's news
            self._say(failed=-child.number, why=why or "its process ended before it began")
        else:
            self._say(started=child.number, pid=pid, at=time.time())
            if self._stopping_since is not None:
                _signal_group(pid, signal.SIGTERM)
        if pid in self._exits:
            self._finish(pid, self._exits.pop(pid))

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid in self._living:
                self._finish(pid, code)
            elif self._starting:
                # An entrance, or a sitter whose pid we have not read yet.
                self._exits[pid] = code

    def _finish(self, pid: int, code: int) -> None:
        child = self._living.pop(pid)
        # What stayed behind in the group, should the sitter itself have been killed.
        _signal_group(pid, signal.SIGKILL)
        oom = self._groups.remove(child.name) if child.limited and self._groups else False
        if child.number > 0:
            code = code if code >= 0 else 128 - code
            self._say(exited=child.number, code=code, at=time.time(), oom=oom)
        if not self._starting:
            self._exits.clear()


def _parse_report(told: bytes) -> tuple[int, str]:
    pid, why = 0, ""
    for line in told.decode(errors="replace").splitlines():
        if line.startswith("P"):
            pid = int(line[1:])
        elif line.startswith("E"):
            why = line[1:].strip()
    return pid, why


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _wake_on_signals(supervisor: Supervisor) -> int:
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: supervisor.stop())
    # Ctrl-C is for the platform, which then lets us go in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Should the socket's other end live on in a fork of the platform.
    syscalls.die_with_parent(signal.SIGTERM)
    return wakeup


def main() -> None:
    settings = json.loads(sys.argv[1])
    descriptors = socket.socket(fileno=settings["descriptors"])
    Supervisor(settings, socket.socket(fileno=0), descriptors).run()

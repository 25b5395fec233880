"""ProcessHost over the supervisor: the platform's side of the socket pair.

    async with SupervisedProcesses(data_dir / "run") as processes:
        running = await processes.start(spec)

Entering sweeps what a crashed platform left and starts the supervisor; leaving ends every program
and it. Should the supervisor itself be killed, its programs die with it and count as killed, and
the next start brings up a new one.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import towpath
from towpath.engines.processes.accounts import FIRST_UID, Accounts
from towpath.engines.processes.port import Exit, ProcessError, ProcessSpec, RunningProcess, Stdio
from towpath.engines.processes.sweep import TOKEN_VARIABLE, sweep, token_of

log = logging.getLogger(__name__)

ISOLATIONS = ("uid", "userns", "none")
GRACE_S = 5.0
START_DEADLINE_S = 30.0
MESSAGE_SIZE_MAX = 1024 * 1024
KILLED = 128 + signal.SIGKILL


class Supervised:
    """A RunningProcess: what we know of a program that the supervisor runs."""

    def __init__(
        self, host: "SupervisedProcesses", number: int, pid: int, started_s: float
    ) -> None:
        self._host = host
        self._number = number
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.pid = pid
        self.started_s = started_s

    def terminate(self) -> None:
        self._host.send(op="signal", n=self._number, signal=int(signal.SIGTERM))

    def kill(self) -> None:
        self._host.send(op="signal", n=self._number, signal=int(signal.SIGKILL))

    async def wait(self) -> Exit:
        return await asyncio.shield(self._exit)

    def when_ended(self, callback: Callable[[], None]) -> None:
        self._exit.add_done_callback(lambda _: callback())

    def ended(self, code: int, finished_s: float, *, oom: bool) -> None:
        if not self._exit.done():
            self._exit.set_result(Exit(code, self.started_s, finished_s, oom))


class SupervisedProcesses:
    """Runs programs under one supervisor process. `run_dir` is a folder of the data directory.

    No isolated program sees the data directory, even where it lies below a system folder.
    `isolations` restricts what is tried, best first.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        isolations: Sequence[str] = ISOLATIONS,
        grace_s: float = GRACE_S,
    ) -> None:
        self._run_dir = run_dir.absolute()
        self._isolations = isolations
        self._grace_s = grace_s
        self._numbers = count(1)
        self._living: dict[int, Supervised] = {}
        self._names: set[str] = set()
        self._starting: dict[int, asyncio.Future[Supervised]] = {}
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._descriptors: socket.socket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._restarting = asyncio.Lock()
        self._hello: dict[str, str] = {}

    def _number_of(self, running: RunningProcess) -> int:
        for number, known in self._living.items():
            if known is running:
                return number
        raise ProcessError("the program that it should run beside has ended")

    @property
    def isolation(self) -> str:
        return self._hello.get("isolation", "none")

    def user_of(self, project: str) -> int | None:
        return self._accounts.uid(project) if self.isolation == "uid" else None

    @property
    def supervisor_pid(self) -> int:
        assert self._supervisor is not None, "not entered"
        return self._supervisor.pid

    async def __aenter__(self) -> Self:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        self._token = token_of(self._run_dir)
        self._accounts = Accounts(self._run_dir / "project-uids.json")
        if left := await asyncio.to_thread(sweep, self._token):
            log.warning("ended what a crashed platform left", extra={"pids": left})
        await self._launch()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.send(op="stop")
        if self._reading is not None and not self._reading.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._reading), self._grace_s + 5.0)
        self._abandon()
        if self._reading is not None:
            await self._reading

    async def start(self, spec: ProcessSpec) -> Supervised:
        if spec.id in self._names:
            raise ProcessError(f"a process with the id {spec.id} is running already")
        request = self._request(spec)
        async with self._restarting:
            if self._reading is None or self._reading.done():
                log.error("the supervisor has ended; starting another")
                await self._launch()
        number = next(self._numbers)
        told: asyncio.Future[Supervised] = asyncio.get_running_loop().create_future()
        self._starting[number] = told
        self._names.add(spec.id)
        try:
            if spec.stdio is not None:
                self._hand_over(number, spec.stdio)
            self.send(op="start", n=number, **request)
            running = await asyncio.wait_for(asyncio.shield(told), START_DEADLINE_S)
        except TimeoutError as error:
            raise ProcessError(f"{spec.id} did not start within {START_DEADLINE_S:g} s") from error
        except ProcessError as error:
            raise ProcessError(f"cannot start {spec.argv[0]}: {error}") from error
        finally:
            self._starting.pop(number, None)
            if not told.done() or told.exception() is not None:
                self._names.discard(spec.id)
        running.when_ended(lambda: self._names.discard(spec.id))
        return running

    def send(self, **message: Any) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def _hand_over(self, number: int, stdio: Stdio) -> None:
        """Descriptors go beside the requests, in the same order."""
        assert self._descriptors is not None
        given = [stdio.stdin, stdio.stdout, stdio.stderr]
        try:
            socket.send_fds(self._descriptors, [b"%d" % number], given)
        except OSError as error:
            raise ProcessError(f"its input and output cannot be handed over: {error}") from error

    # -- the request --------------------------------------------------------------------------

    def _request(self, spec: ProcessSpec) -> dict[str, Any]:
        if not spec.argv:
            raise ProcessError(f"{spec.id} names no program to run")
        if spec.mounts and self.isolation == "none":
            raise ProcessError(
                f"{spec.id} needs {', '.join(spec.mounts)} mounted; this machine allows no "
                "namespaces, so programs see the files where they are"
            )
        uid = self.user_of(spec.project)
        return {
            "id": spec.id,
            "project": spec.project,
            "argv": list(spec.argv),
            "cwd": str(spec.cwd),
            "env": {**spec.env, TOKEN_VARIABLE: self._token},
            "log": str(spec.log.absolute()),
            "uid": uid,
            "writable": [str(path.absolute()) for path in spec.writable],
            "caches": [str(path.absolute()) for path in spec.caches],
            "readable": [str(path.absolute()) for path in spec.readable],
            "mounts": {target: str(path.absolute()) for target, path in spec.mounts.items()},
            "beside": None if spec.beside is None else self._number_of(spec.beside),
            "stdio": None if spec.stdio is None else {"is_terminal": spec.stdio.is_terminal},
            "limits": {
                "memory_bytes": spec.limits.memory_bytes,
                "open_files": spec.limits.open_files,
                "processes": spec.limits.processes,
            },
        }

    # -- the supervisor -----------------------------------------------------------------------

    async def _launch(self) -> None:
        self._hang_up()
        ours, theirs = socket.socketpair()
        self._descriptors, their_descriptors = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self._descriptors.setblocking(False)
        staging = self._run_dir / "view"
        staging.mkdir(exist_ok=True)
        settings = {
            "name": self._token[:12],
            "grace_s": self._grace_s,
            "isolations": list(self._isolations),
            "probe_uid": FIRST_UID,
            "staging": str(staging),
            "hidden": [str(self._run_dir.parent)],
            "readable": [str(path) for path in always_readable()],
        }
        source = str(Path(towpath.__file__).parents[1])
        boot = (
            f"import sys; sys.path.insert(0, {source!r}); sys.dont_write_bytecode = True; "
            "from towpath.engines.processes.supervisor import main; main()"
        )
        settings["descriptors"] = their_descriptors.fileno()
        with theirs, their_descriptors:
            self._supervisor = subprocess.Popen(  # noqa: ASYNC220 - a millisecond, by vfork
                [base_python(), "-I", "-S", "-c", boot, json.dumps(settings)],
                stdin=theirs.fileno(),
                pass_fds=(their_descriptors.fileno(),),
                env={TOKEN_VARIABLE: self._token},
                start_new_session=True,
                cwd="/",
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=MESSAGE_SIZE_MAX)
        try:
            line = await asyncio.wait_for(reader.readline(), START_DEADLINE_S)
            self._hello = json.loads(line)["hello"]
        except (TimeoutError, ValueError) as error:
            self._abandon()
            await asyncio.to_thread(self._bury)
            raise ProcessError(f"the supervisor of processes did not start: {error}") from error
        self._reading = asyncio.create_task(self._read(reader), name="process-supervisor")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except ConnectionError:
            pass  # it was killed: the same as its end
        for number in list(self._starting):
            self._fail(number, "the supervisor of processes ended")
        for running in self._living.values():
            running.ended(KILLED, time.time(), oom=False)
        self._living.clear()
        await asyncio.to_thread(self._bury)

    def _hear(self, message: dict[str, Any]) -> None:
        if "started" in message:
            number = message["started"]
            running = Supervised(self, number, message["pid"], message["at"])
            self._living[number] = running
            told = self._starting.get(number)
            if told is None:
                running.kill()  # whoever asked has given up waiting
            elif not told.done():
                told.set_result(running)
        elif "failed" in message:
            self._fail(message["failed"], message["why"])
        elif "exited" in message:
            running = self._living.pop(message["exited"])
            running.ended(message["code"], message["at"], oom=message["oom"])

    def _fail(self, number: int, why: str) -> None:
        told = self._starting.get(number)
        if told is not None and not told.done():
            told.set_exception(ProcessError(why))

    def _abandon(self) -> None:
        """Close our end; the supervisor ends by itself, or is made to."""
        self._hang_up()
        if self._supervisor is not None and self._supervisor.poll() is None:
            os.killpg(self._supervisor.pid, signal.SIGTERM)

    def _hang_up(self) -> None:
        for end in (self._writer, self._descriptors):
            if end is not None:
                end.close()

    def _bury(self) -> None:
        """Wait for the supervisor's end, which has begun."""
        if self._supervisor is None:
            return
        try:
            self._supervisor.wait(self._grace_s + 2.0)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait(5.0)


def base_python() -> str:
    """The interpreter itself, not the virtual environment's link to it."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return str(Path(base).resolve())


def always_readable() -> list[Path]:
    """Where Python, our virtual environment and our own package are, with the links between."""
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(towpath.__file__).parents[0]]
    link = Path(sys.executable)
    while link.is_symlink():
        link = link.parent / link.readlink()
        places.append(Path(os.path.normpath(link)).parent.parent)
    places += [place.resolve() for place in list(places)]
    return [place for place in dict.fromkeys(places) if place.is_dir() and not _is_system(place)]


def _is_system(place: Path) -> bool:
    return place == Path("/") or place.is_relative_to("/usr")

"""One process of a plug-in, from its start to its end, and the pipe to it.

Nothing that it does can hold the platform up: every wait has a deadline, every message is checked
by its type, what it may send and ask is counted. A call that is not back in time is cancelled; a
process that does not even cancel is told to write down where it is, and ended.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from towpath.app.plugins.appetite import Appetite, until_too_much
from towpath.app.plugins.asking import Asked
from towpath.engines.processes.port import Limits, ProcessError, ProcessHost, ProcessSpec
from towpath.engines.processes.port import RunningProcess as Program
from towpath.plugin import hooks, wire
from towpath.plugin.discovery import Installed, import_folders

START_DEADLINE_S = 10.0
CANCEL_DEADLINE_S = 0.25
"""How long a call may take to notice that nobody waits for it any more."""
DUMP_DEADLINE_S = 1.0
"""How long a process may take to write down where it is."""

STRAY_MESSAGES_MAX = 100
OWED_MAX = 1000
"""Calls that nobody waits for any more and that have not ended."""
MESSAGES_OF_CALL_MAX = 20_000
PARTS_MAX = 200_000
"""Descriptors of one reading."""
ASKED_AT_ONCE = 8

LIMITS = Limits(memory_bytes=512 * 1024 * 1024, open_files=256, processes=64)

_numbers = count(1)


class Broken(Exception):
    """The process is of no use any more. `str()` is what happened, `where` the line of code."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.where = where


class HookFailed(Exception):
    """One call failed, and the process goes on.

    `str()` tells no text of the plug-in's, `message` does: for the person whose call it was.
    """

    def __init__(self, what: str, where: str = "", *, message: str = "", mild: bool = False):
        super().__init__(what)
        self.where = where
        self.message = message
        self.mild = mild
        """It said by itself that it cannot: nothing that its author must repair."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What is needed to start a process of a plug-in."""

    plugin: Installed
    processes: ProcessHost
    root: Path
    """A folder of the data directory, in which each process gets one."""
    log: Path
    writable: Sequence[Path] = ()
    readable: Sequence[Path] = ()
    deadline_s: float = START_DEADLINE_S
    """For its import."""
    appetite: Appetite | None = None
    """How much it may compute; None for one that ends soon by itself."""


@dataclass(slots=True)
class _Going:
    """A call that is going on."""

    asked: Asked | None
    log: Callable[[str], None] | None
    parts: list[Any] | None
    """Where what a source finds is put."""
    result: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    messages: int = 0


class PluginProcess:
    """`process = await PluginProcess.start(launch)`; whoever starts it calls `end`."""

    def __init__(self, launch: Launch, program: Program, folder: Path) -> None:
        self._launch = launch
        self._program = program
        self._folder = folder
        self._going: dict[int, _Going] = {}
        self._calls = count(1)
        self._owed: set[int] = set()
        """Calls whose visitors have left; each still ends with a message."""
        self._strays = 0
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        self._answering: set[asyncio.Task[None]] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.broken: asyncio.Future[Broken] = asyncio.get_running_loop().create_future()
        self.offers: dict[str, Any] = {}

    @classmethod
    async def start(cls, launch: Launch) -> "PluginProcess":
        """Raises Broken: it did not start, cannot be imported, or does not come back from it."""
        folder = await asyncio.to_thread(_make_folder, launch)
        try:
            with _listening(folder) as listening:
                program = await launch.processes.start(_spec(launch, folder))
                process = cls(launch, program, folder)
                try:
                    async with asyncio.timeout(launch.deadline_s):
                        await process._meet(listening)
                except TimeoutError:
                    what = f"Importing it did not come to an end within {launch.deadline_s:g} s"
                    where = await process.end(ask_where=True)
                    raise Broken(what, where) from None
                except BaseException:
                    await process.end()
                    raise
                return process
        except (ProcessError, OSError) as error:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise Broken(f"Its process could not be started: {error}") from error

    async def _meet(self, listening: socket.socket) -> None:
        """Wait for its connection and its first word."""
        loop = asyncio.get_running_loop()
        accepted = asyncio.ensure_future(loop.sock_accept(listening))
        ended = asyncio.ensure_future(self._program.wait())
        try:
            await asyncio.wait({accepted, ended}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            # Its deadline can pass in the moment in which it came.
            if accepted.done() and not accepted.cancelled():
                accepted.result()[0].close()
            raise
        finally:
            ended.cancel()
            if not accepted.done():
                accepted.cancel()
        if accepted.cancelled() or not accepted.done():
            raise await self._ended(" before it began")
        connection = accepted.result()[0]
        reader, self._writer = await asyncio.open_unix_connection(
            sock=connection, limit=wire.LINE_SIZE_MAX
        )
        try:
            line = await reader.readline()
            hello = wire.decode_from_plugin(line) if line else None
        except (ValueError, RecursionError, ConnectionError):
            raise Broken("It wrote nonsense to the platform while it was imported") from None
        if hello is None:
            raise await self._ended(" while it was imported")
        if isinstance(hello, wire.Refused):
            raise Broken(f"It cannot be imported: {hello.error}", hello.where)
        if not isinstance(hello, wire.Hello):
            raise Broken("It wrote nonsense to the platform while it was imported")
        self.offers = hello.offers
        self._hearing = asyncio.create_task(self._hear(reader), name="plug-in-hears")
        if appetite := self._launch.appetite:
            self._watching = asyncio.create_task(self._watch(appetite), name="plug-in-watched")

    async def end(self, *, ask_where: bool = False) -> str:
        """End it and all it has started. With `ask_where`, the line of its own that it was at."""
        where = ""
        if ask_where:
            # It writes down where its threads are, and ends by that.
            before = _size(self._launch.log)
            self._program.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._program.wait(), DUMP_DEADLINE_S)
            where = await asyncio.to_thread(_last_place, self._launch.log, before)
        self._program.kill()
        tasks = [task for task in (self._hearing, self._watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._program.wait(), DUMP_DEADLINE_S)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return where

    # Calls.

    async def call(
        self,
        hook: Any,
        name: str,
        subject: Mapping[str, Any],
        *,
        title: str,
        deadline_s: float,
        asked: Asked | None = None,
        log: Callable[[str], None] | None = None,
        parts: list[Any] | None = None,
    ) -> Any:
        """Call a hook. `title` names it in what is told. Raises HookFailed and Broken."""
        if self.broken.done():
            raise self.broken.result()
        number = next(self._calls)
        going = self._going[number] = _Going(asked, log, parts)
        try:
            self._send(wire.Call(number, hook, name, dict(subject)))
            try:
                async with asyncio.timeout(deadline_s):
                    return _value(await asyncio.shield(going.result), title)
            except TimeoutError:
                late = f"{title} did not answer within {deadline_s:g} s"
                raise await self._give_up(number, going, late) from None
            except asyncio.CancelledError:
                self._leave(number)
                raise
        finally:
            self._going.pop(number, None)

    def _leave(self, number: int) -> None:
        """The visitor has gone, or the platform ends: nobody waits for the call any more."""
        self._send(wire.Cancel(number))
        self._owed.add(number)
        if len(self._owed) > OWED_MAX:
            self._break(Broken("It does not end the calls that nobody waits for any more"))

    async def _give_up(self, number: int, going: _Going, late: str) -> Exception:
        """Cancel the call. What cannot be cancelled costs the process."""
        self._send(wire.Cancel(number))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_DEADLINE_S):
                answer = await asyncio.shield(going.result)
                return HookFailed(late, getattr(answer, "where", ""))
        broken = Broken(late)
        self._break(broken)
        return broken

    def _break(self, broken: Broken) -> None:
        """Whoever keeps the process waits for `broken`, and ends it."""
        if not self.broken.done():
            self.broken.set_result(broken)
        for going in self._going.values():
            if not going.result.done():
                going.result.set_exception(broken)
                going.result.exception()  # seen, also where nobody waits any more

    def _send(self, message: wire.ToPlugin) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(wire.encode(message) + b"\n")

    async def _watch(self, appetite: Appetite) -> None:
        self._break(Broken(await until_too_much(self._program.pid, appetite)))

    # What it says.

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                await asyncio.sleep(0)  # however much there is to read, others come first
                await self._take(wire.decode_from_plugin(line))
            self._break(await self._ended())
        except Broken as broken:
            self._break(broken)
        except (ValueError, RecursionError, msgspec.MsgspecError):
            self._break(Broken("It wrote something to the platform that is no message"))
        except ConnectionError:
            self._break(Broken("It closed its connection to the platform"))
        finally:
            for task in self._answering:
                task.cancel()

    async def _take(self, message: wire.FromPlugin) -> None:
        number = getattr(message, "call", 0)
        going = self._going.get(number)
        if going is None:
            self._take_stray(message, number)
            return
        going.messages += 1
        if going.messages > MESSAGES_OF_CALL_MAX:
            raise Broken(f"It sent more than {MESSAGES_OF_CALL_MAX} messages for one call")
        if isinstance(message, wire.Done | wire.Failed):
            if not going.result.done():
                going.result.set_result(message)
        elif isinstance(message, wire.Part):
            if going.parts is None:
                raise Broken("It sends parts of what it was not asked for")
            going.parts += message.items
            if len(going.parts) > PARTS_MAX:
                raise Broken(f"It gives more than {PARTS_MAX} entities")
        elif isinstance(message, wire.Log):
            if going.log is not None:
                going.log(message.text)
        elif isinstance(message, wire.Ask):
            await self._asking.acquire()
            task = asyncio.create_task(self._answer(message, going.asked))
            self._answering.add(task)
            task.add_done_callback(self._answered)

    def _take_stray(self, message: wire.FromPlugin, number: int) -> None:
        if number in self._owed and isinstance(message, wire.Done | wire.Failed):
            self._owed.discard(number)
            self._strays = 0
            return
        # A word of a call that has ended can be on its way; many of them are no accident.
        self._strays += 1
        if self._strays > STRAY_MESSAGES_MAX:
            raise Broken("It sends messages that belong to no call")

    async def _answer(self, message: wire.Ask, asked: Asked | None) -> None:
        if asked is None:
            answer = wire.Answer(message.ask, None, "other", "here is no API to ask")
        else:
            answer = await asked.answer(message)
        self._send(answer)
        if self._writer is not None:
            # Who asks and does not read waits for its own answers, and we keep few of them.
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._asking.release()
        self._answering.discard(task)

    async def _ended(self, when: str = "") -> Broken:
        """Why its process is no more."""
        try:
            ended = await asyncio.wait_for(self._program.wait(), DUMP_DEADLINE_S)
        except TimeoutError:
            return Broken(f"It ended its process{when}, with an exit code that nobody knows")
        if ended.oom_killed:
            return Broken(f"It used more than {LIMITS.memory_bytes >> 20} MiB of memory{when}")
        return Broken(f"It ended its process{when}, with exit code {ended.code}")


def _value(answer: wire.Done | wire.Failed, title: str) -> Any:
    if isinstance(answer, wire.Done):
        return answer.value
    if answer.kind == "declined":
        raise HookFailed(f"{title} declined", message=answer.message, mild=True)
    if answer.kind == "nonsense":
        what = f"{title} returned what it must not"
        raise HookFailed(what, answer.where, message=answer.error)
    raise HookFailed(f"{title} raised {answer.error}", answer.where, message=answer.message)


def _make_folder(launch: Launch) -> Path:
    launch.root.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{launch.plugin.name}-", dir=launch.root))


@contextlib.contextmanager
def _listening(folder: Path) -> Any:
    """A socket in the folder. By its descriptor: a path may be longer than a socket's may be."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            short = Path(f"/proc/self/fd/{descriptor}")
            listening.bind(str((short if short.exists() else folder) / wire.SOCKET))
            listening.listen(1)
            listening.setblocking(False)
            yield listening
            os.unlink(wire.SOCKET, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _spec(launch: Launch, folder: Path) -> ProcessSpec:
    plugin = launch.plugin
    own = f"TOWPATH_PLUGIN_{plugin.name.replace('-', '_').upper()}_"
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        # Settings that its author asks for; nothing else of the platform's environment.
        **{name: value for name, value in os.environ.items() if name.startswith(own)},
    }
    return ProcessSpec(
        id=f"plugin-{plugin.name}-{next(_numbers)}",
        # No project can have a dot in its name: the user is nobody else's.
        project=f"plugin.{plugin.name}",
        argv=(sys.executable, "-P", "-m", "towpath.plugin.child", plugin.value),
        cwd=folder,
        env=environment,
        log=launch.log,
        writable=(folder, *launch.writable),
        readable=(*_readable(launch), *launch.readable),
        limits=LIMITS,
    )


def _readable(launch: Launch) -> list[Path]:
    """Where its modules are; never a folder that the data directory is in."""
    return [
        folder
        for folder in import_folders(launch.plugin)
        if not launch.root.resolve().is_relative_to(folder.resolve())
    ]


_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>\S+)')
_TAIL_BYTES = 64 * 1024


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _last_place(log: Path, before: int) -> str:
    """The line of its own code in the dump of its threads that came since, "" without one."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(before, file.tell() - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    # The main thread's first: what holds that up holds up everything.
    for found in _FRAME.finditer(text[text.rfind("Current thread") :] + text):
        if not hooks.is_ours(found["file"]):
            return f"{hooks.short_path(found['file'])}:{found['line']} in {found['function']}"
    return ""

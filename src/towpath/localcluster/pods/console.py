"""The input and output of a container, for who attaches to it: `kubectl attach` and `run -it`.

A container that asks for `stdin` or `tty` is given pipes or a terminal whose other end is held
here; what it says goes to its log and to everybody who is attached, at the pace of the slowest. The
output of any other container goes to its log alone, and who attaches reads it there.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from towpath.engines.processes.logpump import LogPump
from towpath.engines.processes.port import RunningProcess, Stdio
from towpath.localcluster.pods.execution import Execution
from towpath.machinery.objects import RawObject

Piece = tuple[bool, bytes]
PIECES_HELD_MAX = 16
SLOW_S_MAX = 10.0
"""Who takes nothing for so long is let go; till then the container waits for them."""


class Console:
    def __init__(self, execution: Execution, log: LogPump, container: RawObject) -> None:
        self._execution = execution
        self._log = log
        self._hears = bool(container.get("stdin"))
        self._once = bool(container.get("stdinOnce")) and not container.get("tty")
        self._attached: set[MemoryObjectSendStream[Piece]] = set()
        self._ended = asyncio.Event()

    @classmethod
    async def start(
        cls,
        start: Callable[[Stdio], Awaitable[RunningProcess]],
        container: RawObject,
        log: Path,
    ) -> "Console":
        """Raises ProcessError."""
        execution = await Execution.start(
            start, terminal=bool(container.get("tty")), stdin=bool(container.get("stdin"))
        )
        return cls(execution, LogPump(str(log)), container)

    @property
    def running(self) -> RunningProcess:
        return self._execution.running

    async def run(self) -> None:
        """Pass on what the container says, until it has ended."""
        try:
            async for piece in self._execution.output():
                self._log.take(piece[1])
                for attached in list(self._attached):
                    await self._pass_on(attached, piece)
            self._log.end_line()
            # It may go on without any output, and still be told something.
            await self._execution.wait()
        finally:
            self._ended.set()
            for attached in self._attached:
                attached.close()
            self._log.close()
            self._execution.close()

    async def _pass_on(self, attached: MemoryObjectSendStream[Piece], piece: Piece) -> None:
        try:
            with anyio.fail_after(SLOW_S_MAX):
                await attached.send(piece)
        except (anyio.BrokenResourceError, TimeoutError):
            self._attached.discard(attached)
            attached.close()

    def attach(self, *, stdin: bool) -> "Attached":
        send, receive = anyio.create_memory_object_stream[Piece](PIECES_HELD_MAX)
        if self._ended.is_set():
            send.close()
        else:
            self._attached.add(send)
        hears = self._execution if stdin and self._hears else None
        return Attached(
            receive, leave=receive.close, terminal=self._execution, hears=hears, once=self._once
        )


class Attached:
    """apiserver.pods.Execution, of a program that goes on when its client leaves."""

    def __init__(
        self,
        said: AsyncIterator[Piece],
        *,
        leave: Callable[[], None] = lambda: None,
        terminal: Execution | None = None,
        hears: Execution | None = None,
        once: bool = False,
    ) -> None:
        self._said = said
        self._leave = leave
        self._terminal = terminal
        self._hears = hears
        self._once = once

    async def output(self) -> AsyncIterator[Piece]:
        with contextlib.suppress(anyio.ClosedResourceError):  # left meanwhile
            async for piece in self._said:
                yield piece

    async def write(self, data: bytes) -> None:
        if self._hears is not None:
            await self._hears.write(data)

    def close_input(self) -> None:
        """With `stdinOnce` the container's input ends with its first client's; else never."""
        if self._hears is not None and self._once:
            self._hears.close_input()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    async def wait(self) -> int:
        """How the container ended is told by its status, not to who was attached."""
        return 0

    def end(self) -> None:
        self.close_input()
        self._leave()


async def as_output(lines: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
    async for line in lines:
        yield False, line

"""A command executed in a running container, with somebody at its input and output.

It runs in the container's own view, among its processes, with its environment and its user.
"""

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from towpath.engines.processes.port import Exit, RunningProcess, Stdio

HELD_BYTES_MAX = 256 * 1024
"""Of output that nobody has taken yet; then the program waits."""
LINGER_S = 1.0
"""For output that the program's children hold open when it has ended."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Our ends of what the program has as its own: one for all three with a terminal."""

    input: int
    output: int
    errors: int | None

    @property
    def is_terminal(self) -> bool:
        return self.errors is None


class Execution:
    """apiserver.pods.Execution over descriptors."""

    def __init__(self, running: RunningProcess, heard: "_Heard", ends: Ends) -> None:
        self.running = running
        self._heard = heard
        self._ends = ends
        self._input: asyncio.WriteTransport | None = None
        self._flow = _Flow()

    @classmethod
    async def start(
        cls, start: Callable[[Stdio], Awaitable[RunningProcess]], *, terminal: bool, stdin: bool
    ) -> "Execution":
        """`start` starts the program with the input and output that it is given."""
        ends, stdio = _terminal() if terminal else _pipes()
        try:
            running = await start(stdio)
        except BaseException:
            _close(ends.input, ends.output, ends.errors)
            raise
        finally:
            _close(stdio.stdin, stdio.stdout, stdio.stderr)
        execution = cls(running, _Heard(), ends)
        await execution._open(stdin=stdin)
        return execution

    async def _open(self, *, stdin: bool) -> None:
        loop = asyncio.get_running_loop()
        for descriptor, is_error in ((self._ends.output, False), (self._ends.errors, True)):
            if descriptor is not None:
                await loop.connect_read_pipe(
                    partial(self._heard.channel, is_error),
                    os.fdopen(descriptor, "rb", buffering=0),
                )
        opened = os.fdopen(self._ends.input, "wb", buffering=0)
        self._input, _ = await loop.connect_write_pipe(lambda: self._flow, opened)
        if not stdin and not self._ends.is_terminal:
            self.close_input()

    async def output(self) -> AsyncIterator[tuple[bool, bytes]]:
        ended = asyncio.ensure_future(self.running.wait())
        try:
            while (piece := await self._heard.next(ended)) is not None:
                yield piece
        finally:
            ended.cancel()

    async def write(self, data: bytes) -> None:
        if self._input is None or self._input.is_closing():
            return
        self._input.write(data)
        await self._flow.free.wait()

    def close_input(self) -> None:
        """Of a terminal it is the character that means the end, for it stays open to read."""
        if self._input is None or self._input.is_closing():
            return
        if self._ends.is_terminal:
            self._input.write(b"\x04")
        else:
            self._input.close()

    def resize(self, columns: int, rows: int) -> None:
        if self._ends.is_terminal and self._input is not None and not self._input.is_closing():
            size = struct.pack("HHHH", rows, columns, 0, 0)
            fcntl.ioctl(self._ends.input, termios.TIOCSWINSZ, size)

    async def wait(self) -> int:
        return (await self.running.wait()).code

    def end(self) -> None:
        self.running.kill()
        self.close()

    def close(self) -> None:
        """Our ends only; the program goes on as it can."""
        self._heard.close()
        if self._input is not None and not self._input.is_closing():
            self._input.abort()


class _Heard:
    """What the program says, in order, bounded: who reads too slowly slows the program down."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[bool, bytes]] = deque()
        self._size = 0
        self._open: set[_Channel] = set()
        self._news = asyncio.Event()

    def channel(self, is_error: bool) -> "_Channel":
        channel = _Channel(self, is_error)
        self._open.add(channel)
        return channel

    def take(self, piece: tuple[bool, bytes]) -> None:
        self._pieces.append(piece)
        self._size += len(piece[1])
        self._news.set()
        if self._size > HELD_BYTES_MAX:
            for channel in self._open:
                channel.pause()

    def closed(self, channel: "_Channel") -> None:
        self._open.discard(channel)
        self._news.set()

    async def next(self, ended: "asyncio.Future[Exit]") -> tuple[bool, bytes] | None:
        """None when there will be no more: all is closed, or the program's end was a while ago."""
        while not self._pieces:
            if not self._open:
                return None
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            try:
                if ended.done():
                    await asyncio.wait_for(news, LINGER_S)
                else:
                    await asyncio.wait((news, ended), return_when=asyncio.FIRST_COMPLETED)
            except TimeoutError:
                return None
            finally:
                news.cancel()
        piece = self._pieces.popleft()
        self._size -= len(piece[1])
        if self._size <= HELD_BYTES_MAX // 2:
            for channel in self._open:
                channel.resume()
        return piece

    def close(self) -> None:
        for channel in list(self._open):
            channel.close()


class _Channel(asyncio.Protocol):
    def __init__(self, heard: _Heard, is_error: bool) -> None:
        self._heard = heard
        self._is_error = is_error
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.ReadTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard.take((self._is_error, data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Also when a terminal has been closed at its other end, which is an error (EIO)."""
        self._heard.closed(self)

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Flow(asyncio.BaseProtocol):
    """Whether the program takes its input; when it has closed it, all that comes is taken."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()

    def pause_writing(self) -> None:
        self.free.clear()

    def resume_writing(self) -> None:
        self.free.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.free.set()


def _pipes() -> tuple[Ends, Stdio]:
    (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = (os.pipe() for _ in range(3))
    return Ends(to_stdin, from_stdout, from_stderr), Stdio(stdin, stdout, stderr)


def _terminal() -> tuple[Ends, Stdio]:
    ours, theirs = os.openpty()
    ends = Ends(os.dup(ours), ours, None)
    return ends, Stdio(theirs, os.dup(theirs), os.dup(theirs), is_terminal=True)


def _close(*descriptors: int | None) -> None:
    for descriptor in descriptors:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

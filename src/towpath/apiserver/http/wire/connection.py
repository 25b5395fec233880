"""What every connection does, whatever is spoken on it: http1.py and http2.py add the speaking.

- It is known to its listener from its first byte to its end.
- Who writes waits until its client has read most of what was written.
- It has one timer, which is not touched by a request, but looks when it fires what is due.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from urllib.parse import unquote

from msgspec import Struct, field

from towpath.apiserver.http.wire.connections import OpenConnections
from towpath.apiserver.http.wire.exchange import Exchange
from towpath.machinery.asgi import Application, Scope

KEEP_ALIVE_S = 75.0
HEAD_S_MAX = 30.0
ASGI = {"version": "3.0", "spec_version": "2.3"}


class Serving(Struct):
    """What all connections of one listener share."""

    application: Application
    websockets: bool = False
    head_s_max: float = HEAD_S_MAX
    connections: OpenConnections = field(default_factory=OpenConnections)
    """Those that are open, of whatever protocol."""
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    """One for each request that is being worked on."""


class Connection(asyncio.Protocol, ABC):
    """One client's connection, from its first byte to its end."""

    version: ClassVar[str]
    transport: asyncio.Transport

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._loop = asyncio.get_running_loop()
        self._common: Scope = {}
        self._writable: asyncio.Future[None] | None = None
        self.pauses = 0
        """How often the client was too slow, so far: a slow one is told from one that is stuck."""
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = math.inf
        self._ends = False
        """Nothing more is read."""

    @property
    @abstractmethod
    def is_idle(self) -> bool:
        """Nobody is being answered."""

    @abstractmethod
    def shutdown(self) -> None:
        """Answer what has been asked, take nothing more, and close then."""

    @abstractmethod
    def _time_is_up(self) -> None: ...

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._serving.connections.add(self)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert() if tls is not None else None
        self._common = {
            "type": "http",
            "asgi": ASGI,
            "http_version": self.version,
            "server": _address_of(transport.get_extra_info("sockname")),
            "client": _address_of(transport.get_extra_info("peername")),
            "scheme": "http" if tls is None else "https",
            "root_path": "",
            "state": {"client_certificate": certificate} if certificate else {},
        }
        self._close_at(self._loop.time() + self._serving.head_s_max)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ends = True
        if self._timer is not None:
            self._timer.cancel()
        self._serving.connections.discard(self)
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self.pauses += 1
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            writable, self._writable = self._writable, None
            if not writable.done():
                writable.set_result(None)

    # Requests

    @property
    def state(self) -> dict[str, Any]:
        """What every scope of the connection says beside the request."""
        return dict(self._common["state"])

    def _scope_of(
        self, method: str, raw_path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]
    ) -> Scope:
        path = raw_path.decode("ascii")
        return {
            **self._common,
            "method": method,
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.state,
        }

    def _run(self, exchange: Exchange) -> None:
        self._due_s = math.inf
        exchange.task = self._loop.create_task(exchange.run(self._serving.application))
        self._serving.tasks.add(exchange.task)

    def ended(self, exchange: Exchange) -> None:
        """A call of the application has ended."""
        self._serving.tasks.discard(exchange.task)

    # Flow

    async def writable(self) -> None:
        """Wait until the client has read most of what was written."""
        while self._writable is not None:
            await asyncio.shield(self._writable)

    @property
    def write_paused(self) -> bool:
        return self._writable is not None

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """An answer of that many bytes waits for the client meanwhile."""
        counted = self._serving.connections.hold(self, size)
        try:
            yield
        finally:
            self._serving.connections.let_go(self, counted)

    # Time

    def _close_at(self, due_s: float) -> None:
        self._due_s = due_s
        timer = self._timer
        if timer is None or due_s < timer.when():
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(due_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() >= self._due_s:
            self._time_is_up()
        elif self._due_s < math.inf:
            self._close_at(self._due_s)


def _address_of(found: Any) -> tuple[str, int] | None:
    """Host and port; None for sockets that have none."""
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None

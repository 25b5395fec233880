"""One listening socket that serves an ASGI application inside the running loop.

Rules: starting is done when clients can connect; stopping takes at most `grace_s`, whatever is
open; nothing is logged for a request. What is spoken on a connection is in http1.py, and in
http2.py where TLS has agreed on it.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

from towpath.apiserver.http.wire.connection import HEAD_S_MAX, Serving
from towpath.apiserver.http.wire.connections import OpenConnections, notice_the_dead, prepare
from towpath.apiserver.http.wire.http1 import Http1Connection
from towpath.machinery.asgi import Application

BACKLOG = 1024
TLS_HANDSHAKE_TIMEOUT_S = 10.0


class Listener:
    """`async with Listener(app, port=8443, tls=context) as listener: listener.port`.

    With `websockets` the application is given the scopes of WebSockets too. `connections_max` is
    what the system's limit on open files allows.
    """

    def __init__(
        self,
        application: Application,
        *,
        port: int,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        websockets: bool = False,
        grace_s: float = 3.0,
        head_s_max: float = HEAD_S_MAX,
        connections_max: int | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._grace_s = grace_s
        self._serving = Serving(
            application, websockets, head_s_max, OpenConnections(at_most=connections_max)
        )
        self._server: asyncio.Server | None = None
        self._end_watch: Callable[[], None] | None = None

    @property
    def connections(self) -> OpenConnections:
        return self._serving.connections

    @property
    def port(self) -> int:
        """The port in use; the one that the system chose when 0 was asked for."""
        return self._port

    async def __aenter__(self) -> "Listener":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Raises OSError (EADDRINUSE) when the port is taken."""
        loop = asyncio.get_running_loop()
        listening = _listening_socket(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = await loop.create_server(
            lambda: _Accepted(self._serving),
            sock=listening,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT_S if self._tls else None,
        )
        self._end_watch = self._serving.connections.watch_over()

    async def stop(self) -> None:
        """Take no more connections, let running requests end for `grace_s`, then cut the rest."""
        if self._server is None or self._end_watch is None:
            return
        self._end_watch()
        self._server.close()
        connections, tasks = self._serving.connections, self._serving.tasks
        for connection in list(connections):
            connection.shutdown()
        if tasks:
            await asyncio.wait(set(tasks), timeout=self._grace_s)
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(set(tasks), timeout=self._grace_s)
        for connection in list(connections):
            if connection.transport is not None:
                connection.transport.abort()
        self._server = None


class _Accepted(asyncio.Protocol):
    """Gives its place to the protocol that the client chose in the TLS handshake (ALPN)."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if not self._serving.connections.has_room():
            transport.abort()
            return
        prepare(transport)
        tls = transport.get_extra_info("ssl_object")
        spoken = tls.selected_alpn_protocol() if tls is not None else None
        chosen = _speaking(spoken, self._serving)
        transport.set_protocol(chosen)
        chosen.connection_made(transport)


def _speaking(protocol: str | None, serving: Serving) -> asyncio.Protocol:
    if protocol != "h2":
        return Http1Connection(serving)
    from towpath.apiserver.http.wire.http2 import Http2Connection

    return Http2Connection(serving)


def _listening_socket(host: str, port: int) -> socket.socket:
    """Made as IPPROTO_TCP by name: asyncio sets TCP_NODELAY only then, else answers wait 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    notice_the_dead(listening)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening

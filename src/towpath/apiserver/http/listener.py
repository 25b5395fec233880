"""One listening socket that serves an ASGI application inside the running loop.

uvicorn's protocol parses HTTP; its `Server` is not used, because that wants to own the process:
signals, a lifespan, a tick ten times a second. Rules: starting is done when clients can connect;
stopping takes at most `grace_s`, whatever is open; nothing is logged for a request. Who sends the
head of a request slowly, or without end, is cut off; how long a body may take is the application's.
"""

import asyncio
import logging
import socket
import ssl
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from towpath.machinery.asgi import Application

KEEP_ALIVE_S = 75
BACKLOG = 1024
COALESCE_BYTES_MAX = 64 * 1024
TLS_HANDSHAKE_TIMEOUT_S = 10.0
HEAD_BYTES_MAX = 64 * 1024
"""Beside what came in one read of the socket with its first line."""
HEAD_S_MAX = 30.0
WEBSOCKET_MESSAGE_BYTES_MAX = 1024 * 1024


class Listener:
    """`async with Listener(app, port=8443, tls=context) as listener: listener.port`.

    With `websockets` the application is given the scopes of WebSockets too.
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
    ) -> None:
        self._host = host
        self._head_s_max = head_s_max
        self._port = port
        self._tls = tls
        self._grace_s = grace_s
        self._state = ServerState()
        self._config = Config(
            cast(Any, application),
            http="httptools",
            ws=_WebSocketProtocol if websockets else "none",
            ws_max_size=WEBSOCKET_MESSAGE_BYTES_MAX,
            ws_per_message_deflate=False,
            log_level="warning",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._server: asyncio.Server | None = None

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
        self._config.load()
        logging.getLogger("uvicorn.error").addFilter(_is_no_refusal)
        loop = asyncio.get_running_loop()
        listening = _listening_socket(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = await loop.create_server(
            self._protocol,
            sock=listening,
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT_S if self._tls else None,
        )

    async def stop(self) -> None:
        """Take no more connections, let running requests end for `grace_s`, then cut the rest."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=self._grace_s)
        for task in list(self._state.tasks):
            task.cancel()
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=self._grace_s)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        self._server = None

    def _protocol(self) -> "_Protocol":
        protocol = _Protocol(config=self._config, server_state=self._state, app_state={})
        protocol.head_s_max = self._head_s_max
        return protocol


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with head and body of an answer in one write, and the client's certificate."""

    head_s_max = HEAD_S_MAX
    _head_size = 0
    _head_began = False
    """In the data that is being taken just now."""
    _head_timer: asyncio.TimerHandle | None = None
    """Runs while a connection is new, and while a head is on its way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, _Coalescing(transport, self.loop)))
        self._head_timer = self.loop.call_later(self.head_s_max, self.transport.close)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and (certificate := tls.getpeercert()):
            self.app_state = {"client_certificate": certificate}

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_began = False
        super().data_received(data)
        if self._head_timer is not None and not self._head_began:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES_MAX:
                self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_is_complete()
        self._head_began = True
        self._head_timer = self.loop.call_later(self.head_s_max, self._refuse, _HEAD_TOO_SLOW)

    def on_headers_complete(self) -> None:
        self._head_is_complete()
        super().on_headers_complete()

    def _head_is_complete(self) -> None:
        self._head_size = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, answer: bytes) -> None:
        self._head_is_complete()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that is not done is refused by the application, by name."""


class _WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's; the application alone looks at the subprotocols.

    The one for port-forward, `SPDY/3.1+portforward.k8s.io`, is no token of RFC 6455.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn.process_subprotocol = lambda headers: None  # type: ignore[method-assign]


_HEAD_TOO_LARGE = b"HTTP/1.1 431 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_HEAD_TOO_SLOW = b"HTTP/1.1 408 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Coalescing:
    """A transport that gathers what one turn of the loop writes: one system call, one TLS record.

    Bounded by COALESCE_BYTES_MAX, so that flow control still sees every large write.
    """

    __slots__ = ("_gathered", "_loop", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)
        self._size += len(data)
        if self._size > COALESCE_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        if not self._gathered:
            return
        data = self._gathered[0] if len(self._gathered) == 1 else b"".join(self._gathered)
        self._gathered = []
        self._size = 0
        self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._gathered = []
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


def _is_no_refusal(record: logging.LogRecord) -> bool:
    """A WebSocket refused by an HTTP answer is complete; uvicorn takes it for a fault of ours."""
    return record.msg != "ASGI callable returned without completing handshake."


def _listening_socket(host: str, port: int) -> socket.socket:
    """Made as IPPROTO_TCP by name: asyncio sets TCP_NODELAY only then, else answers wait 40 ms."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening

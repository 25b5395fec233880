"""One listening socket that serves an ASGI application inside the running loop.

Rules: starting is done when clients can connect; stopping takes at most `grace_s`, whatever is
open; nothing is logged for a request. What is spoken on a connection is in http1.py.
"""

import asyncio
import socket
import ssl

from towpath.apiserver.http.http1 import HEAD_S_MAX, Http1Connection, Serving
from towpath.machinery.asgi import Application

BACKLOG = 1024
TLS_HANDSHAKE_TIMEOUT_S = 10.0


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
        self._port = port
        self._tls = tls
        self._grace_s = grace_s
        self._serving = Serving(application, websockets, head_s_max)
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
        loop = asyncio.get_running_loop()
        listening = _listening_socket(self._host, self._port)
        self._port = listening.getsockname()[1]
        self._server = await loop.create_server(
            lambda: Http1Connection(self._serving),
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

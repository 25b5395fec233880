"""The gateway as an ASGI application.

    gateway = Gateway([cluster.state, ...])
    if gateway.knows(host): await gateway(scope, receive, send)
    ...
    gateway.close()

What goes wrong is told in one plain sentence, about the asker's own host only.
"""

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from towpath.localcluster.gateway.backends import Backends, Balance, Endpoint
from towpath.localcluster.gateway.connection import Connection, Headers, UpstreamFailed
from towpath.localcluster.gateway.pool import Pool
from towpath.localcluster.gateway.routes import Route
from towpath.localcluster.state import ClusterState
from towpath.machinery.asgi import Receive, Scope, Send

ANSWER_S_MAX = 60.0
TEXT = b"text/plain; charset=utf-8"
SWEEP_EVERY_S = 2.0
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "OPTIONS"})
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"forwarded",
    }
)


class _Refused(Exception):
    """An answer of the gateway itself."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Gateway:
    def __init__(self, clusters: Sequence[ClusterState]) -> None:
        self._clusters = [Backends(state) for state in clusters]
        self._balance = Balance()
        self._pool = Pool()

    def knows(self, host: str) -> bool:
        """Whether an Ingress has this host; without port, any case."""
        return any(backends.knows(host.lower()) for backends in self._clusters)

    async def run(self) -> None:
        """Drop idle connections until cancelled."""
        try:
            while True:
                await asyncio.sleep(SWEEP_EVERY_S)
                self._pool.sweep()
        finally:
            self.close()

    def close(self) -> None:
        self._pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            from towpath.localcluster.gateway.sockets import deny

            try:
                await self._serve_socket(scope, receive, send)
            except _Refused as refused:
                await deny(send, refused.status, f"{refused}\n".encode(), TEXT)
            return
        try:
            await self._serve(scope, receive, send)
        except _Refused as refused:
            await _say(send, refused.status, str(refused), scope["method"])
        except _ClientGone:
            return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = list(scope["headers"])
        host = _host(headers)
        if any(name == b"upgrade" for name, _ in headers):
            raise _Refused(501, _NO_UPGRADE)
        backends, route = self._route(host, scope["path"])
        exchange = _Exchange(scope, receive, send, headers, host)
        tried: set[Endpoint] = set()
        while True:
            endpoints = [one for one in backends.endpoints(route) if one not in tried]
            if not endpoints:
                raise _none_left(route, tried)
            endpoint = self._balance.order(endpoints)[0]
            self._balance.begin(endpoint)
            try:
                if await self._try(exchange, endpoint):
                    return
            finally:
                self._balance.end(endpoint)
            tried.add(endpoint)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = list(scope["headers"])
        backends, route = self._route(_host(headers), scope["path"])
        from towpath.localcluster.gateway.sockets import relay

        written = dict(headers)[b"host"].decode("latin-1")
        target = _target(scope).decode("latin-1")
        endpoints = self._balance.order(backends.endpoints(route))
        for endpoint in endpoints:
            self._balance.begin(endpoint)
            try:
                await relay(scope, receive, send, host=written, target=target, endpoint=endpoint)
                return
            except OSError:
                continue
            finally:
                self._balance.end(endpoint)
        raise _none_left(route, set(endpoints))

    def _route(self, host: str, path: str) -> tuple[Backends, Route]:
        for backends in self._clusters:
            if route := backends.route(host, path):
                return backends, route
            if backends.knows(host):
                raise _Refused(404, f"{host} has no route for {path}")
        raise _Refused(404, f"no service answers to {host or 'a request without a host'} here")

    async def _try(self, exchange: "_Exchange", endpoint: Endpoint) -> bool:
        """Whether the exchange is over; False when another endpoint may be tried."""
        fresh = False
        while True:
            try:
                connection = await self._pool.connection(endpoint, fresh=fresh)
            except OSError:
                return False
            try:
                await exchange.run(connection)
                return True
            except UpstreamFailed as failed:
                if exchange.answering or exchange.left:
                    raise _ClientGone from failed  # too late for words: the server cuts it off
                if not (failed.untouched and exchange.may_repeat):
                    raise _Refused(502, f"{exchange.host}: {failed}") from failed
                if not connection.reused:
                    return False
                fresh = True  # it had been kept too long: once more on a new connection
            except TimeoutError:
                text = f"{exchange.host} did not answer within {ANSWER_S_MAX:g} seconds"
                raise _Refused(504, text) from None
            finally:
                self._pool.give_back(endpoint, connection)


class _Exchange:
    """One request of a client and its answer."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, host: str
    ) -> None:
        self.host = host
        self.answering = False
        self.left = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._method: str = scope["method"]
        self._names = dict(headers)
        self._chunked = b"transfer-encoding" in self._names
        self._has_body = self._chunked or self._names.get(b"content-length", b"0") != b"0"
        self._body_taken = self._body_sent = False
        self._head = self._request_head(headers)

    @property
    def may_repeat(self) -> bool:
        return not self._body_taken and self._method in _SAFE_TO_REPEAT

    def _request_head(self, headers: Headers) -> bytes:
        scope = self._scope
        lines = [self._method.encode() + b" " + _target(scope) + b" HTTP/1.1"]
        dropped = _HOP_BY_HOP | _named_by_connection(self._names.get(b"connection", b""))
        lines += [name + b": " + value for name, value in headers if name not in dropped]
        client = (scope.get("client") or ("127.0.0.1", 0))[0]
        lines += [
            b"x-forwarded-for: " + str(client).encode(),
            b"x-forwarded-proto: " + scope.get("scheme", "http").encode(),
            b"x-forwarded-host: " + self._names.get(b"host", b""),
        ]
        if self._chunked:
            lines.append(b"transfer-encoding: chunked")
        return b"\r\n".join(lines) + b"\r\n\r\n"

    async def run(self, connection: Connection) -> None:
        """Raises UpstreamFailed, TimeoutError, _ClientGone."""
        connection.ask(self._method, self._head)
        if not self._has_body:
            await self._answer_or_leave(connection)
            return
        sending = asyncio.ensure_future(self._pass_body(connection))
        try:
            await self._answer(connection)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            if not self._body_sent:
                connection.close()  # the pod would take the next request for the rest of this one

    async def _answer_or_leave(self, connection: Connection) -> None:
        """Answer; a client that leaves meanwhile frees the pod."""
        leaving = asyncio.ensure_future(self._disconnected(connection))
        try:
            await self._answer(connection)
        finally:
            leaving.cancel()

    async def _disconnected(self, connection: Connection) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        connection.close()

    async def _pass_body(self, connection: Connection) -> None:
        self._body_taken = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                connection.close()
                return
            piece: bytes = message.get("body", b"")
            if piece and self._chunked:
                await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            elif piece:
                await connection.write(piece)
            if not message.get("more_body"):
                if self._chunked:
                    await connection.write(b"0\r\n\r\n")
                self._body_sent = True
                await self._disconnected(connection)
                return

    async def _answer(self, connection: Connection) -> None:
        async with asyncio.timeout(ANSWER_S_MAX):
            status, headers = await connection.head()
        dropped = _HOP_BY_HOP | _named_by_connection(dict(headers).get(b"connection", b""))
        passed = [(name, value) for name, value in headers if name not in dropped]
        self.answering = True
        await self._send({"type": "http.response.start", "status": status, "headers": passed})
        while True:
            piece = await connection.body()
            more = bool(piece) and not connection.body_is_complete
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})
            if not more:
                return


_NO_UPGRADE = "the local gateway passes WebSockets, and no other upgrades"


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string") or b""
    return path + b"?" + query if query else path


def _host(headers: Headers) -> str:
    for name, value in headers:
        if name == b"host":
            return value.decode("latin-1").rsplit(":", 1)[0].lower()
    return ""


def _named_by_connection(value: bytes) -> frozenset[bytes]:
    return frozenset(name.strip().lower() for name in value.split(b",")) if value else frozenset()


def _none_left(route: Route, tried: set[Endpoint]) -> _Refused:
    if tried:
        return _Refused(502, f"no pod of {route.service} accepts connections")
    return _Refused(503, f"{route.service} has no ready pod now")


async def _say(send: Send, status: int, message: str, method: str) -> None:
    body = f"{message}\n".encode()
    headers = [
        (b"content-type", TEXT),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

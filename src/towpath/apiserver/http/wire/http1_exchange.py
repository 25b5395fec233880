"""One request over HTTP/1.1 and its answer."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from towpath.apiserver.http.wire.exchange import WITHOUT_BODY, WRITE_BYTES, Exchange
from towpath.machinery.asgi import Scope

if TYPE_CHECKING:
    from towpath.apiserver.http.wire.http1 import Http1Connection

BODY_BYTES_AHEAD = 64 * 1024
"""Of a request's body is read before the application has asked for it, and one read more."""

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
OF_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FAILED_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"21"),
    (b"connection", b"close"),
]


class Http1Exchange(Exchange):
    __slots__ = ("_chunked", "_head", "_left", "keeps_connection")
    _connection: "Http1Connection"

    def __init__(
        self, connection: "Http1Connection", scope: Scope, keeps: bool, expects_continue: bool
    ) -> None:
        super().__init__(connection, scope, expects_continue=expects_continue)
        self.keeps_connection = keeps
        self._head = b""
        """While it waits for the first piece of the body."""
        self._chunked = False
        self._left: int | None = None
        """Bytes that content-length still promises."""

    def _cut_off(self) -> None:
        self.keeps_connection = False

    async def _fail(self) -> None:
        self.keeps_connection = False
        if self._head or not self.started:
            # Nothing has left yet.
            self.started = False
            await self.send(
                {"type": "http.response.start", "status": 500, "headers": FAILED_HEADERS}
            )
            await self.send({"type": "http.response.body", "body": b"Internal Server Error"})

    # The request

    def take(self, body: bytes, size: int) -> None:
        super().take(body, size)
        if self._body_bytes > BODY_BYTES_AHEAD and not self._complete:
            self._connection.pause_reading()

    def _taken(self, size: int) -> None:
        """TCP has told the client already."""

    def _continue(self) -> None:
        self._connection.transport.write(CONTINUE)

    def _wait(self) -> None:
        self._connection.resume_reading()

    # The answer

    def _begin(self, status: int, headers: Any, *, body_follows: bool) -> None:
        lines = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        length: int | None = None
        for name, value in headers:
            if (told := name.lower()) in OF_FRAMING:
                if told == b"content-length":
                    length = int(value)
                else:
                    # These are ours to say.
                    if told == b"connection" and b"close" in value.lower():
                        self.keeps_connection = False
                    continue
            lines.append(b"%b: %b\r\n" % (name, value))
        self._bodiless = self._bodiless or status in WITHOUT_BODY
        if self._expects_continue and self._more:
            # Nobody knows whether the body will come: what follows cannot be told from it.
            self.keeps_connection = False
        self._left = length
        unknown = length is None and not self._bodiless
        self._chunked = unknown and self._scope["http_version"] == "1.1"
        if self._chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif unknown:
            self.keeps_connection = False
        if not self.keeps_connection:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise RuntimeError("a header of the answer has a line break in it")
        self.started = True
        self._head = head
        if not body_follows:
            asyncio.get_running_loop().call_soon(self._flush_head)

    def _flush_head(self) -> None:
        if self._head and not self._disconnected:
            self._connection.transport.write(self._head)
            self._head = b""

    async def _write(self, body: bytes, more: bool) -> None:
        if self._left is not None and not self._bodiless:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("a body is as long as its content-length")
        before, after = self._head, b""
        self._head = b""
        if self._chunked:
            if body:
                before, after = before + b"%x\r\n" % len(body), b"\r\n"
            if not more:
                after += b"0\r\n\r\n"
        if len(body) <= WRITE_BYTES:
            if data := b"".join((before, body, after)):
                self._connection.transport.write(data)
        else:
            with self._connection.holding(len(body)):
                await self._write_pieces(before, body, after)
        if not more:
            self._complete = True
            self._wake()
            self._connection.answered(self)

    async def _write_pieces(self, before: bytes, body: bytes, after: bytes) -> None:
        connection, view = self._connection, memoryview(body)
        connection.transport.write(before)
        for start in range(0, len(body), WRITE_BYTES):
            if connection.write_paused:
                await connection.writable()
            if self._disconnected:
                return
            connection.transport.write(view[start : start + WRITE_BYTES])
        connection.transport.write(after)

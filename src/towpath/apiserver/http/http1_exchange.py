"""One request over HTTP/1.1 and its answer, as an ASGI application takes and gives them."""

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from towpath.machinery.asgi import Message, Scope

if TYPE_CHECKING:
    from towpath.apiserver.http.http1 import Http1Connection, Serving

BODY_BYTES_AHEAD = 64 * 1024
"""Of a request's body is read before the application has asked for it, and one read more."""
WRITE_BYTES = 256 * 1024
"""Large bodies are written in pieces, so that the client reads one while the next is encrypted."""

STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
WITHOUT_BODY = frozenset({204, 304})
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FAILED_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"21"),
    (b"connection", b"close"),
]

log = logging.getLogger(__name__)


class Exchange:
    """One request and its answer: what ASGI calls receive and send."""

    __slots__ = (
        "_arrived",
        "_bodiless",
        "_body",
        "_body_bytes",
        "_chunked",
        "_complete",
        "_connection",
        "_disconnected",
        "_expects_continue",
        "_handed_out",
        "_head",
        "_left",
        "_more",
        "_scope",
        "keeps_connection",
        "started",
    )

    def __init__(
        self, connection: "Http1Connection", scope: Scope, keeps: bool, expects_continue: bool
    ) -> None:
        self._connection = connection
        self._scope = scope
        self.keeps_connection = keeps
        # The request.
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._more = True
        self._handed_out = False
        """The application has the last of the body."""
        self._arrived: asyncio.Future[None] | None = None
        self._expects_continue = expects_continue
        self._disconnected = False
        # The answer.
        self.started = False
        self._complete = False
        self._head = b""
        """While it waits for the first piece of the body."""
        self._bodiless = scope["method"] == "HEAD"
        self._chunked = False
        self._left: int | None = None
        """Bytes that content-length still promises."""

    async def run(self, serving: "Serving") -> None:
        try:
            await serving.application(self._scope, self.receive, self.send)
            if not self._complete and not self._disconnected:
                raise RuntimeError("the application returned before its answer was complete")
        except asyncio.CancelledError:
            self.keeps_connection = False
            raise
        except Exception:
            log.exception("request failed", extra={"path": self._scope["path"]})
            await self._fail()
        finally:
            task = asyncio.current_task()
            assert task is not None
            serving.tasks.discard(task)
            self._connection.answered(self)

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

    def take(self, body: bytes) -> None:
        if self._complete:
            return
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES_AHEAD:
            self._connection.pause_reading()
        self._wake()

    def end_body(self) -> None:
        self._more = False
        self._wake()

    def disconnect(self) -> None:
        self._disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def receive(self) -> Message:
        if self._expects_continue and not self.started:
            self._expects_continue = False
            self._connection.transport.write(CONTINUE)
        while not (self._disconnected or self._complete):
            if self._body or not (self._more or self._handed_out):
                return self._request()
            self._connection.resume_reading()
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return {"type": "http.disconnect"}

    def _request(self) -> Message:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._body_bytes = 0
        self._handed_out = not self._more
        return {"type": "http.request", "body": body, "more_body": self._more}

    # The answer

    async def send(self, message: Message) -> None:
        if self._connection.write_paused:
            await self._connection.writable()
        if self._disconnected or self._connection.transport.is_closing():
            self._disconnected = True
            return
        if message["type"] == "http.response.start":
            self._begin(message)
        elif not self.started or self._complete:
            raise RuntimeError(f"{message['type']} comes at no time of an answer")
        else:
            await self._write(message.get("body", b""), bool(message.get("more_body", False)))

    def _begin(self, message: Message) -> None:
        if self.started:
            raise RuntimeError("an answer begins once")
        status: int = message["status"]
        lines = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        length: int | None = None
        for name, value in message.get("headers", ()):
            match name.lower():
                case b"content-length":
                    length = int(value)
                case b"transfer-encoding":
                    continue  # It is ours to say.
                case b"connection":
                    if b"close" in value.lower():
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
        asyncio.get_running_loop().call_soon(self._flush_head)

    def _flush_head(self) -> None:
        if self._head and not self._disconnected:
            self._connection.transport.write(self._head)
            self._head = b""

    async def _write(self, body: bytes, more: bool) -> None:
        if self._bodiless:
            body = b""
        elif self._left is not None:
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

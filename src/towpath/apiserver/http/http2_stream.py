"""One request on an HTTP/2 connection, and its answer: what ASGI calls receive and send."""

import asyncio
import logging
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from towpath.apiserver.http.http1 import Serving
from towpath.apiserver.http.http1_exchange import WITHOUT_BODY
from towpath.machinery.asgi import Message, Scope

if TYPE_CHECKING:
    from towpath.apiserver.http.http2 import Http2Connection

STUCK_S = 60.0
"""How long a client may read nothing of an answer that waits for it."""
OF_CONNECTION = frozenset(
    {b"connection", b"transfer-encoding", b"keep-alive", b"upgrade", b"proxy-connection"}
)
FAILED = [(b":status", b"500"), (b"content-type", b"text/plain; charset=utf-8")]

log = logging.getLogger(__name__)


class Stream:
    """Lives as long as its call of the application."""

    __slots__ = (
        "_arrived",
        "_bodiless",
        "_body",
        "_complete",
        "_connection",
        "_disconnected",
        "_expects_continue",
        "_handed_out",
        "_more",
        "_opened",
        "_scope",
        "_size",
        "_started",
        "number",
    )

    def __init__(self, connection: "Http2Connection", number: int, scope: Scope) -> None:
        self.number = number
        self._connection = connection
        self._scope = scope
        # The request.
        self._body: list[bytes] = []
        self._size = 0
        """As flow control counts it."""
        self._more = True
        self._handed_out = False
        self._arrived: asyncio.Future[None] | None = None
        self._expects_continue = (b"expect", b"100-continue") in scope["headers"]
        self._disconnected = False
        # The answer.
        self._started = False
        self._complete = False
        self._bodiless = scope["method"] == "HEAD"
        self._opened: asyncio.Future[None] | None = None

    async def run(self, serving: Serving) -> None:
        try:
            await serving.application(self._scope, self.receive, self.send)
            if not self._complete and not self._disconnected:
                raise RuntimeError("the application returned before its answer was complete")
        except asyncio.CancelledError:
            self._reset(ErrorCodes.CANCEL)
            raise
        except Exception:
            log.exception("request failed", extra={"path": self._scope["path"]})
            self._fail()
        finally:
            task = asyncio.current_task()
            assert task is not None
            serving.tasks.discard(task)
            self._connection.finished(self)

    def _fail(self) -> None:
        if self._started or self._disconnected:
            self._reset(ErrorCodes.INTERNAL_ERROR)
        else:
            self._started = True
            self._connection.h2.send_headers(self.number, FAILED, end_stream=True)
            self._completed()

    def _reset(self, code: ErrorCodes) -> None:
        if not self._disconnected and not self._complete:
            self._disconnected = True
            self._connection.h2.reset_stream(self.number, code)
            self._connection.flush()

    # The request

    def take(self, body: bytes, size: int) -> None:
        if self._complete:
            self._connection.taken(self.number, size)
            return
        self._body.append(body)
        self._size += size
        self._wake()

    def end_body(self) -> None:
        self._more = False
        self._wake()

    def disconnect(self) -> None:
        self._disconnected = True
        self._wake()
        self.window_opened()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def receive(self) -> Message:
        if self._expects_continue and not self._started and not self._disconnected:
            self._expects_continue = False
            self._connection.h2.send_headers(self.number, [(b":status", b"100")])
            self._connection.flush()
        while not (self._disconnected or self._complete):
            if self._body or not (self._more or self._handed_out):
                return self._request()
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        return {"type": "http.disconnect"}

    def _request(self) -> Message:
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        size, self._size = self._size, 0
        self._connection.taken(self.number, size)
        self._handed_out = not self._more
        return {"type": "http.request", "body": body, "more_body": self._more}

    # The answer

    async def send(self, message: Message) -> None:
        if self._disconnected:
            return
        if message["type"] == "http.response.start":
            self._begin(message)
        elif not self._started or self._complete:
            raise RuntimeError(f"{message['type']} comes at no time of an answer")
        else:
            await self._write(message.get("body", b""), bool(message.get("more_body", False)))

    def _begin(self, message: Message) -> None:
        if self._started:
            raise RuntimeError("an answer begins once")
        self._started = True
        status: int = message["status"]
        self._bodiless = self._bodiless or status in WITHOUT_BODY
        headers = [(b":status", b"%d" % status)]
        for name, value in message.get("headers", ()):
            if b"\n" in value or b"\r" in value:
                raise RuntimeError("a header of the answer has a line break in it")
            if (lowered := name.lower()) not in OF_CONNECTION:
                headers.append((lowered, value))
        self._connection.h2.send_headers(self.number, headers)
        self._connection.flush()

    async def _write(self, body: bytes, more: bool) -> None:
        view = memoryview(b"" if self._bodiless else body)
        while view:
            room = await self._room(len(view))
            if not room:
                return
            connection, piece = self._connection, view[:room]
            connection.sent_frame()
            if room == len(view) and not more:
                connection.h2.send_data(self.number, piece.tobytes(), end_stream=True)
                self._completed()
                return
            connection.send_piece(self.number, piece)
            view = view[room:]
        if not more:
            self._connection.h2.end_stream(self.number)
            self._completed()

    def _completed(self) -> None:
        connection = self._connection
        self._complete = True
        if self._more:
            # The rest of the body is not wanted; this is no error of anybody.
            connection.h2.reset_stream(self.number, ErrorCodes.NO_ERROR)
        connection.flush()
        connection.drop(self)
        self._wake()

    async def _room(self, wanted: int) -> int:
        """How much may be sent now, once that is anything; 0: the client is gone."""
        connection = self._connection
        try:
            while not self._disconnected:
                if not connection.write_paused:
                    window = connection.h2.local_flow_control_window(self.number)
                    if window > 0:
                        return min(wanted, window, connection.h2.max_outbound_frame_size)
                async with asyncio.timeout(STUCK_S):
                    await self._may_go_on()
        except TimeoutError:
            self._reset(ErrorCodes.CANCEL)
        return 0

    async def _may_go_on(self) -> None:
        if self._connection.write_paused:
            await self._connection.writable()
        else:
            self._opened = asyncio.get_running_loop().create_future()
            await self._opened

    def window_opened(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

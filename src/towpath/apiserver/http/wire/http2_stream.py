"""One request over HTTP/2 and its answer."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from h2.errors import ErrorCodes

from towpath.apiserver.http.wire.exchange import WITHOUT_BODY, Exchange
from towpath.apiserver.http.wire.http2_request import OF_CONNECTION, Header
from towpath.machinery.asgi import Application, Receive, Scope, Send

if TYPE_CHECKING:
    from towpath.apiserver.http.wire.http2 import Http2Connection

STUCK_S = 60.0
"""How long a client may read nothing of an answer that waits for it."""
FAILED = [(b":status", b"500"), (b"content-type", b"text/plain; charset=utf-8")]


class Stream(Exchange):
    __slots__ = ("_opened", "number")
    _connection: "Http2Connection"

    def __init__(self, connection: "Http2Connection", number: int, scope: Scope) -> None:
        expects_continue = (b"expect", b"100-continue") in scope["headers"]
        super().__init__(connection, scope, expects_continue=expects_continue)
        self.number = number
        self._opened: asyncio.Future[None] | None = None

    def _cut_off(self) -> None:
        self._reset(ErrorCodes.CANCEL)

    async def _fail(self) -> None:
        if self.started or self._disconnected:
            self._reset(ErrorCodes.INTERNAL_ERROR)
        else:
            self.started = True
            self._connection.h2.send_headers(self.number, FAILED, end_stream=True)
            self._completed()

    def _reset(self, code: ErrorCodes) -> None:
        if not self._disconnected and not self._complete:
            self._disconnected = True
            self._connection.h2.reset_stream(self.number, code)
            self._connection.flush()

    async def run(self, application: Application) -> None:
        """As soon as the client has read enough of what it has asked for before."""
        if self._connection.holds_much:
            await super().run(self._in_its_turn(application))
        else:
            await super().run(application)

    def _in_its_turn(self, application: Application) -> Application:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            await self._connection.less_held()
            await application(scope, receive, send)

        return call

    # The request

    def _taken(self, size: int) -> None:
        self._connection.taken(self.number, size)

    def disconnect(self) -> None:
        super().disconnect()
        self.window_opened()

    def _wait(self) -> None:
        """The client may send as much as its window says."""

    def _continue(self) -> None:
        self._connection.send_head(self.number, [(b":status", b"100")])

    # The answer

    def _begin(self, status: int, headers: Iterable[Header], *, body_follows: bool) -> None:
        """The connection writes at the end of the loop's turn, whatever follows."""
        self.started = True
        self._bodiless = self._bodiless or status in WITHOUT_BODY
        sent = [(b":status", b"%d" % status)]
        for name, value in headers:
            if b"\n" in value or b"\r" in value:
                raise RuntimeError("a header of the answer has a line break in it")
            if (lowered := name.lower()) not in OF_CONNECTION:
                sent.append((lowered, value))
        self._connection.send_head(self.number, sent)

    async def _write(self, body: bytes, more: bool) -> None:
        view = memoryview(body)
        while view and (room := self._room(len(view))):
            piece, view = view[:room], view[room:]
            self._connection.send_piece(self.number, piece, last=not (view or more))
        if view:
            with self._connection.holding(len(body)):
                await self._write_pieces(view, more)
            if self._disconnected:
                return
        if not more:
            if not body:
                self._connection.send_piece(self.number, view, last=True)
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

    async def _write_pieces(self, view: memoryview, more: bool) -> None:
        """As the client lets them in; the stream is disconnected when it does not."""
        while view:
            try:
                async with asyncio.timeout(STUCK_S):
                    while not (room := self._room(len(view)) or self._disconnected):
                        await self._may_go_on()
            except TimeoutError:
                self._reset(ErrorCodes.CANCEL)
            if self._disconnected:
                return
            piece, view = view[:room], view[room:]
            self._connection.send_piece(self.number, piece, last=not (view or more))

    def _room(self, wanted: int) -> int:
        """How much may be sent just now."""
        connection = self._connection
        if connection.write_paused:
            return 0
        window = connection.h2.local_flow_control_window(self.number)
        return max(0, min(wanted, window, connection.h2.max_outbound_frame_size))

    async def _may_go_on(self) -> None:
        """Returns when there may be room."""
        if self._connection.write_paused:
            await self._connection.writable()
        else:
            self._opened = asyncio.get_running_loop().create_future()
            await self._opened

    def window_opened(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

"""One HTTP/1.1 connection to a pod: requests one after the other, bodies as streams.

Memory is bounded both ways: reading stops while BODY_SIZE_MAX waits to be passed on, and `write`
waits while the pod does not take what was sent.
"""

import asyncio
from collections import deque
from typing import cast

import httptools

BODY_SIZE_MAX = 256 * 1024
HEAD_SIZE_MAX = 64 * 1024

Headers = list[tuple[bytes, bytes]]


class UpstreamFailed(Exception):
    """The pod closed the connection or spoke no HTTP; `untouched` when it had answered nothing."""

    def __init__(self, message: str, *, untouched: bool) -> None:
        super().__init__(message)
        self.untouched = untouched


class Connection(asyncio.Protocol):
    """Made by the pool. `ask`, then `write`*, then `head`, then `body` until b""."""

    def __init__(self) -> None:
        self.reused = False
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._arrived = asyncio.Event()
        self._reset("")

    def _reset(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._status = 0
        self._headers: Headers = []
        self._head_size = 0
        self._head_complete = False
        self._complete = False
        self._keep_alive = False
        self._error: UpstreamFailed | None = None
        self._touched = False
        self._body: deque[bytes] = deque()
        self._body_size = 0

    # -- what the proxy does -----------------------------------------------------------------

    def ask(self, method: str, head: bytes) -> None:
        self._reset(method)
        self._write(head)

    async def write(self, data: bytes) -> None:
        self._write(data)
        await self._writable.wait()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            self._fail("the pod closed the connection")
            return
        self._transport.write(data)

    async def head(self) -> tuple[int, Headers]:
        """Raises UpstreamFailed."""
        while not self._head_complete:
            await self._news()
        return self._status, self._headers

    async def body(self) -> bytes:
        """The next piece; b"" at the end. Raises UpstreamFailed."""
        while not self._body and not self._complete:
            await self._news()
        if not self._body:
            return b""
        piece = b"".join(self._body) if len(self._body) > 1 else self._body[0]
        self._body.clear()
        self._body_size = 0
        if self._transport is not None and not self._complete:
            self._transport.resume_reading()
        return piece

    @property
    def body_is_complete(self) -> bool:
        """Everything has arrived, though perhaps not been taken yet."""
        return self._complete

    async def _news(self) -> None:
        if self._error is not None:
            raise self._error
        self._arrived.clear()
        await self._arrived.wait()

    @property
    def is_reusable(self) -> bool:
        return (
            self._complete
            and self._keep_alive
            and self._error is None
            and self._transport is not None
            and not self._transport.is_closing()
        )

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._touched = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self._complete:
                self._fail(f"the pod's answer is not HTTP: {error}")
            self.close()
        self._arrived.set()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        ends_with_connection = self._head_complete and not self._has_length()
        if ends_with_connection and error is None:
            self._complete, self._keep_alive = True, False
        elif not self._complete:
            self._fail(f"the pod closed the connection{f': {error}' if error else ''}")
        self._writable.set()
        self._arrived.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _fail(self, message: str) -> None:
        if self._error is None:
            self._error = UpstreamFailed(message, untouched=not self._touched)
        self._arrived.set()

    def _has_length(self) -> bool:
        names = {name for name, _ in self._headers}
        return b"content-length" in names or b"transfer-encoding" in names

    # -- httptools ---------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_SIZE_MAX:
            self._fail("the head of the pod's answer is too large")
            self.close()
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        if self._status < 200 and self._status != 101:
            self._headers = []  # 100 Continue, 103 Early Hints: the answer is still to come
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._head_complete = True
        if self._method == "HEAD":
            # It has the length of a body that does not come; the parser would wait for it.
            self._complete = True

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self._body.append(data)
        self._body_size += len(data)
        if self._body_size > BODY_SIZE_MAX and self._transport is not None:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._head_complete:
            self._complete = True

"""HTTP/1.1 on one connection: requests in, one call of the application for each, answers in order.

httptools parses; the rest of a connection is here. Rules:

- An answer's head leaves with the first piece of its body, in one write: one system call, one TLS
  record. A head alone waits for the end of the loop's turn, no longer.
- Nothing grows: a body is taken no faster than the application asks for it, an answer given no
  faster than the client reads, and while requests wait for their turn no more of them are read.
- A head has `head_s_max` to arrive and HEAD_BYTES_MAX to fill; who is idle is closed after
  KEEP_ALIVE_S. How long a body may take is the application's.
"""

from collections import deque

import httptools

from towpath.apiserver.http.wire.connection import KEEP_ALIVE_S, Connection, Serving
from towpath.apiserver.http.wire.exchange import Exchange
from towpath.apiserver.http.wire.http1_exchange import Http1Exchange
from towpath.machinery.asgi import Scope

HEAD_BYTES_MAX = 64 * 1024
"""Beside what came in one read of the socket with its first line."""

BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 30\r\nconnection: close\r\n\r\nInvalid HTTP request received."
)
HEAD_TOO_SLOW = b"HTTP/1.1 408 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 35\r\nconnection: close\r\n\r\n431 Request Header Fields Too Large"
)


class Http1Connection(Connection):
    version = "1.1"

    def __init__(self, serving: Serving) -> None:
        super().__init__(serving)
        self._parser = httptools.HttpRequestParser(self)
        # What follows a request that closes the connection is not looked at.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._expects_continue = False
        self._heads = 0
        self._in_head = False
        self._head_bytes = 0
        """Of the head that is on its way, beside the read that it began in."""
        self._incoming: Http1Exchange | None = None
        """Whose body is being received."""
        self._current: Http1Exchange | None = None
        """Who is being answered."""
        self._waiting: deque[Http1Exchange] = deque()
        """Whole requests that came before their turn."""
        self._reading = True

    # The transport's side

    def data_received(self, data: bytes) -> None:
        if self._ends:
            return
        heads = self._heads
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError:
            self._malformed()
        else:
            if self._in_head:
                self._head_goes_on(0 if self._heads > heads else len(data))

    def eof_received(self) -> None:
        """A client that sends no more is gone: the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._waiting.clear()
        for exchange in (self._current, self._incoming):
            if exchange is not None:
                exchange.disconnect()

    # The parser's side

    def on_message_begin(self) -> None:
        self._heads += 1
        self._in_head = True
        self._head_bytes = 0
        self._url = b""
        self._headers = []
        self._expects_continue = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        parser = self._parser
        upgrades = parser.should_upgrade()
        if upgrades and self._is_websocket():
            return
        scope = self._scope()
        keeps = parser.should_keep_alive() and not upgrades
        if (version := parser.get_http_version()) != "1.1":
            scope["http_version"] = version
            keeps = False
        exchange = self._incoming = Http1Exchange(self, scope, keeps, self._expects_continue)
        if self._current is None:
            self._start(exchange)
        else:
            self._waiting.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        if self._incoming is not None:
            self._incoming.take(body, len(body))

    def on_message_complete(self) -> None:
        if self._incoming is not None:
            exchange, self._incoming = self._incoming, None
            exchange.end_body()

    # One request after the other

    def _scope(self) -> Scope:
        url = self._url
        if url[:1] == b"/" and b"#" not in url:
            raw_path, _, query = url.partition(b"?")
        else:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
        return self._scope_of(
            self._parser.get_method().decode("ascii"), raw_path, query, self._headers
        )

    def _start(self, exchange: Http1Exchange) -> None:
        self._current = exchange
        self._run(exchange)

    def ended(self, exchange: Exchange) -> None:
        super().ended(exchange)
        self.answered(exchange)

    def answered(self, exchange: Exchange) -> None:
        """The answer is complete, or there will be none; whoever waits has their turn."""
        if exchange is not self._current:
            return
        self._current = None
        if self._ends or not exchange.keeps_connection:
            self._ends = True
            self.transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())
        else:
            self.resume_reading()
            self._close_at(self._loop.time() + KEEP_ALIVE_S)

    def shutdown(self) -> None:
        self._ends = True
        self._waiting.clear()
        if self._current is None:
            self.transport.close()
        else:
            self._current.keeps_connection = False

    @property
    def is_idle(self) -> bool:
        return self._current is None

    # Flow

    def pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._reading and not self._waiting and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    # Limits

    def _head_goes_on(self, size: int) -> None:
        """A head has begun and not ended, and `size` more bytes of it have come."""
        if not size:
            self._close_at(self._loop.time() + self._serving.head_s_max)
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self._refuse(HEAD_TOO_LARGE)

    def _time_is_up(self) -> None:
        self._refuse(HEAD_TOO_SLOW if self._in_head else b"")

    def _malformed(self) -> None:
        """What came before it is answered yet, if that is complete."""
        if self._current is None or self._incoming is self._current:
            self._refuse(BAD_REQUEST)
        else:
            self.shutdown()

    def _refuse(self, answer: bytes) -> None:
        """Say so unless somebody is being answered, who is cut off; close."""
        self._ends = True
        self._waiting.clear()
        if not self.transport.is_closing():
            if answer and (self._current is None or not self._current.started):
                self.transport.write(answer)
            self.transport.close()

    # WebSockets

    def _is_websocket(self) -> bool:
        if not self._serving.websockets:
            return False
        wanted = [value.lower() for name, value in self._headers if name == b"upgrade"]
        return wanted == [b"websocket"]

    def _upgrade(self) -> None:
        self._ends = True
        if self._in_head or not self._is_websocket():
            return  # The application has been asked, and answers; then the connection closes.
        if self._current is not None:
            self._refuse(BAD_REQUEST)
            return
        from towpath.apiserver.http.wire.upgrades import upgrade

        lines = [self._parser.get_method() + b" " + self._url + b" HTTP/1.1\r\n"]
        lines += [b"%b: %b\r\n" % header for header in self._headers]
        if self._timer is not None:
            self._timer.cancel()
        self._serving.connections.discard(self)
        upgrade(self, b"".join((*lines, b"\r\n")), self._serving)

"""A client that costs little, so that the server is what is measured: the same for both sides.

Blocking-free TLS sockets under one epoll, requests prepared before the clock runs, and of an answer
no more is read than its status and where it ends. The processor time that it takes is reported.
"""

import re
import selectors
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

READ_BYTES = 1024 * 1024
WAIT_S_MAX = 60.0
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NAME = re.compile(rb'"name":"([a-z0-9-]+)"')
CREATING = 8
END_OF_CHUNKS = b"\r\n0\r\n\r\n"


class Refused(Exception):
    """The server answered with something else than success."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, whom it trusts, and the processes that it consists of.

    At an address of plain HTTP nobody is trusted, and `ca_pem` is "".
    """

    url: str
    ca_pem: str
    pids: tuple[int, ...]

    def connect(self) -> "Connection":
        return Connection(self.url, self.ca_pem)


class Connection:
    """One connection that is kept open; one request at a time."""

    def __init__(self, url: str, ca_pem: str) -> None:
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "https":
            context = ssl.create_default_context(cadata=ca_pem)
            context.check_hostname = False
            self.socket = context.wrap_socket(self.socket)
        self.socket.setblocking(False)
        self.sent_at = 0.0
        self._received: list[bytes] = []
        self._size = 0
        self._expected: int | None = None
        self._head_size = 0

    def send(self, request: bytes) -> None:
        self._received, self._size, self._expected, self._head_size = [], 0, None, 0
        self.sent_at = time.perf_counter()
        sent = self.socket.send(request)
        assert sent == len(request), "a request is smaller than a socket's buffer"

    def receive(self) -> bool:
        """Read what is there; whether the answer is complete. Raises Refused."""
        while True:
            try:
                data = self.socket.recv(READ_BYTES)
            except (ssl.SSLWantReadError, BlockingIOError):
                return False
            if not data:
                raise Refused("the server closed the connection")
            self._received.append(data)
            self._size += len(data)
            if self._is_complete():
                return True

    def _is_complete(self) -> bool:
        if not self._head_size:
            first = self._received[0] = b"".join(self._received)
            del self._received[1:]
            end = first.find(b"\r\n\r\n")
            if end < 0:
                return False
            self._head_size = end + 4
            length = LENGTH.search(first, 0, self._head_size)
            self._expected = self._head_size + int(length[1]) if length else None
        if self._expected is not None:
            return self._size >= self._expected
        if len(self._received[-1]) < len(END_OF_CHUNKS):
            self._received = [b"".join(self._received)]
        return self._received[-1].endswith(END_OF_CHUNKS)

    @property
    def status(self) -> int:
        return int(self._received[0][9:12])

    @property
    def began(self) -> bool:
        """Whether the head of the answer is there."""
        return self._head_size > 0

    @property
    def size(self) -> int:
        return self._size - self._head_size

    def taken(self) -> bytes:
        """Everything received so far, which is then forgotten: for streams."""
        data = b"".join(self._received)
        self._received, self._size = [], 0
        return data

    def ask(self, request: bytes) -> bytes:
        """Send, wait for the whole answer, and return its body. Raises Refused."""
        self.send(request)
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            while not self.receive():
                if not selector.select(WAIT_S_MAX):
                    raise Refused(f"no answer within {WAIT_S_MAX:.0f} s")
        body = b"".join(self._received)[self._head_size :]
        if self.status >= 400:
            raise Refused(f"{self.status}: {body[:500].decode(errors='replace')}")
        return body

    def close(self) -> None:
        self.socket.close()


@dataclass(slots=True)
class Load:
    """How it went: requests, seconds, and how long each took."""

    seconds: float = 0.0
    client_cpu_s: float = 0.0
    took_s: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return len(self.took_s) / self.seconds

    @property
    def client_core(self) -> float:
        """The share of one core that the client took."""
        return self.client_cpu_s / self.seconds


def run(server: Server, requests: Iterable[bytes], *, connections: int) -> Load:
    """All requests, `connections` at a time, each connection its next one after its answer."""
    prepared = iter(list(requests))
    opened = [server.connect() for _ in range(connections)]
    load = Load()
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        began, cpu = time.perf_counter(), time.process_time()
        open_requests = sum(_next(connection, prepared) for connection in opened)
        while open_requests:
            ready = selector.select(WAIT_S_MAX)
            if not ready:
                raise Refused(f"no answer within {WAIT_S_MAX:.0f} s")
            for key, _ in ready:
                connection: Connection = key.data
                if connection.receive():
                    load.took_s.append(time.perf_counter() - connection.sent_at)
                    if connection.status >= 300:
                        raise Refused(connection.taken()[:1000].decode(errors="replace"))
                    open_requests -= not _next(connection, prepared)
        load.seconds = time.perf_counter() - began
        load.client_cpu_s = time.process_time() - cpu
    for connection in opened:
        connection.close()
    return load


def _next(connection: Connection, requests: "Iterable[bytes]") -> bool:
    request = next(iter(requests), None)
    if request is None:
        return False
    connection.send(request)
    return True


class WatchedCreates:
    """Creates at a steady pace, and how long after each was sent its event has come."""

    def __init__(self, server: Server, watch: bytes, creates: Mapping[str, bytes]) -> None:
        self._watching = server.connect()
        self._watching.send(watch)
        # Several, so that a slow answer does not hold up the next create.
        self._creating = [server.connect() for _ in range(CREATING)]
        self._creates = list(creates.items())
        self._sent_at: dict[bytes, float] = {}
        self._rest = b""
        self.delays_s: list[float] = []

    def run(self, per_s: float) -> list[float]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._watching.socket, selectors.EVENT_READ, self._watching)
            while not self._watching.began:
                self._take(selector, WAIT_S_MAX)
            for connection in self._creating:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            start = time.perf_counter()
            for number, (name, request) in enumerate(self._creates):
                due = start + number / per_s
                while (now := time.perf_counter()) < due:
                    self._take(selector, due - now)
                self._sent_at[name.encode()] = now
                self._creating[number % CREATING].send(request)
            while self._sent_at:
                if not self._take(selector, WAIT_S_MAX):
                    raise Refused(f"{len(self._sent_at)} events did not come")
        for connection in (self._watching, *self._creating):
            connection.close()
        return self.delays_s

    def _take(self, selector: selectors.BaseSelector, timeout_s: float) -> bool:
        ready = selector.select(timeout_s)
        for key, _ in ready:
            connection: Connection = key.data
            if connection.receive() and connection.status >= 300:
                raise Refused(connection.taken()[:500].decode(errors="replace"))
            if connection is self._watching:
                self._hear(connection.taken())
        return bool(ready)

    def _hear(self, data: bytes) -> None:
        arrived = time.perf_counter()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            found = NAME.search(line)
            if found and found[1] in self._sent_at:
                self.delays_s.append(arrived - self._sent_at.pop(found[1]))

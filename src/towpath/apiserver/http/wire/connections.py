"""What a listener gives to each connection, and takes from clients that only hold on to theirs.

- A connection costs little while nothing happens: all of one loop read into the same buffer.
- No more are open than there are files for; when there are, those that nobody uses give way.
- Who does not read what was written is cut off after STALLED_S_MAX: nothing is kept for them.
- Answers that are made and wait for their clients are counted: there is a limit for all of them
  together, beyond which the connection that keeps most of them is closed.

How long a head may take is the protocol's, how long a body the application's.
"""

import asyncio
import resource
import socket
from asyncio.sslproto import SSLAgainErrors, SSLProtocol
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from towpath.machinery.memory import give_back

READ_BYTES = 64 * 1024
WRITE_BYTES_AHEAD = 64 * 1024
"""Of what is written wait for the client at the most, and one write more."""
STALLED_S_MAX = 60.0
UNSENT_BYTES_MAX = 128 * 1024 * 1024
"""Of all connections together; beyond it nobody is waited for who has not read since last time."""
HELD_BYTES_MAX = 256 * 1024 * 1024
"""Of answers that wait to be written, of all connections together."""
LOOK_EVERY_S = 10.0
MANY = 50
"""Connections that are cut off together leave something worth giving back."""
FILES_KEPT = 512
"""For all but connections: the store, children, outgoing calls."""
CONNECTIONS_MIN = 256
KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""A client whose machine is gone is noticed after two minutes, though nothing is sent to it."""

HANDSHAKE_BYTES = 16 * 1024
"""One TLS record. Each handshake has a buffer of its own, and of clients that all come at once
asyncio's 256 KiB would stay behind as memory that nothing uses."""
SSLProtocol.max_size = HANDSHAKE_BYTES


def _read_what_is_there(tls: Any) -> None:
    """asyncio's own reads until OpenSSL raises that there is no more: with every request, where an
    exception takes longer than to decrypt it.
    """
    chunks: list[bytes] = []
    ended = False
    try:
        while not ended:
            if chunk := tls._sslobj.read(tls.max_size):
                chunks.append(chunk)
                if not (tls._incoming.pending or tls._sslobj.pending()):
                    break
            else:
                ended = True
    except SSLAgainErrors:
        pass
    if chunks:
        tls._app_protocol.data_received(chunks[0] if len(chunks) == 1 else b"".join(chunks))
    if ended:
        tls._call_eof_received()
        tls._start_shutdown()


setattr(SSLProtocol, "_do_read__copied", _read_what_is_there)  # noqa: B010 - unknown to its types

_buffer = bytearray(READ_BYTES)
_buffer_view = memoryview(_buffer)


def prepare(transport: asyncio.Transport) -> None:
    """Called once for each connection, when TLS is up."""
    transport.set_write_buffer_limits(high=WRITE_BYTES_AHEAD)
    tls: Any = getattr(transport, "_ssl_protocol", None)
    if tls is not None and hasattr(tls, "_ssl_buffer"):
        # asyncio has a buffer of 256 KiB for each connection, four times what 10,000 of them may
        # cost; what is read into it is taken out in the same call, so that one is enough for all.
        tls.max_size = READ_BYTES
        tls._ssl_buffer, tls._ssl_buffer_view = _buffer, _buffer_view


def notice_the_dead(listening: socket.socket) -> None:
    """Connections inherit it from the socket that they come in by."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        with suppress(AttributeError, OSError):  # not every system has each of them
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def connections_max() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(CONNECTIONS_MIN, files - FILES_KEPT)


def _unsent_bytes(transport: asyncio.Transport) -> int:
    """What waits to be encrypted, and what is encrypted already."""
    size = transport.get_write_buffer_size()
    tls: Any = getattr(transport, "_ssl_protocol", None)
    encrypted: Any = getattr(tls, "_transport", None)
    return size + (encrypted.get_write_buffer_size() if encrypted is not None else 0)


class OpenConnections(set[Any]):
    """Those of one listener, whatever they speak."""

    def __init__(self, *, at_most: int | None = None) -> None:
        super().__init__()
        self._at_most = connections_max() if at_most is None else at_most
        self.unsent_bytes_max = UNSENT_BYTES_MAX
        self._unsent: dict[Any, tuple[int, int, float]] = {}
        """What waits for a client that does not read, its pauses so far, and since when."""
        self.held_bytes_max = HELD_BYTES_MAX
        self._held: dict[Any, int] = {}
        self._held_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def has_room(self) -> bool:
        """For one more; somebody idle is asked to leave when there is none."""
        if len(self) < self._at_most:
            return True
        for connection in self:
            if getattr(connection, "is_idle", False):
                connection.shutdown()
                return True
        return False

    def held_by(self, connection: Any) -> int:
        """Bytes of answers that are made and wait for the client."""
        return self._held.get(connection, 0)

    def hold(self, connection: Any, size: int) -> int:
        """An answer of that many bytes waits for its client, until `let_go` of what it counts.

        One counts half of the limit at most: that a list is long is no fault of who reads it.
        """
        size = min(size, self.held_bytes_max // 2)
        self._held[connection] = self._held.get(connection, 0) + size
        self._held_bytes += size
        while self._held_bytes > self.held_bytes_max:
            most = max(self._held, key=self._held.__getitem__)
            self._held_bytes -= self._held.pop(most)
            most.transport.abort()
        return size

    def let_go(self, connection: Any, size: int) -> None:
        """Written, or not wanted any more."""
        if held := self._held.get(connection):
            size = min(size, held)
            self._held_bytes -= size
            if size == held:
                del self._held[connection]
            else:
                self._held[connection] = held - size

    def watch_over(self, *, stalled_s_max: float = STALLED_S_MAX) -> Callable[[], None]:
        """From now on; the result ends it."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            self.cut_stalled(loop.time(), stalled_s_max)
            self._timer = loop.call_later(LOOK_EVERY_S, look)

        def end() -> None:
            if self._timer is not None:
                self._timer.cancel()

        look()
        return end

    def cut_stalled(self, now_s: float, stalled_s_max: float) -> None:
        """Nothing has been read of a connection when neither less waits nor it has been resumed."""
        unsent: dict[Any, tuple[int, int, float]] = {}
        for connection in list(self):
            pauses = getattr(connection, "pauses", 0)
            size = _unsent_bytes(connection.transport) if pauses else 0
            if not size:
                continue
            size_before, pauses_before, since_s = self._unsent.get(connection, (0, 0, now_s))
            if size < size_before or pauses != pauses_before:
                since_s = now_s
            unsent[connection] = (size, pauses, since_s)
        if sum(size for size, _, _ in unsent.values()) > self.unsent_bytes_max:
            stalled_s_max = 0.0
        cut_off = [
            one for one, (_, _, since_s) in unsent.items() if now_s - since_s > stalled_s_max
        ]
        for connection in cut_off:
            connection.transport.abort()
        if len(cut_off) >= MANY:
            asyncio.get_running_loop().call_later(LOOK_EVERY_S / 2, give_back)
        self._unsent = unsent

"""HTTP/2 on one connection: many requests at once, each a call of the application like any other.

The h2 library knows frames, headers and states; the rest of a connection is here. Rules:

- What all streams write in one turn of the loop leaves in one write.
- Nothing grows: a request's body is let in no faster than the application asks for it, an answer
  given no faster than its client reads, stream by stream. Who reads nothing at all is cut off.
- Work that a client makes and takes back, and frames that carry nothing, are counted against it:
  resets, pings, settings, empty data. Who makes more of them than a client could need is told to
  calm down, and closed. As many requests run as streams are allowed, also while those that were
  taken back come to their end.
- WebSockets are not offered: clients negotiate HTTP/1.1 for them.
"""

import asyncio
import math
import struct
from typing import Any
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from towpath.apiserver.http.http1 import ASGI, KEEP_ALIVE_S, Serving, address_of
from towpath.apiserver.http.http1_exchange import WRITE_BYTES
from towpath.apiserver.http.http2_stream import Stream
from towpath.machinery.asgi import Scope

STREAMS_MAX = 100
"""At once on one connection, as kube-apiserver allows; clients then open another."""
HEADERS_BYTES_MAX = 64 * 1024
STREAM_WINDOW_BYTES = 64 * 1024 - 1
"""Of a body that nobody has asked for yet."""
CONNECTION_WINDOW_BYTES = 1024 * 1024
UNREAD_BYTES_MAX = 1024 * 1024
"""Of what must be said whether a client reads or not, such as acknowledgements."""

PATIENCE = 1000.0
PATIENCE_PER_S = 200.0
PATIENCE_PER_FRAME = 8.0
"""Who is sent data has to say how much of it was read."""

DATA_HEAD = struct.Struct(">HBBBL")
"""Size, kind and flags, stream."""
GOAWAY = b"\x00\x00\x08\x07" + bytes(5)
"""A frame of 8 bytes, for the connection: the last stream that is answered, and no error."""


CONFIGURATION = H2Configuration(
    client_side=False,
    header_encoding=None,
    # What goes out is ours: it was checked where it was made.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class Http2Connection(asyncio.Protocol):
    """One client's connection, from its preface to its end."""

    transport: asyncio.Transport

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._loop = asyncio.get_running_loop()
        self.h2 = H2Connection(CONFIGURATION)
        self._common: Scope = {}
        self._streams: dict[int, Stream] = {}
        self._running = 0
        """Calls of the application, also of streams that are gone."""
        self._last_stream = 0
        self._stopping = False
        self._ended = False
        self._flushing = False
        self._ready = bytearray()
        """Before what h2 has ready."""
        self._writable: asyncio.Future[None] | None = None
        self.pauses = 0
        """How often the client was too slow, so far: a slow one is told from one that is stuck."""
        self._patience = PATIENCE
        self._patience_at_s = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = math.inf

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._serving.connections.add(self)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert() if tls is not None else None
        self._common = {
            "type": "http",
            "asgi": ASGI,
            "http_version": "2",
            "server": address_of(transport.get_extra_info("sockname")),
            "client": address_of(transport.get_extra_info("peername")),
            "scheme": "http" if tls is None else "https",
            "root_path": "",
            "state": {"client_certificate": certificate} if certificate else {},
        }
        self.h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADERS_BYTES_MAX,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
            },
        )
        self.h2.max_inbound_frame_size = self.h2.local_settings.max_frame_size
        self.h2.decoder.max_header_list_size = HEADERS_BYTES_MAX
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(CONNECTION_WINDOW_BYTES - STREAM_WINDOW_BYTES)
        self.flush()
        self._close_at(self._loop.time() + self._serving.head_s_max)

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            for event in self.h2.receive_data(data):
                self._handle(event)
        except ProtocolError:
            # What is wrong has been told to the client; h2 sends nothing more.
            self._write_now()
            self._end()
            return
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        if self._timer is not None:
            self._timer.cancel()
        self._serving.connections.discard(self)

    def pause_writing(self) -> None:
        if self._writable is None:
            self.pauses += 1
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            writable, self._writable = self._writable, None
            if not writable.done():
                writable.set_result(None)

    # The client's frames

    def _handle(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=headers):
                self._request(number, headers)
            case DataReceived(stream_id=int(number), data=data, flow_controlled_length=size):
                if not data:
                    self._charge()
                self._data(number, data or b"", size or 0)
            case StreamEnded(stream_id=int(number)):
                if stream := self._streams.get(number):
                    stream.end_body()
            case WindowUpdated(stream_id=number):
                self._charge()
                self._window_opened(number or 0)
            case RemoteSettingsChanged():
                self._charge()
                self._window_opened(0)
            case StreamReset(stream_id=int(number)):
                self._charge()
                if stream := self._streams.pop(number, None):
                    stream.disconnect()
            case PingReceived() | PriorityUpdated():
                self._charge()
            case ConnectionTerminated():
                self._end()

    def _request(self, number: int, headers: Any) -> None:
        if self._stopping or self._running >= STREAMS_MAX:
            # Not begun: the client may ask again, on another connection.
            self._charge()
            self.h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        scope = self._scope(headers)
        if scope is None:
            self.h2.reset_stream(number, ErrorCodes.PROTOCOL_ERROR)
            return
        self._last_stream = number
        self._due_s = math.inf
        stream = self._streams[number] = Stream(self, number, scope)
        self._running += 1
        task = self._loop.create_task(stream.run(self._serving))
        self._serving.tasks.add(task)

    def _scope(self, headers: Any) -> Scope | None:
        """None for what is no request for a path, such as CONNECT."""
        method, target, plain, cookies = b"", b"", [], []
        for name, value in headers:
            if name == b":method":
                method = value
            elif name == b":path":
                target = value
            elif name == b":authority":
                plain.append((b"host", value))
            elif name == b"cookie":
                cookies.append(value)
            elif name[:1] != b":" and not (name == b"host" and plain[:1]):
                plain.append((name, value))
        if not target.startswith(b"/") or not target.isascii():
            return None
        if cookies:
            plain.append((b"cookie", b"; ".join(cookies)))
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            **self._common,
            "method": method.decode("latin-1"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": plain,
            "state": dict(self._common["state"]),
        }

    def _data(self, number: int, data: bytes, size: int) -> None:
        if stream := self._streams.get(number):
            stream.take(data, size)
        else:
            self.h2.acknowledge_received_data(size, number)

    def _window_opened(self, number: int) -> None:
        streams = self._streams.values() if number == 0 else [self._streams.get(number)]
        for stream in streams:
            if stream is not None:
                stream.window_opened()

    # The streams' side

    def taken(self, number: int, size: int) -> None:
        """The application has that much of a body; its client may send as much again."""
        if size and not self._ended:
            self.h2.acknowledge_received_data(size, number)
            self.flush()

    def finished(self, stream: Stream) -> None:
        """A call of the application has ended."""
        self._running -= 1
        if self._streams.get(stream.number) is stream:
            self.drop(stream)
        self._close_when_idle()

    def drop(self, stream: Stream) -> None:
        del self._streams[stream.number]
        if not self._streams:
            self._close_at(self._loop.time() + KEEP_ALIVE_S)

    @property
    def is_idle(self) -> bool:
        """Nobody is being answered."""
        return not self._streams

    def send_piece(self, number: int, piece: memoryview) -> None:
        """A DATA frame in the middle of an answer, no larger than the windows are.

        What h2 does for it without asking its table of states, which such a frame does not change:
        a watch writes one for each event.
        """
        size = len(piece)
        self.h2.outbound_flow_control_window -= size
        self.h2.streams[number].outbound_flow_control_window -= size
        ready = self._ready
        ready += self.h2.data_to_send()
        ready += DATA_HEAD.pack(size >> 8, size & 0xFF, 0, 0, number)
        ready += piece
        if len(ready) < WRITE_BYTES:
            self.flush()
        else:
            # Not at the end of the turn: the transport says at once when it has enough.
            self._write_now()

    def sent_frame(self) -> None:
        self._patience = min(PATIENCE, self._patience + PATIENCE_PER_FRAME)

    @property
    def write_paused(self) -> bool:
        return self._writable is not None

    async def writable(self) -> None:
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def flush(self) -> None:
        """Write what h2 has ready, at the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._write_now)

    def _write_now(self) -> None:
        self._flushing = False
        data = self.h2.data_to_send()
        if self._ready:
            self._ready += data
            data, self._ready = bytes(self._ready), bytearray()
        if data and not self.transport.is_closing():
            self.transport.write(data)
            if self.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
                self.transport.abort()

    # The end

    def shutdown(self) -> None:
        """Answer what has been asked, take nothing more, and close then."""
        if self._stopping or self._ended:
            return
        self._stopping = True
        # By hand: after a GOAWAY of its own h2 sends no more data, and answers are on their way.
        self._write_now()
        self.transport.write(GOAWAY + self._last_stream.to_bytes(4, "big") + bytes(4))
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        if self._stopping and not self._streams:
            self._write_now()
            self._end()

    def _charge(self) -> None:
        """Raises ProtocolError when there is no patience left."""
        now_s = self._loop.time()
        gained = (now_s - self._patience_at_s) * PATIENCE_PER_S
        self._patience_at_s = now_s
        self._patience = min(PATIENCE, self._patience + gained) - 1
        if self._patience < 0:
            self.h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise ProtocolError("a client makes work for nothing")

    def _end(self) -> None:
        self._ended = True
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.disconnect()
        self.resume_writing()
        self.transport.close()

    def _close_at(self, due_s: float) -> None:
        self._due_s = due_s
        timer = self._timer
        if timer is None or due_s < timer.when():
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(due_s, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() >= self._due_s:
            self.shutdown()
        elif self._due_s < math.inf:
            self._close_at(self._due_s)

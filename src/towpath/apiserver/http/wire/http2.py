"""HTTP/2 on one connection: many requests at once, each a call of the application like any other.

The h2 library knows frames and the states of streams. What each request needs is done without it
where it is slow: heads are read and written by http2_heads.py, those of requests checked in
http2_request.py, and the frames of an answer are written here. Rules:

- What all streams write in one turn of the loop leaves in one write.
- Nothing grows: a request's body is let in no faster than the application asks for it, an answer
  given no faster than its client reads, stream by stream, and none is made while many wait. Who
  reads nothing at all is cut off.
- Work that a client makes and takes back, and frames that carry nothing, are counted against it:
  resets, pings, settings, empty data. Who makes more of them than a client could need is told to
  calm down, and closed. As many requests run as streams are allowed, also while those that were
  taken back come to their end.
- WebSockets are not offered: clients negotiate HTTP/1.1 for them.
"""

import asyncio
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
from h2.stream import StreamInputs

from towpath.apiserver.http.wire.connection import KEEP_ALIVE_S, Connection, Serving
from towpath.apiserver.http.wire.exchange import WRITE_BYTES, Exchange
from towpath.apiserver.http.wire.http2_heads import HeadDecoder, HeadEncoder
from towpath.apiserver.http.wire.http2_request import Header, Malformed, request_of
from towpath.apiserver.http.wire.http2_stream import Stream

STREAMS_MAX = 100
"""At once on one connection, as kube-apiserver allows; clients then open another."""
HEADERS_BYTES_MAX = 64 * 1024
STREAM_WINDOW_BYTES = 64 * 1024 - 1
"""Of a body that nobody has asked for yet."""
CONNECTION_WINDOW_BYTES = 1024 * 1024
HELD_BYTES = 32 * 1024 * 1024
"""Answers of one connection that wait for their client; beyond it no more of them are made, unless
it is a single one that is so long."""
UNREAD_BYTES_MAX = 1024 * 1024
"""Of what must be said whether a client reads or not, such as acknowledgements."""

PATIENCE = 1000.0
PATIENCE_PER_S = 200.0
PATIENCE_PER_FRAME = 8.0
"""Who is sent data has to say how much of it was read."""

FRAME_HEAD = struct.Struct(">HBBBL")
"""Size, kind, flags, stream."""
DATA, HEADERS, CONTINUATION = 0, 1, 9
END_STREAM, END_HEADERS = 1, 4
GOAWAY = b"\x00\x00\x08\x07" + bytes(5)
"""A frame of 8 bytes, for the connection: the last stream that is answered, and no error."""


CONFIGURATION = H2Configuration(
    client_side=False,
    header_encoding=None,
    # What comes in is checked by http2_request.py, in a tenth of the time.
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    # What goes out is ours: it was checked where it was made.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class Http2Connection(Connection):
    version = "2"

    def __init__(self, serving: Serving) -> None:
        super().__init__(serving)
        self.h2 = H2Connection(CONFIGURATION)
        self._streams: dict[int, Stream] = {}
        self._running = 0
        """Calls of the application, also of streams that are gone."""
        self._last_stream = 0
        self._stopping = False
        self._flushing = False
        self._ready = bytearray()
        """Before what h2 has ready."""
        self._held = 0
        """Answers that wait for the client."""
        self._less_held: asyncio.Future[None] | None = None
        self._patience = PATIENCE
        self._patience_at_s = self._loop.time()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADERS_BYTES_MAX,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
            },
        )
        self.h2.max_inbound_frame_size = self.h2.local_settings.max_frame_size
        self.h2.decoder = HeadDecoder(HEADERS_BYTES_MAX)
        self.h2.encoder = HeadEncoder()  # type: ignore[assignment]
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(CONNECTION_WINDOW_BYTES - STREAM_WINDOW_BYTES)
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self._ends:
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
        super().connection_lost(exc)
        self._end()

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

    def _request(self, number: int, headers: Iterable[Header]) -> None:
        if self._stopping or self._running >= STREAMS_MAX:
            # Not begun: the client may ask again, on another connection.
            self._charge()
            self.h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
            return
        try:
            method, target, plain = request_of(headers)
        except Malformed as error:
            self.h2.close_connection(ErrorCodes.PROTOCOL_ERROR)
            raise ProtocolError(str(error)) from error
        if not target.startswith(b"/") or not target.isascii():
            self.h2.reset_stream(number, ErrorCodes.PROTOCOL_ERROR)
            return
        raw_path, _, query = target.partition(b"?")
        scope = self._scope_of(method.decode("latin-1"), raw_path, query, plain)
        self._last_stream = number
        stream = self._streams[number] = Stream(self, number, scope)
        self._running += 1
        self._run(stream)

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
        if size and not self._ends:
            self.h2.acknowledge_received_data(size, number)
            self.flush()

    def ended(self, exchange: Exchange) -> None:
        super().ended(exchange)
        assert isinstance(exchange, Stream)
        self._running -= 1
        if self._streams.get(exchange.number) is exchange:
            self.drop(exchange)
        self._close_when_idle()

    def drop(self, stream: Stream) -> None:
        del self._streams[stream.number]
        if not self._streams:
            self._close_at(self._loop.time() + KEEP_ALIVE_S)

    @property
    def is_idle(self) -> bool:
        return not self._streams

    @property
    def holds_much(self) -> bool:
        return self._held > 1 and self._serving.connections.held_by(self) > HELD_BYTES

    async def less_held(self) -> None:
        """Wait until the client has read enough of its other answers, or is gone."""
        while self.holds_much and not self._ends:
            if self._less_held is None:
                self._less_held = self._loop.create_future()
            await asyncio.shield(self._less_held)

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        self._held += 1
        try:
            with super().holding(size):
                yield
        finally:
            self._held -= 1
            self._look_at_held()

    def _look_at_held(self) -> None:
        if self._less_held is not None and (self._ends or not self.holds_much):
            waited, self._less_held = self._less_held, None
            if not waited.done():
                waited.set_result(None)

    def send_head(self, number: int, headers: list[Header]) -> None:
        """What h2 does for it without its table of states, which a head does not change."""
        block = self.h2.encoder.encode(headers)
        kind, largest = HEADERS, self.h2.max_outbound_frame_size
        while len(block) > largest:
            self._frame(kind, 0, number, block[:largest])
            kind, block = CONTINUATION, block[largest:]
        self._frame(kind, END_HEADERS, number, block)
        self.flush()

    def send_piece(self, number: int, piece: memoryview, *, last: bool) -> None:
        """A DATA frame, no larger than the windows are: a watch writes one for each event."""
        size, stream = len(piece), self.h2.streams[number]
        self.h2.outbound_flow_control_window -= size
        stream.outbound_flow_control_window -= size
        self._frame(DATA, END_STREAM if last else 0, number, piece)
        self._patience = min(PATIENCE, self._patience + PATIENCE_PER_FRAME)
        if last:
            stream.state_machine.process_input(StreamInputs.SEND_END_STREAM)
        if len(self._ready) < WRITE_BYTES:
            self.flush()
        else:
            # Not at the end of the turn: the transport says at once when it has enough.
            self._write_now()

    def _frame(self, kind: int, flags: int, number: int, content: bytes | memoryview) -> None:
        ready, size = self._ready, len(content)
        ready += self.h2.data_to_send()
        ready += FRAME_HEAD.pack(size >> 8, size & 0xFF, kind, flags, number)
        ready += content

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
        if self._stopping or self._ends:
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
        self._ends = True
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.disconnect()
        self._look_at_held()
        self.resume_writing()
        self.transport.close()

    def _time_is_up(self) -> None:
        self.shutdown()

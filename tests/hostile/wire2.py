"""Raw HTTP/2 over TLS: frames that no client library would send, and what comes back of them."""

import asyncio
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError

from tests.hostile.wire import CLOSED, READ_S_MAX, Answer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW, CONTINUATION = (
    range(10)
)
END_STREAM, END_HEADERS, PADDED = 1, 4, 8
FRAME_BYTES = 16 * 1024
WINDOW_MAX = 2**31 - 1

Fields = Iterable[tuple[str | bytes, str | bytes]]


def frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    size = len(content)
    return struct.pack(">HBBBL", size >> 8, size & 0xFF, kind, flags, stream) + content


def settings(*pairs: tuple[int, int]) -> bytes:
    content = b"".join(struct.pack(">HL", *pair) for pair in pairs)
    return frame(SETTINGS, 0, 0, content)


def window(stream: int, size: int) -> bytes:
    return frame(WINDOW, 0, stream, struct.pack(">L", size))


def head(stream: int, block: bytes, *, end: bool = True) -> bytes:
    """HEADERS, and as many CONTINUATION as it takes."""
    parts = [block[at : at + FRAME_BYTES] for at in range(0, len(block), FRAME_BYTES)] or [b""]
    ended = END_STREAM if end else 0
    frames = [frame(HEADERS, ended | (END_HEADERS if len(parts) == 1 else 0), stream, parts[0])]
    for part in parts[1:]:
        flags = END_HEADERS if part is parts[-1] else 0
        frames.append(frame(CONTINUATION, flags, stream, part))
    return b"".join(frames)


@dataclass(slots=True)
class Frames:
    """One connection. Anything may be sent on it; answers are put together by their stream."""

    port: int
    tls: ssl.SSLContext
    opening: bytes = PREFACE + settings() + window(0, 2**24)
    encoder: Encoder = field(default_factory=Encoder)
    is_closed: bool = False
    _decoder: Decoder = field(default_factory=Decoder)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    _raw: bytes = b""
    _heads: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    _bodies: dict[int, bytes] = field(default_factory=dict)

    async def __aenter__(self) -> "Frames":
        async with asyncio.timeout(READ_S_MAX):
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost"
            )
        await self.send(self.opening)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._writer is not None
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        assert self._writer is not None
        try:
            self._writer.write(data)
            async with asyncio.timeout(READ_S_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self.is_closed = True

    def block(self, fields: Fields) -> bytes:
        return self.encoder.encode(list(fields))

    def request(
        self, stream: int, method: str, path: str, *, token: str = "", end: bool = True
    ) -> bytes:
        return head(stream, self.block(fields_of(method, path, token=token)), end=end)

    async def hear(self, seconds: float, *, streams: int = 1) -> list[Answer]:
        """What has come of that many streams, or until the time is up or the connection closed."""
        assert self._reader is not None
        ended = 0
        try:
            async with asyncio.timeout(seconds):
                while ended < streams and not self.is_closed:
                    data = await self._reader.read(2**16)
                    self.is_closed = not data
                    self._raw += data
                    ended += self._take()
        except (OSError, TimeoutError):
            pass
        answers = [
            Answer(status, told, self._bodies.get(stream, b""))
            for stream, (status, told) in self._heads.items()
        ]
        self._heads, self._bodies = {}, {}
        return answers or [CLOSED]

    def _take(self) -> int:
        """The frames that are complete; how many of them ended a stream."""
        ended = 0
        while len(self._raw) >= 9:
            high, low, kind, flags, stream = struct.unpack(">HBBBL", self._raw[:9])
            size = (high << 8) + low
            if len(self._raw) < 9 + size:
                break
            content, self._raw = self._raw[9 : 9 + size], self._raw[9 + size :]
            if kind == HEADERS:
                self._heads[stream] = self._head(content)
            elif kind == DATA:
                self._bodies[stream] = self._bodies.get(stream, b"") + content
            if kind == RST_STREAM or (kind in (HEADERS, DATA) and flags & END_STREAM):
                ended += 1
        return ended

    def _head(self, block: bytes) -> tuple[int, bytes]:
        try:
            fields = self._decoder.decode(block, raw=True)
        except HPACKError:
            # A table of another size was asked for: the rest cannot be read, and is not needed.
            return 0, block
        told = b"".join(b"%s: %s\r\n" % (name, value) for name, value in fields)
        return int(dict(fields).get(b":status", b"0")), told


def fields_of(method: str, path: str, *, token: str = "") -> list[tuple[str | bytes, str | bytes]]:
    fields: list[tuple[str | bytes, str | bytes]] = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ]
    if token:
        fields.append(("authorization", f"Bearer {token}"))
    return fields

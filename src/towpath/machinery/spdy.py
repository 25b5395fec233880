"""SPDY/3.1 frames, as much as port-forward of Kubernetes needs: the server's side, without I/O.

    frames = Frames()
    for event in frames.receive(data): ...
    send(frames.reply(stream) + frames.data(stream, b"..."))

Source: draft-mbelshe-httpbis-spdy-00 with the changes of SPDY/3.1. Flow control is not spoken, for
the clients of Kubernetes take and give no windows. Raises SpdyError for what is malformed or out of
bounds; the connection is over then.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

from msgspec import Struct

FRAME_BYTES_MAX = 1024 * 1024
HEADERS_BYTES_MAX = 64 * 1024
_VERSION = 0x8003
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING = 1, 2, 3, 6
_FIN = 1
_STREAM_BITS = 0x7FFFFFFF
_CANCEL = 5

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    "content-language content-length content-location content-md5 content-range content-type date "
    "etag expect expires from host if-match if-modified-since if-none-match if-range "
    "if-unmodified-since last-modified location max-forwards pragma proxy-authenticate "
    "proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url "
    "public set-cookie keep-alive origin"
)
_CODES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
)
_PHRASES = (
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 "
    "Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 "
    "Service Unavailable"
)
_ENDS = (
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, "
    "GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,"
    "text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    "iso-8859-1,utf-,*,enq=0."
)


def _with_length(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


DICTIONARY = (
    b"".join(_with_length(word.replace("_", " ")) for word in _WORDS.split())
    + (_CODES + _PHRASES + _ENDS).encode()
)
"""What both sides' compression of headers begins with, byte by byte of the draft's 2.6.10.1."""


class SpdyError(Exception):
    """What came is no SPDY/3.1, or more than we take."""


class Opened(Struct, frozen=True):
    stream: int
    headers: Mapping[str, str]
    """Names in lower case."""
    finished: bool


class Data(Struct, frozen=True):
    stream: int
    data: bytes
    finished: bool
    """The client sends no more on it."""


class Reset(Struct, frozen=True):
    stream: int


class Ping(Struct, frozen=True):
    number: int


Event = Opened | Data | Reset | Ping


class Frames:
    """One connection's frames: what came so far, and the two compressions of headers."""

    def __init__(self) -> None:
        self._received = b""
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def receive(self, data: bytes) -> Iterator[Event]:
        self._received += data
        while len(self._received) >= 8:
            first, flags_and_size = struct.unpack_from(">II", self._received)
            size = flags_and_size & 0xFFFFFF
            if size > FRAME_BYTES_MAX:
                raise SpdyError(f"a frame of {size} bytes; at most {FRAME_BYTES_MAX} are taken")
            if len(self._received) < 8 + size:
                return
            body, self._received = self._received[8 : 8 + size], self._received[8 + size :]
            flags = flags_and_size >> 24
            if not first >> 31:
                yield Data(first, body, bool(flags & _FIN))
            elif first >> 16 != _VERSION:
                raise SpdyError(f"version {first >> 16 & 0x7FFF} is not spoken, 3 is")
            elif event := self._control(first & 0xFFFF, flags, body):
                yield event

    def _control(self, kind: int, flags: int, body: bytes) -> Event | None:
        """None for what needs no answer: settings, windows, headers, the client's farewell."""
        try:
            if kind == _SYN_STREAM:
                stream = struct.unpack_from(">I", body)[0] & _STREAM_BITS
                return Opened(stream, self._headers(body[10:]), bool(flags & _FIN))
            if kind == _RST_STREAM:
                return Reset(struct.unpack_from(">I", body)[0] & _STREAM_BITS)
            if kind == _PING:
                return Ping(struct.unpack_from(">I", body)[0])
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(f"a control frame of type {kind} is malformed: {error}") from error
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self._inflate.decompress(block, HEADERS_BYTES_MAX)
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"more than {HEADERS_BYTES_MAX} bytes of headers")
        pairs = _Pairs(text)
        return {pairs.text().lower(): pairs.text() for _ in range(pairs.number())}

    # -- ours ----------------------------------------------------------------------------------

    def reply(self, stream: int) -> bytes:
        """The stream is accepted."""
        block = self._deflate.compress(struct.pack(">I", 0))
        block += self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, struct.pack(">I", stream) + block)

    def data(self, stream: int, data: bytes, *, finished: bool = False) -> bytes:
        return struct.pack(">II", stream, (_FIN if finished else 0) << 24 | len(data)) + data

    def reset(self, stream: int) -> bytes:
        return _control(_RST_STREAM, struct.pack(">II", stream, _CANCEL))

    def pong(self, number: int) -> bytes:
        return _control(_PING, struct.pack(">I", number))


class _Pairs:
    """The names and values of a block of headers, one after the other."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def number(self) -> int:
        (number,) = struct.unpack_from(">I", self._text, self._at)
        self._at += 4
        return int(number)

    def text(self) -> str:
        size = self.number()
        piece = self._text[self._at : self._at + size]
        self._at += size
        if len(piece) < size:
            raise SpdyError("a header is longer than its block")
        return piece.decode("latin-1")


def _control(kind: int, body: bytes) -> bytes:
    return struct.pack(">II", _VERSION << 16 | kind, len(body)) + body

"""Frames of SPDY/3.1, written here as a client writes them."""

import struct
import zlib

import pytest

from towpath.machinery.spdy import (
    DICTIONARY,
    FRAME_BYTES_MAX,
    HEADERS_BYTES_MAX,
    Data,
    Event,
    Frames,
    Opened,
    Ping,
    Reset,
    SpdyError,
)


class Peer:
    """A client: one compression for all of its headers."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def open(self, stream: int, headers: dict[str, str], *, finished: bool = False) -> bytes:
        block = struct.pack(">I", len(headers))
        for text in (piece for pair in headers.items() for piece in pair):
            block += struct.pack(">I", len(text)) + text.encode()
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, struct.pack(">IIH", stream, 0, 0) + packed, flags=int(finished))


def control(kind: int, body: bytes, *, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(body)) + body


def data(stream: int, body: bytes, *, finished: bool = False) -> bytes:
    return struct.pack(">II", stream, int(finished) << 24 | len(body)) + body


def taken(*frames: bytes) -> list[Event]:
    return list(Frames().receive(b"".join(frames)))


def test_the_dictionary_is_the_one_that_peers_name_by_its_checksum() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_streams_open_carry_data_and_end_however_the_bytes_arrive() -> None:
    peer = Peer()
    sent = (
        peer.open(1, {"StreamType": "error", "requestid": "0"}, finished=True)
        + peer.open(3, {"streamtype": "data", "port": "80"})
        + control(4, bytes(4))  # settings, which need no answer
        + data(3, b"hello")
        + data(3, b"", finished=True)
        + control(6, struct.pack(">I", 7))
        + control(3, struct.pack(">II", 3, 5))
    )
    events: list[Event] = [
        Opened(1, {"streamtype": "error", "requestid": "0"}, finished=True),
        Opened(3, {"streamtype": "data", "port": "80"}, finished=False),
        Data(3, b"hello", finished=False),
        Data(3, b"", finished=True),
        Ping(7),
        Reset(3),
    ]
    assert taken(sent) == events
    frames = Frames()
    one_by_one = [event for byte in sent for event in frames.receive(bytes([byte]))]
    assert one_by_one == events


def test_what_we_send_is_read_by_a_client() -> None:
    frames = Frames()
    replies = frames.reply(1), frames.reply(3)
    inflate = zlib.decompressobj(zdict=DICTIONARY)
    for stream, frame in zip((1, 3), replies, strict=True):
        version, kind, size, number = struct.unpack_from(">HHII", frame)
        assert (version, kind, size, number) == (0x8003, 2, len(frame) - 8, stream)
        assert inflate.decompress(frame[12:]) == struct.pack(">I", 0)
    assert frames.data(3, b"hello") == data(3, b"hello")
    assert frames.data(3, b"", finished=True) == data(3, b"", finished=True)
    assert taken(frames.pong(7), frames.reset(5)) == [Ping(7), Reset(5)]


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        pytest.param(
            struct.pack(">II", 1, FRAME_BYTES_MAX + 1), "a frame of", id="a frame is too large"
        ),
        pytest.param(control(6, bytes(4), version=2), "version 2", id="another version"),
        pytest.param(control(6, b""), "malformed", id="a frame is too short"),
        pytest.param(control(1, bytes(10) + b"no zlib"), "malformed", id="headers are no zlib"),
        pytest.param(
            Peer().open(1, {"a": "x" * (HEADERS_BYTES_MAX + 1)}), "headers", id="a bomb of headers"
        ),
    ],
)
def test_what_is_malformed_or_too_large_ends_the_connection(sent: bytes, sentence: str) -> None:
    with pytest.raises(SpdyError, match=sentence):
        taken(sent)

"""Heads of HTTP/2: read and written as the hpack library does, which is the judge here."""

import random

import pytest
from h2.exceptions import ProtocolError
from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError, OversizedHeaderListError
from hypothesis import given
from hypothesis import strategies as st

from towpath.apiserver.http.wire.http2_heads import HeadDecoder, HeadEncoder
from towpath.apiserver.http.wire.http2_request import Header

REFUSALS = (HPACKError, IndexError, ProtocolError)
NAMES = st.sampled_from([b":path", b":status", b"accept", b"authorization", b"x-a", b"etag", b""])
FIELDS = st.tuples(NAMES, st.binary(max_size=300))
HEADS = st.lists(st.lists(FIELDS, max_size=8), min_size=1, max_size=6)
"""Of one connection, so that later ones refer to earlier ones."""
REQUEST = [
    (b":method", b"GET"),
    (b":path", b"/api/v1/namespaces/default/configmaps"),
    (b":scheme", b"https"),
    (b":authority", b"localhost"),
    (b"authorization", b"Bearer " + b"x" * 900),
]


def read(decoder: Decoder, block: bytes) -> list[Header] | None:
    """None: refused."""
    try:
        return [(field[0], field[1]) for field in decoder.decode(block, raw=True)]
    except REFUSALS:
        return None


@given(heads=HEADS, huffman=st.booleans())
def test_what_the_library_writes_is_read(heads: list[list[Header]], huffman: bool) -> None:
    encoder, decoder = Encoder(), HeadDecoder()
    for head in heads:
        assert decoder.decode(encoder.encode(head, huffman=huffman)) == head


@given(heads=HEADS)
def test_what_is_written_the_library_reads(heads: list[list[Header]]) -> None:
    encoder, decoder = HeadEncoder(), Decoder()
    decoder.max_allowed_table_size = 0
    for head in heads:
        assert read(decoder, encoder.encode(head)) == head


@pytest.mark.parametrize("seed", range(4))
def test_what_is_broken_is_read_as_the_library_reads_it(seed: int) -> None:
    choose = random.Random(seed)
    encoder = Encoder()
    blocks = [encoder.encode(REQUEST), encoder.encode(REQUEST), b"\x3f\xe1\x1f\x82", b"\x20\x20"]
    refused = 0
    for _ in range(500):
        ours, theirs = HeadDecoder(), Decoder()
        for block in blocks[:2]:
            ours.decode(block)
            theirs.decode(block, raw=True)
        broken = bytearray(choose.choice(blocks))
        for _ in range(choose.randrange(1, 5)):
            broken[choose.randrange(len(broken))] = choose.randrange(256)
        part = bytes(broken[: choose.randrange(1, len(broken) + 1)])
        found = read(ours, part)
        assert found == read(theirs, part), part
        refused += found is None
    assert 25 < refused < 475, "some of them are heads, and some are not"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\x80", id="field 0"),
        pytest.param(b"\xff\xff\xff\xff\xff\xff\x7f", id="a number beyond all"),
        pytest.param(b"\xbe", id="a field that the table has not"),
        pytest.param(b"\x82\x20", id="another size within the head"),
        pytest.param(b"\x3f\xe1\xff\x03", id="a table larger than allowed"),
        pytest.param(b"\x40\x7f", id="a length that ends early"),
        pytest.param(b"\x40\x05ab", id="a name that ends early"),
        pytest.param(b"\x40\x01a\x81\xff", id="a value in no code"),
        pytest.param(b"\x41", id="no value"),
    ],
)
def test_what_is_no_head_is_refused(block: bytes) -> None:
    assert read(HeadDecoder(), block) is None
    assert read(Decoder(), block) is None


def test_a_head_that_unpacks_to_much_is_refused_before_it_is_unpacked() -> None:
    decoder = HeadDecoder(64 * 1024)
    decoder.decode(Encoder().encode([(b"x", b"y" * 3900)]))
    with pytest.raises(OversizedHeaderListError):
        decoder.decode(b"\xbe" * 1_000_000)

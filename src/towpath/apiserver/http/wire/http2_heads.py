"""Heads of HTTP/2 as bytes (HPACK, RFC 7541): read with few steps a field, written from a cache.

Reading keeps the table of the hpack library, and asks the library for what is rare. Texts in
Huffman's code are decoded once while they keep coming: tokens, paths and programs' names.

Writing keeps no table: what answers say is the same few fields again and again, whose bytes are
kept for all connections. A table would save some tens of bytes an answer, and cost ten times the
time, and a client could ask for a large one.
"""

from collections.abc import Iterable
from functools import lru_cache

from hpack import Decoder
from hpack.exceptions import HPACKDecodingError, OversizedHeaderListError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from towpath.apiserver.http.wire.http2_request import Header

STATIC: tuple[Header, ...] = tuple(HeaderTable.STATIC_TABLE)
STATIC_LENGTH = len(STATIC)
ENTRY_BYTES = 32
"""What a field counts beside its name and its value."""
TEXTS_KEPT, TEXT_BYTES_MAX = 1024, 2048
FIELDS_KEPT = 4096
NO_TABLE = b"\x20"
"""Said once: the table of this direction has no room."""

_decode_text = lru_cache(TEXTS_KEPT)(decode_huffman)


class HeadDecoder(Decoder):
    """In place of the library's, whose errors it raises."""

    def decode(self, data: bytes, raw: bool = False) -> list[Header]:  # type: ignore[override]
        fields: list[Header] = []
        size, at, end = 0, 0, len(data)
        while at < end:
            first = data[at]
            if first & 0x80:
                index, at = _integer(data, at, 0x7F)
                field = self._entry(index)
            elif first & 0xE0 == 0x20:
                if fields:
                    raise HPACKDecodingError("the size of the table changes within a head")
                at += self._update_encoding_context(data[at:])
                continue
            else:
                indexed = first & 0x40
                index, at = _integer(data, at, 0x3F if indexed else 0x0F)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, at = _text(data, at)
                value, at = _text(data, at)
                field = (name, value)
                if indexed:
                    self.header_table.add(name, value)
            fields.append(field)
            size += len(field[0]) + len(field[1]) + ENTRY_BYTES
            if size > self.max_header_list_size:
                raise OversizedHeaderListError(f"a head of more than {self.max_header_list_size}")
        self._assert_valid_table_size()
        return fields

    def _entry(self, index: int) -> Header:
        """Raises IndexError."""
        if 0 < index <= STATIC_LENGTH:
            return STATIC[index - 1]
        if not index:
            raise HPACKDecodingError("0 is the number of no field")
        name, value = self.header_table.dynamic_entries[index - STATIC_LENGTH - 1]
        return name, value


def _integer(data: bytes, at: int, mask: int) -> tuple[int, int]:
    """The number that begins in the byte at `at`, and where the next thing begins."""
    value = data[at] & mask
    at += 1
    if value < mask:
        return value, at
    for shift in range(0, 28, 7):
        byte = data[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise HPACKDecodingError("a number is longer than any that is needed")


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    is_coded = data[at] & 0x80
    length, at = _integer(data, at, 0x7F)
    after = at + length
    if after > len(data):
        raise HPACKDecodingError("a head ends within a text")
    text = data[at:after]
    if is_coded:
        text = _decode_text(text) if length <= TEXT_BYTES_MAX else decode_huffman(text)
    return text, after


class HeadEncoder:
    """In place of the library's."""

    def __init__(self) -> None:
        self.header_table_size = 0
        """Set to what the client allows, which is more than is used."""
        self._before = NO_TABLE

    def encode(self, headers: Iterable[Header]) -> bytes:
        before, self._before = self._before, b""
        return before + b"".join([_written(name, value) for name, value in headers])


_WHOLE = {field: number for number, field in enumerate(STATIC, 1) if field[1]}
_NAMES = {field[0]: number for number, field in reversed([*enumerate(STATIC, 1)])}


@lru_cache(FIELDS_KEPT)
def _written(name: bytes, value: bytes) -> bytes:
    if (number := _WHOLE.get((name, value))) is not None:
        return bytes([0x80 | number])
    if (number := _NAMES.get(name)) is not None:
        return _with_number(0x00, 0x0F, number) + _plain(value)
    return b"\x00" + _plain(name) + _plain(value)


def _plain(text: bytes) -> bytes:
    return _with_number(0x00, 0x7F, len(text)) + text


def _with_number(flags: int, mask: int, number: int) -> bytes:
    if number < mask:
        return bytes([flags | number])
    written, rest = bytearray([flags | mask]), number - mask
    while rest >= 0x80:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)

"""Whether a file of a skeleton is a text that is rendered, decided as Backstage's library does.

It looks at the first bytes: marks of encodings are believed, a zero byte is no text, and neither is
what has more than a tenth of bytes that no text would have. What is left is read as UTF-8, with
a replacement character for what is not.
"""

LOOKED_AT = 512
_BEYOND = 3
"""A character may begin in the part that is looked at, and end after it."""
_SUSPICIOUS_PERCENT_MAX = 10
_BYTES_MIN = 32
"""Before so many are seen, a share of them says nothing."""

_MARKS_OF_TEXT = (
    b"\xef\xbb\xbf",
    b"\x00\x00\xfe\xff",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x84\x31\x95\x33",
)
_NO_TEXT = b"%PDF-"
_PLAIN = frozenset([*range(7, 15), *range(32, 128)])


def is_binary(content: bytes) -> bool:
    if not content or content.startswith(_MARKS_OF_TEXT):
        return False
    if content.startswith(_NO_TEXT):
        return True
    head = content[: LOOKED_AT + _BEYOND]
    scanned = min(len(head), LOOKED_AT)
    suspicious = index = 0
    while index < scanned:
        byte = head[index]
        if byte == 0:
            return True
        if byte not in _PLAIN:
            more = _bytes_after(byte)
            is_whole = index + more < len(head)
            if more and is_whole and _continue(head[index + 1 : index + 1 + more]):
                index += more
            else:
                # The byte after one that promised more is not looked at again.
                index += 1 if more and is_whole else 0
                suspicious += 1
                if index >= _BYTES_MIN and _too_many(suspicious, scanned):
                    return True
        index += 1
    return _too_many(suspicious, scanned)


def _bytes_after(first: int) -> int:
    """How many bytes belong to a character that begins so; 0 where none begins so."""
    if 0xC0 <= first <= 0xDF:
        return 1
    if 0xE0 <= first <= 0xEF:
        return 2
    return 3 if 0xF0 <= first <= 0xF7 else 0


def _continue(rest: bytes) -> bool:
    return all(0x80 <= byte <= 0xBF for byte in rest)


def _too_many(suspicious: int, scanned: int) -> bool:
    return suspicious * 100 / scanned > _SUSPICIOUS_PERCENT_MAX

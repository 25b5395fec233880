"""A stream encrypted with a passphrase: AES-256-GCM in chunks, the key by scrypt.

    mark   salt (16)   { ciphertext and tag of a chunk }...

Each chunk's nonce has its number and whether it is the last, so that none can be left out, moved
or cut off without being noticed (the STREAM construction).
"""

import os
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from towpath.app.backup import BackupError

MARK = b"towpath-backup-encrypted-1\n"
SALT_BYTES = 16
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16
SCRYPT_COST = 1 << 17


class EncryptedWriter:
    """A file to write to; `close()` writes the last chunk and leaves `out` open."""

    def __init__(self, out: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(SALT_BYTES)
        self._out = out
        self._cipher = _cipher(passphrase, salt)
        self._waiting = bytearray()
        self._number = 0
        out.write(MARK + salt)

    def write(self, data: bytes) -> int:
        self._waiting += data
        # One byte more than a chunk: what is left is the last one, and there always is one.
        while len(self._waiting) > CHUNK_BYTES:
            self._write_chunk(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        self._write_chunk(bytes(self._waiting), last=True)
        self._out.flush()

    def _write_chunk(self, chunk: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), chunk, MARK))
        self._number += 1


class DecryptingReader:
    """A file to read from; `source` stands behind the mark. Raises BackupError."""

    def __init__(self, source: IO[bytes], passphrase: str) -> None:
        self._source = source
        self._cipher = _cipher(passphrase, _exactly(source, SALT_BYTES))
        self._ready = b""
        self._ahead = _exactly(source, CHUNK_BYTES + TAG_BYTES)
        self._number = 0

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            raise ValueError("a backup is read piece by piece")
        while len(self._ready) < size and self._ahead:
            self._ready += self._next_chunk()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    def _next_chunk(self) -> bytes:
        sealed, self._ahead = self._ahead, _exactly(self._source, CHUNK_BYTES + TAG_BYTES)
        try:
            chunk = self._cipher.decrypt(_nonce(self._number, not self._ahead), sealed, MARK)
        except InvalidTag:
            raise BackupError(
                "the passphrase is another one than the backup was made with"
                if self._number == 0
                else "the backup is damaged or cut off; take another copy of it"
            ) from None
        self._number += 1
        return chunk


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    key = Scrypt(salt, length=32, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode())
    return AESGCM(key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _exactly(source: IO[bytes], size: int) -> bytes:
    """That many bytes, or what is left: a pipe gives less at a time."""
    parts: list[bytes] = []
    while size > 0 and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)

"""Collections that are encrypted on disk: AES-256-GCM, one nonce a row, bound to its key.

In memory and over the wire values are what they are; only the file holds ciphertext. A value says
by its first byte whether it is sealed, so that a file may hold both, from before and after.
"""

import os
from collections.abc import Collection

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from towpath.store.contract import UnsealError

KEY_BYTES = 32
NONCE_BYTES = 12
MARK = b"\x01"
"""No JSON text begins with it."""


class Sealing:
    def __init__(self, key: bytes, collections: Collection[str]) -> None:
        assert len(key) == KEY_BYTES, "an AES-256 key has 32 bytes"
        self._cipher = AESGCM(key)
        self._collections = frozenset(collections)

    def seal(self, collection: str, key: str, value: bytes) -> bytes:
        if collection not in self._collections:
            return value
        nonce = os.urandom(NONCE_BYTES)
        return MARK + nonce + self._cipher.encrypt(nonce, value, _context(collection, key))

    def unseal(self, collection: str, key: str, value: bytes) -> bytes:
        """Raises UnsealError when the row was sealed with another key, or tampered with."""
        if value[:1] != MARK:
            return value
        nonce, sealed = value[1 : 1 + NONCE_BYTES], value[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _context(collection, key))
        except InvalidTag:
            raise UnsealError(
                f"{collection} {key} was encrypted with another key than the one in use"
            ) from None


def _context(collection: str, key: str) -> bytes:
    """A sealed value is good for its own row only."""
    return f"{collection}\0{key}".encode()

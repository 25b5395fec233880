"""The key that encrypts Secrets at rest: in pki/, beside the other keys, never in a store."""

import os
from pathlib import Path

from towpath.app.datadir import StartRefused
from towpath.files import write_private
from towpath.store.sealing import KEY_BYTES, Sealing

KEY_FILE = "secrets.key"
SEALED = ("core/secrets",)


def open_sealing(pki_folder: Path) -> Sealing:
    """The stores' sealing; its key is made at the first start. Raises StartRefused."""
    path = pki_folder / KEY_FILE
    if not path.exists():
        write_private(path, os.urandom(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StartRefused(
            f"{path} holds {len(key)} bytes where the key of the Secrets has {KEY_BYTES}; "
            "put the file back from a copy"
        )
    return Sealing(key, SEALED)

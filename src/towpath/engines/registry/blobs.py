"""Blobs on disk by the SHA-256 of their content: written once, verified, durable, never changed.

    root/blobs/sha256/<first two>/<digest>       root/uploads/<id>

A blob appears by one rename after its content was synced and its digest checked. Everything here
blocks: call it in a thread.
"""

import hashlib
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NewType

from towpath.engines.registry.port import ImageInvalid
from towpath.files import sync_folder

Digest = NewType("Digest", str)
"""`sha256:<64 hexadecimal digits>`"""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def parse_digest(text: str) -> Digest:
    """Raises ImageInvalid."""
    if not _DIGEST.fullmatch(text):
        raise ImageInvalid(f"{text[:100]!r} is not a digest: write sha256: and 64 hex digits")
    return Digest(text)


def digest_of(content: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


class Draft:
    """A blob in the making. `size` is what has been written so far.

    The file is open only while something is written, so that waiting uploads cost no descriptor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        path.touch(exist_ok=False)

    def append(self, chunk: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def digest(self) -> Digest:
        return Digest(f"sha256:{self._hash.hexdigest()}")

    def sync(self) -> None:
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Blobs:
    def __init__(self, root: Path) -> None:
        self._folder = root / "blobs" / "sha256"
        self._uploads = root / "uploads"
        self._deleting = threading.Lock()

    def prepare(self) -> None:
        """Make the folders; uploads that a crash cut off are dropped, their clients start again."""
        shutil.rmtree(self._uploads, ignore_errors=True)
        self._uploads.mkdir(parents=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: Digest) -> Path:
        hexadecimal = digest.removeprefix("sha256:")
        return self._folder / hexadecimal[:2] / hexadecimal

    def size(self, digest: Digest) -> int | None:
        """None when there is no such blob."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, digest: Digest) -> bytes:
        return self.path(digest).read_bytes()

    def draft(self) -> Draft:
        return Draft(self._uploads / uuid.uuid4().hex)

    def keep(self, draft: Draft, expected: Digest) -> None:
        """Make the draft a blob. Raises ImageInvalid, and drops it, when its digest is another."""
        if draft.digest() != expected:
            draft.discard()
            raise ImageInvalid(f"The content has the digest {draft.digest()}, not {expected}")
        draft.sync()
        target = self.path(expected)
        with suppress(FileExistsError):
            target.parent.mkdir()
            sync_folder(self._folder)
        draft.path.replace(target)
        sync_folder(target.parent)

    def put(self, content: bytes) -> Digest:
        digest = digest_of(content)
        if not self.touch(digest):
            draft = self.draft()
            draft.append(content)
            self.keep(draft, digest)
        return digest

    def touch(self, digest: Digest) -> bool:
        """Begin the blob's grace period again, for somebody will refer to it. False: not here."""
        try:
            with self._deleting:
                os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def all(self) -> Iterator[Digest]:
        for folder in self._folder.iterdir():
            for path in folder.iterdir():
                yield Digest(f"sha256:{path.name}")

    def delete(self, digest: Digest, grace_s: float) -> bool:
        """Delete it unless it was written or touched within the grace period."""
        path = self.path(digest)
        with self._deleting:
            try:
                if time.time() - path.stat().st_mtime < grace_s:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

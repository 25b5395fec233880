"""Which image names exist, what they hold and what their tags mean.

    root/images/<name with + for />/manifests/<digest>   the manifest's media type
                                    layers/<digest>      this image may use that blob
                                    tags/<tag>           a manifest's digest
                                    referrers/<subject>/<digest>

The content of everything is a blob; these small files are links to blobs, so that what one project
pushed can be used by another only where its rights allow. Everything here blocks: call it in a
thread.
"""

import re
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from towpath.engines.registry.blobs import (
    Blobs,
    Digest,
    parse_digest,
)
from towpath.engines.registry.manifests import Manifest, parse_manifest
from towpath.engines.registry.port import ImageInvalid, ImageNotFound
from towpath.files import sync_folder, write_durably

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})+")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_NAME_LENGTH_MAX = 200


class BlobMissing(ImageInvalid):
    """A manifest refers to something that was not pushed before it."""


def check_name(name: str) -> None:
    """Raises ImageInvalid unless this is `<project>/<image>`."""
    if len(name) > _NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        raise ImageInvalid(
            f"{name[:100]!r} is not an image's name: write <project>/<image> in lower case"
        )


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


class Images:
    def __init__(self, root: Path, blobs: Blobs) -> None:
        self.blobs = blobs
        self._root = root / "images"

    def prepare(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in self._root.iterdir():
            if folder.name.startswith("."):  # a removal that a crash cut off
                shutil.rmtree(folder)

    def names(self) -> list[str]:
        return sorted(
            folder.name.replace("+", "/")
            for folder in self._root.iterdir()
            if not folder.name.startswith(".")
        )

    def exists(self, name: str) -> bool:
        return self._folder(name).is_dir()

    def link(self, name: str, digest: Digest) -> None:
        """Let the image use a blob that is here."""
        path = self._link(name, digest)
        if not path.exists():
            _keep(path, b"")

    def unlink(self, name: str, digest: Digest) -> bool:
        try:
            self._link(name, digest).unlink()
        except FileNotFoundError:
            return False
        return True

    def has_blob(self, name: str, digest: Digest) -> bool:
        return self._link(name, digest).exists() and self.blobs.size(digest) is not None

    def linked_from(self, digest: Digest) -> list[str]:
        """The names of images that use the blob."""
        return [name for name in self.names() if self._link(name, digest).exists()]

    def put(self, name: str, reference: str, manifest: Manifest) -> Digest:
        """Store a manifest under its digest, and under the tag if `reference` is one.

        Raises ImageInvalid, BlobMissing.
        """
        digest = manifest.digest
        tag = ""
        if ":" in reference:
            if parse_digest(reference) != digest:
                raise ImageInvalid(f"The manifest has the digest {digest}, not {reference}")
        elif is_tag(reference):
            tag = reference
        else:
            raise ImageInvalid(f"{reference[:100]!r} is neither a tag nor a digest")
        for blob in manifest.blobs:
            if not self.has_blob(name, blob):
                raise BlobMissing(f"{name} refers to {blob}, which was not pushed to it")
        for child in manifest.manifests:
            if not self._manifest_path(name, child).exists():
                raise BlobMissing(f"{name} refers to manifest {child}, which was not pushed to it")
        self.blobs.put(manifest.body)
        _keep(self._manifest_path(name, digest), manifest.media_type.encode())
        if subject := manifest.subject:
            _keep(self._referrer(name, subject, digest), b"")
        if tag:
            _keep(self._folder(name) / "tags" / tag, digest.encode())
        return digest

    def get(self, name: str, reference: str) -> Manifest:
        """By tag or digest. Raises ImageNotFound, ImageInvalid."""
        digest = self._resolve(name, reference)
        try:
            media_type = self._manifest_path(name, digest).read_text()
            return parse_manifest(self.blobs.read(digest), media_type)
        except FileNotFoundError as error:
            raise ImageNotFound(f"There is no image {name} {reference} here") from error

    def tags(self, name: str) -> list[str]:
        """Raises ImageNotFound."""
        if not self.exists(name):
            raise ImageNotFound(f"There is no image {name} here")
        folder = self._folder(name) / "tags"
        if not folder.is_dir():
            return []
        return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    def referrers(self, name: str, subject: Digest) -> list[Manifest]:
        folder = self._referrer(name, subject, Digest("")).parent
        if not folder.is_dir():
            return []
        found: list[Manifest] = []
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                with suppress(ImageNotFound):
                    found.append(self.get(name, f"sha256:{path.name}"))
        return found

    def delete(self, name: str, reference: str) -> None:
        """A tag alone, or a manifest with its tags. Raises ImageNotFound."""
        if is_tag(reference):
            try:
                (self._folder(name) / "tags" / reference).unlink()
            except FileNotFoundError as error:
                raise ImageNotFound(f"{name} has no tag {reference}") from error
            return
        manifest = self.get(name, reference)
        for tag in self.tags(name):
            if self._resolve(name, tag) == manifest.digest:
                (self._folder(name) / "tags" / tag).unlink(missing_ok=True)
        if subject := manifest.subject:
            self._referrer(name, subject, manifest.digest).unlink(missing_ok=True)
        self._manifest_path(name, manifest.digest).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Forget the image with everything it has; its blobs go with the next collection."""
        doomed = self._root / f".{uuid.uuid4().hex}"
        try:
            self._folder(name).rename(doomed)
        except FileNotFoundError:
            return
        sync_folder(self._root)
        shutil.rmtree(doomed)

    def manifests(self, name: str) -> list[Manifest]:
        folder = self._folder(name) / "manifests"
        if not folder.is_dir():
            return []
        return [
            self.get(name, f"sha256:{path.name}")
            for path in folder.iterdir()
            if not path.name.startswith(".")
        ]

    def unused_links(self, name: str, used: set[Digest], grace_s: float) -> None:
        """Drop links to blobs that no manifest of the image uses and that are not brand-new."""
        folder = self._folder(name) / "layers"
        for path in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                old = time.time() - path.stat().st_mtime >= grace_s
                if old and f"sha256:{path.name}" not in used:
                    path.unlink()

    def _resolve(self, name: str, reference: str) -> Digest:
        check_name(name)
        if ":" in reference:
            return parse_digest(reference)
        if not is_tag(reference):
            raise ImageInvalid(f"{reference[:100]!r} is neither a tag nor a digest")
        try:
            return parse_digest((self._folder(name) / "tags" / reference).read_text())
        except FileNotFoundError as error:
            raise ImageNotFound(f"There is no image {name}:{reference} here") from error

    def _folder(self, name: str) -> Path:
        check_name(name)
        return self._root / name.replace("/", "+")

    def _link(self, name: str, digest: Digest) -> Path:
        return self._folder(name) / "layers" / digest.removeprefix("sha256:")

    def _manifest_path(self, name: str, digest: Digest) -> Path:
        return self._folder(name) / "manifests" / digest.removeprefix("sha256:")

    def _referrer(self, name: str, subject: Digest, digest: Digest) -> Path:
        folder = self._folder(name) / "referrers" / subject.removeprefix("sha256:")
        return folder / (digest.removeprefix("sha256:") or "-")


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, content)

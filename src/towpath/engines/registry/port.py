"""What the platform needs of an image registry, in the words of OCI's distribution API."""

from pathlib import Path
from typing import Protocol

LOGICAL_HOST = "registry.towpath.dev"
"""Stands in Git for the platform's registry; every Cluster maps it (DESIGN 12.7)."""


class ImageError(Exception):
    """Base of what a registry can answer; `str()` is one sentence for the user."""


class ImageNotFound(ImageError): ...


class ImageInvalid(ImageError): ...


class ImageUnpacker(Protocol):
    async def unpack(self, reference: str, target: Path) -> dict[str, object]:
        """Lay the image's layers into `target` (once per digest) and return its OCI config."""
        ...

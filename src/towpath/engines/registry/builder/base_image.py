"""The image below ours: pulled from any registry, or read from an OCI layout folder.

Only its manifest and config are fetched to build on it; its layers are copied to the target when
they are not there yet.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from towpath.engines.registry.blobs import parse_digest
from towpath.engines.registry.client import Content, RegistryClient
from towpath.engines.registry.port import ImageInvalid, ImageNotFound
from towpath.engines.registry.references import parse_reference

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_LAYER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ),
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

Connect = Callable[[str], RegistryClient]
"""A client for a registry host."""


@dataclass(frozen=True, slots=True)
class Base:
    reference: str
    digest: str
    config: dict[str, Any]
    layers: list[dict[str, Any]]
    blob: Callable[[str], Path]
    """Where a layer's bytes are, fetched if need be."""

    def contents(self) -> list[Content]:
        return [self._content(layer) for layer in self.layers]

    def _content(self, layer: dict[str, Any]) -> Content:
        digest = layer["digest"]
        return Content(
            digest, layer["size"], layer["mediaType"], lambda: self.blob(digest).open("rb")
        )


def architecture() -> str:
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def load_base(reference: str, connect: Connect, cache: Path) -> Base:
    """Raises ImageNotFound, ImageInvalid, RegistryRefused."""
    folder = Path(reference.removeprefix("oci:"))
    if (folder / "oci-layout").is_file():
        return _from_layout(reference, folder)
    return _from_registry(reference, connect, cache)


def _from_layout(reference: str, folder: Path) -> Base:
    def blob(digest: str) -> Path:
        path = folder / "blobs" / parse_digest(digest).replace(":", "/")
        if not path.is_file():
            raise ImageNotFound(f"{folder} has no blob {digest}")
        return path

    index = json.loads((folder / "index.json").read_bytes())
    digest, manifest = _for_this_platform(
        "", index, lambda wanted: json.loads(blob(wanted).read_bytes())
    )
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    return Base(reference, digest, config, _layers(manifest), blob)


def _from_registry(reference: str, connect: Connect, cache: Path) -> Base:
    parsed = parse_reference(reference)
    client = connect(parsed.host)

    def fetch(wanted: str) -> Any:
        return json.loads(client.manifest(parsed.name, wanted)[0])

    def blob(digest: str) -> Path:
        cache.mkdir(parents=True, exist_ok=True)
        path = cache / parse_digest(digest).replace(":", "-")
        if not path.exists():
            client.pull_blob(parsed.name, digest, path)
        return path

    body, _ = client.manifest(parsed.name, parsed.version)
    top = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if parsed.digest and parsed.digest != top:
        raise ImageInvalid(f"{parsed.host} sent another image than {parsed.digest}")
    digest, manifest = _for_this_platform(top, json.loads(body), fetch)
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    return Base(reference, digest, config, _layers(manifest), blob)


def _for_this_platform(
    digest: str, found: dict[str, Any], fetch: Callable[[str], Any]
) -> tuple[str, dict[str, Any]]:
    """Follow indexes to the image of this machine's architecture."""
    for _ in range(3):
        if "manifests" not in found:
            return digest, found
        candidates = [part for part in found["manifests"] if _fits(part)]
        if not candidates:
            raise ImageNotFound(f"The base has no image for linux/{architecture()}")
        digest = candidates[0]["digest"]
        found = fetch(digest)
    raise ImageInvalid("The base is an index of indexes")


def _fits(part: dict[str, Any]) -> bool:
    if part.get("mediaType") in _INDEXES:
        return True
    platform = part.get("platform")
    return platform is None or (
        platform.get("os") == "linux" and platform.get("architecture") == architecture()
    )


def _layers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Layer descriptors in OCI's words; the bytes are the same."""
    return [
        {
            "mediaType": _LAYER_TYPES.get(layer["mediaType"], layer["mediaType"]),
            "digest": parse_digest(layer["digest"]),
            "size": layer["size"],
        }
        for layer in manifest["layers"]
    ]

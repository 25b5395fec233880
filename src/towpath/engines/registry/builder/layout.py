"""An image as an OCI layout folder, which skopeo, podman and containerd read."""

import json
import shutil
from pathlib import Path

from towpath.engines.registry.builder.image import MANIFEST_TYPE, BuiltImage


def write_layout(image: BuiltImage, folder: Path, tag: str = "") -> None:
    """Into a new or existing layout; its index then names this image only."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for content in image.contents:
        with content.open() as source, (blobs / _hex(content.digest)).open("wb") as target:
            shutil.copyfileobj(source, target)
    (blobs / _hex(image.digest)).write_bytes(image.manifest)
    descriptor: dict[str, object] = {
        "mediaType": MANIFEST_TYPE,
        "digest": image.digest,
        "size": len(image.manifest),
    }
    if tag:
        descriptor["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [descriptor],
    }
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")

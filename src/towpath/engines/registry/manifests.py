"""What a manifest says: its media type, what it refers to, and whether that can be believed.

Manifests are kept as the bytes that were pushed; these are only views of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson

from towpath.engines.registry.blobs import Digest, digest_of, parse_digest
from towpath.engines.registry.port import ImageInvalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEXES = (OCI_INDEX, DOCKER_LIST)
MEDIA_TYPES = (*IMAGES, *INDEXES)

LAYER_MARK = "dev.towpath.image.layer"
"""The annotation of a layer that our builder made, saying what for; a base's layers have none."""

MANIFEST_BYTES_MAX = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's bytes and what was parsed from them."""

    body: bytes
    media_type: str
    content: Mapping[str, Any]

    @property
    def digest(self) -> Digest:
        return digest_of(self.body)

    @property
    def blobs(self) -> list[Digest]:
        """Config and layers that must be in the same repository."""
        if self.media_type in INDEXES:
            return []
        parts = [self.content["config"], *self.content["layers"]]
        # Layers with `urls` are kept elsewhere: they may not be distributed.
        return [parse_digest(part["digest"]) for part in parts if not part.get("urls")]

    @property
    def manifests(self) -> list[Digest]:
        """The images of an index."""
        if self.media_type not in INDEXES:
            return []
        return [parse_digest(part["digest"]) for part in self.content["manifests"]]

    @property
    def subject(self) -> Digest | None:
        subject = self.content.get("subject")
        return parse_digest(subject["digest"]) if subject else None

    @property
    def artifact_type(self) -> str:
        """As the referrers API reports it: an image's own, else its config's media type."""
        declared = self.content.get("artifactType")
        if not declared and self.media_type in IMAGES:
            declared = self.content["config"].get("mediaType")
        return str(declared or "")

    def descriptor(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.body),
        }
        if self.artifact_type:
            found["artifactType"] = self.artifact_type
        if annotations := self.content.get("annotations"):
            found["annotations"] = annotations
        return found


def parse_manifest(body: bytes, media_type: str) -> Manifest:
    """Raises ImageInvalid with the field that is wrong."""
    media_type = media_type.partition(";")[0].strip()
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ImageInvalid(f"The manifest is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("schemaVersion") != 2:
        raise ImageInvalid("The manifest must be an object with schemaVersion 2")
    declared = content.get("mediaType")
    media_type = media_type or str(declared or "")
    if declared and declared != media_type:
        raise ImageInvalid(f"The manifest's mediaType is {declared!r}, it was sent as {media_type}")
    if media_type not in MEDIA_TYPES:
        raise ImageInvalid(
            f"{media_type or 'no media type'!r} is not a manifest: use one of {MEDIA_TYPES}"
        )
    _check_descriptors(content, media_type)
    return Manifest(body, media_type, content)


def _check_descriptors(content: Mapping[str, Any], media_type: str) -> None:
    fields = {"manifests": list} if media_type in INDEXES else {"config": dict, "layers": list}
    for name, kind in fields.items():
        if not isinstance(content.get(name), kind):
            raise ImageInvalid(f"The manifest has no valid {name!r}")
    descriptors: list[object] = []
    for name in (*fields, "subject"):
        value = content.get(name)
        if value is not None:
            descriptors += value if isinstance(value, list) else [value]
    for part in descriptors:
        if not isinstance(part, dict):
            raise ImageInvalid("A descriptor of the manifest is not an object")
        fields_of = cast(dict[str, Any], part)
        parse_digest(str(fields_of.get("digest")))
        size = fields_of.get("size")
        if not isinstance(size, int) or size < 0:
            raise ImageInvalid(f"A descriptor of the manifest has the size {size!r}")

"""Image references: `[host[:port]/]name[:tag][@digest]`, read as Docker reads them."""

import re
from dataclasses import dataclass

from towpath.engines.registry.port import ImageInvalid

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?")
DOCKER_HUB = "docker.io"


@dataclass(frozen=True, slots=True)
class ImageReference:
    host: str
    name: str
    tag: str = ""
    digest: str = ""

    @property
    def version(self) -> str:
        """What is asked of the registry: the digest if there is one."""
        return self.digest or self.tag

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.name}{tag}{digest}"


def parse_reference(text: str) -> ImageReference:
    """Without tag and digest, the tag is `latest`. Raises ImageInvalid."""
    first, slash, rest = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        host = first
    else:
        host, rest = DOCKER_HUB, text if slash else f"library/{text}"
    found = _REFERENCE.fullmatch(rest)
    if found is None or not _HOST.fullmatch(host):
        raise ImageInvalid(
            f"{text[:200]!r} is not an image reference: write host/project/image@sha256:..."
        )
    tag, digest = found["tag"] or "", found["digest"] or ""
    return ImageReference(host, found["name"], tag if tag or digest else "latest", digest)

"""Content negotiation: which form of an answer the client asked for. Pure.

Clients of Kubernetes ask for a Table, for metadata only, or for protobuf first and JSON second; an
answer in JSON is always allowed as long as they accept it. Parsed headers are remembered, because
a client sends the same one with every request.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from towpath.machinery.errors import NotAcceptable

JSON = b"application/json"
STRICT_JSON_TYPES = frozenset({"application/json", "application/*", "*/*"})


class Form(Enum):
    """The shape of an answer's object."""

    PLAIN = "plain"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"
    PARTIAL_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of an Accept header."""

    type: str
    parameters: dict[str, str]
    quality: float = 1.0


@lru_cache(maxsize=512)
def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """Entries by quality, then in the order of the header."""
    entries = []
    for entry in header.split(","):
        media_type, *parameters = [part.strip() for part in entry.split(";")]
        named = {name: value for name, _, value in (part.partition("=") for part in parameters)}
        if media_type:
            entries.append(MediaRange(media_type.lower(), named, _quality(named.pop("q", "1"))))
    return tuple(sorted(entries, key=lambda entry: -entry.quality))


@lru_cache(maxsize=512)
def negotiate(header: str) -> Form:
    """The form to answer in. Raises NotAcceptable when no JSON form is accepted."""
    if not header:
        return Form.PLAIN
    for entry in parse_accept(header):
        if entry.type not in STRICT_JSON_TYPES:
            continue
        wanted = entry.parameters.get("as", "")
        if not wanted:
            return Form.PLAIN
        known = {form.value: form for form in Form}
        meta_v1 = (entry.parameters.get("g"), entry.parameters.get("v")) == ("meta.k8s.io", "v1")
        if meta_v1 and wanted in known:
            return known[wanted]
    raise NotAcceptable(
        "only the following media types are accepted: application/json; "
        f"the request accepts {header}"
    )


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0

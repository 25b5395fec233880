"""Request bodies: read within a limit, decoded by their Content-Type into plain JSON data.

JSON, YAML and Kubernetes' protobuf come in; the parsers for the last two are loaded on first use.
A JSON key that appears twice loses one of its values in silence, so Strict and Warn look for it.
"""

import json
from typing import Any, cast

import orjson

from towpath.apiserver.http.listener import Receive
from towpath.machinery.errors import BadRequest, TooLarge, UnsupportedMediaType
from towpath.machinery.objects import RawObject

BODY_BYTES_MAX = 3 * 1024 * 1024

JSON_TYPES = frozenset({"", "application/json"})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})
PROTOBUF = "application/vnd.kubernetes.protobuf"
APPLY_YAML = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
PATCH_TYPES = (
    JSON_PATCH,
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_YAML,
)


class ClientDisconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read_body(receive: Receive, announced: int | None) -> bytes:
    """The whole body. Raises TooLarge before reading what is announced as too large."""
    if announced is not None and announced > BODY_BYTES_MAX:
        raise _too_large()
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    body = cast(bytes, message.get("body", b""))
    if not message.get("more_body"):
        return _within_limit(body)
    parts = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        parts += message.get("body", b"")
        if len(parts) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(parts)


def media_type_of(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def decode_object(body: bytes, content_type: str, *, find_duplicates: bool = False) -> RawObject:
    """One object. Raises BadRequest, UnsupportedMediaType."""
    return as_object(decode(body, media_type_of(content_type), find_duplicates=find_duplicates))


def decode_patch(body: bytes, media_type: str) -> RawObject | list[RawObject]:
    if media_type not in PATCH_TYPES:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(PATCH_TYPES)
        )
    patch = _decode_yaml(body) if media_type == APPLY_YAML else _decode_json(body)
    if media_type == JSON_PATCH:
        if not isinstance(patch, list) or not all(isinstance(entry, dict) for entry in patch):
            raise BadRequest("the body of a JSON patch must be a list of operations")
        return patch
    return as_object(patch)


def decode(body: bytes, media_type: str, *, find_duplicates: bool) -> Any:
    if media_type in JSON_TYPES:
        if find_duplicates:
            _refuse_duplicates(body)
        return _decode_json(body)
    if media_type in YAML_TYPES:
        return _decode_yaml(body)
    if media_type == PROTOBUF:
        from towpath.machinery import protobuf

        return protobuf.decode(body)
    raise UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        f"application/json, application/yaml, {PROTOBUF}"
    )


def as_object(value: Any) -> RawObject:
    if not isinstance(value, dict):
        raise BadRequest("the body of the request must be an object")
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequest("json: cannot unmarshal metadata: it must be an object")
    return value


def _decode_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error


def _decode_yaml(body: bytes) -> Any:
    """JSON is YAML, and most clients send JSON here; it is decoded as JSON when it is."""
    if body[:1] in (b"{", b"["):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # flow style YAML looks like this too
    from towpath.machinery.documents import DocumentError, load_document

    try:
        return load_document(body)
    except DocumentError as error:
        raise BadRequest(f"error decoding YAML: {error}") from error


def _refuse_duplicates(body: bytes) -> None:
    duplicates: list[str] = []

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(entries)
        if len(found) != len(entries):
            names = [name for name, _ in entries]
            duplicates.extend(sorted({name for name in names if names.count(name) > 1}))
        return found

    try:
        decoded = json.loads(body, object_pairs_hook=pairs)
    except ValueError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error
    if duplicates:
        kind, version = decoded.get("kind", "object"), decoded.get("apiVersion", "")
        listed = ", ".join(f'duplicate field "{name}"' for name in duplicates)
        raise BadRequest(
            f'{kind} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind}: '
            f"strict decoding error: {listed}"
        )


def _within_limit(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return body


def _too_large() -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}")

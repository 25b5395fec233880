"""Request bodies: read within a limit, decoded by their Content-Type into plain JSON data.

JSON, YAML and Kubernetes' protobuf come in; the parsers for the last two are loaded on first use.
A JSON key that appears twice loses one of its values in silence, so a client can have it looked
for. A body that does not arrive in time is refused.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import orjson

from towpath.machinery.asgi import Receive
from towpath.machinery.builtins import decoding as builtins_decoding
from towpath.machinery.causes import quote
from towpath.machinery.errors import BadRequest, TooLarge, UnsupportedMediaType
from towpath.machinery.objects import RawObject

BODY_BYTES_MAX = 3 * 1024 * 1024
BODY_S_MAX = 60.0

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
CUSTOM_PATCH_TYPES = tuple(name for name in PATCH_TYPES if "strategic" not in name)
OBJECT_TYPES = ("application/json", "application/yaml", PROTOBUF)


class ClientDisconnected(Exception):
    """The client went away before its request was complete; there is nobody to answer."""


async def read_body(receive: Receive, announced: int | None) -> bytes:
    """The whole body. Raises TooLarge before reading what is announced as too large."""
    if announced is not None and announced > BODY_BYTES_MAX:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            return await _read_all(receive)
    except TimeoutError:
        raise BadRequest(f"the request's body did not arrive within {BODY_S_MAX:.0f} s") from None


async def _read_all(receive: Receive) -> bytes:
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


def decode_object(body: bytes, content_type: str) -> RawObject:
    """One object. Raises BadRequest, UnsupportedMediaType."""
    return as_object(decode(body, media_type_of(content_type)))


def check_duplicates(body: bytes, content_type: str, obj: RawObject, validation: str) -> list[str]:
    """Warnings about keys that appear twice; under Strict they are a BadRequest instead."""
    if validation not in ("Strict", "Warn") or media_type_of(content_type) not in JSON_TYPES:
        return []
    found = [f'duplicate field "{path}"' for path in duplicate_fields(body)]
    if found and validation == "Strict":
        kind, version = obj.get("kind", ""), str(obj.get("apiVersion", "")).rpartition("/")[2]
        raise BadRequest(
            f'{kind} in version "{version}" cannot be handled as a {kind}: '
            f"strict decoding error: {', '.join(found)}"
        )
    return found


def check_content_type(content_type: str, *, custom: bool) -> None:
    """Raise UnsupportedMediaType unless objects come in it."""
    media_type = media_type_of(content_type)
    if media_type not in JSON_TYPES | YAML_TYPES and (custom or media_type != PROTOBUF):
        raise _unsupported(OBJECT_TYPES[:2] if custom else OBJECT_TYPES)


def check_patch_type(media_type: str, *, custom: bool) -> None:
    types = CUSTOM_PATCH_TYPES if custom else PATCH_TYPES
    if media_type not in types:
        raise _unsupported(types)


def _unsupported(accepted: tuple[str, ...]) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )


def decode_delete_options(body: bytes, content_type: str) -> RawObject:
    """The body of a deletion. Raises BadRequest, UnsupportedMediaType."""
    options = decode_object(body, content_type)
    group = str(options.get("apiVersion") or "v1")
    if options.get("kind") not in (None, "", "DeleteOptions"):
        kind = options["kind"]
        raise BadRequest(
            f"no kind {quote(kind)} is registered for version {quote(group)} in scheme "
            '"pkg/api/legacyscheme/scheme.go:30"'
        )
    try:
        builtins_decoding.decode_object("meta/v1.DeleteOptions", options)
    except builtins_decoding.DecodeError as error:
        raise BadRequest(str(error)) from None
    return options


def decode_patch(body: bytes, media_type: str) -> RawObject | list[RawObject]:
    patch = _decode_yaml(body) if media_type == APPLY_YAML else _decode_json(body)
    if media_type == JSON_PATCH:
        if not isinstance(patch, list) or not all(isinstance(entry, dict) for entry in patch):
            raise BadRequest("the body of a JSON patch must be a list of operations")
        return patch
    return as_object(patch)


def decode(body: bytes, media_type: str) -> Any:
    if media_type in JSON_TYPES:
        return _decode_json(body)
    if media_type in YAML_TYPES:
        return _decode_yaml(body)
    if media_type == PROTOBUF:
        from towpath.machinery import protobuf

        return protobuf.decode(body)
    raise _unsupported(OBJECT_TYPES)


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


class _Pairs(dict[str, Any]):
    """A decoded object that remembers which of its keys came more than once."""

    duplicates: tuple[str, ...] = ()


def duplicate_fields(body: bytes) -> list[str]:
    """Paths of the keys of a JSON body that appear more than once, as `spec.ports[0].name`."""

    def pairs(entries: list[tuple[str, Any]]) -> _Pairs:
        found = _Pairs(entries)
        if len(found) != len(entries):
            counts = Counter(name for name, _ in entries)
            found.duplicates = tuple(name for name, count in counts.items() if count > 1)
        return found

    try:
        return list(_duplicates_in(json.loads(body, object_pairs_hook=pairs), ""))
    except ValueError as error:
        raise BadRequest(f"couldn't get version/kind; json parse error: {error}") from error


def _duplicates_in(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Pairs):
        prefix = f"{path}." if path else ""
        yield from (prefix + name for name in value.duplicates)
        for name, inner in value.items():
            yield from _duplicates_in(inner, prefix + name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _duplicates_in(inner, f"{path}[{index}]")


def _within_limit(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return body


def _too_large() -> TooLarge:
    return TooLarge(f"Request entity too large: limit is {BODY_BYTES_MAX}")

"""From a body to the object, the patch or the options in it, or why not in the words of Go.

Kubernetes reads a body in two steps, and so do its refusals: first what kind it says it is, then
whether it fits that kind. The first is here, the second is the schema's.
"""

from typing import Any

from towpath.apiserver.http.bodies import (
    APPLY_YAML,
    JSON_PATCH,
    PARSE_ERROR,
    decode,
    media_type_of,
)
from towpath.apiserver.registry import Served
from towpath.machinery.builtins.decoding import DecodeError, go_kind
from towpath.machinery.builtins.decoding import decode_object as read_as
from towpath.machinery.causes import quote
from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject

SUMMARY_BYTES = 30
STRATEGIC = "application/strategic-merge-patch+json"
_IDENTITY = (
    r'struct { APIVersion string "json:\"apiVersion,omitempty\""; '
    r'Kind string "json:\"kind,omitempty\"" }'
)
_MAP = "map[string]interface {}"


def decode_object(body: bytes, content_type: str, served: Served) -> RawObject:
    """What claims to be an object of the kind. Raises BadRequest."""
    kind = served.resource.kind
    try:
        obj = _identified(decode(body, media_type_of(content_type)))
        if served.custom and not obj.get("kind"):
            raise BadRequest(f"Object 'Kind' is missing in '{body.decode(errors='replace')}'")
    except BadRequest as error:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {kind}): {error} "
            f"({_summary(body)})"
        ) from None
    if served.custom and not obj.get("apiVersion"):
        raise BadRequest(
            "the API version in the data () does not match the expected API version "
            f"({served.resource.api_version})"
        )
    metadata = obj.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        where = "Go value" if served.custom else f"Go struct field {kind}.metadata"
        raise BadRequest(
            f'{kind} in version "{served.resource.version}" cannot be handled as a {kind}: '
            f"json: cannot unmarshal {go_kind(metadata)} into {where} of type v1.ObjectMeta"
        )
    return obj


def decode_scale(body: bytes, content_type: str) -> RawObject:
    """What is written to a scale subresource."""
    return _identified(decode(body, media_type_of(content_type)))


def decode_delete_options(body: bytes, content_type: str) -> RawObject:
    """The body of a deletion. Raises BadRequest."""
    options = _identified(decode(body, media_type_of(content_type)))
    kind, version = options.get("kind") or "DeleteOptions", options.get("apiVersion") or "v1"
    if kind != "DeleteOptions":
        raise BadRequest(no_such_kind(kind, version))
    try:
        read_as("meta/v1.DeleteOptions", options)
    except DecodeError as error:
        raise BadRequest(str(error)) from None
    return options


def no_such_kind(kind: str, version: str) -> str:
    return (
        f"no kind {quote(kind)} is registered for version {quote(version)} in scheme "
        '"pkg/runtime/scheme.go:111"'
    )


def decode_patch(body: bytes, media_type: str) -> RawObject | list[RawObject]:
    """Raises BadRequest."""
    if media_type == APPLY_YAML:
        return _decode_applied(body)
    prefix = "" if media_type == STRATEGIC else "error decoding patch: "
    try:
        patch = decode(body, "application/json")
    except BadRequest as error:
        raise BadRequest(prefix + str(error).removeprefix(PARSE_ERROR)) from None
    if media_type == JSON_PATCH:
        return _operations(patch)
    if patch is None and media_type == STRATEGIC:
        return {}
    if patch is None:
        raise BadRequest("Invalid JSON Patch")
    if not isinstance(patch, dict):
        raise BadRequest(prefix + _misfit(patch, _MAP))
    return patch


def _operations(patch: Any) -> list[RawObject]:
    if patch is None:
        return []
    if not isinstance(patch, list):
        raise BadRequest(f"error decoding patch: {_misfit(patch, '[]handlers.jsonPatchOp')}")
    for operation in patch:
        if not isinstance(operation, dict):
            raise BadRequest(f"error decoding patch: {_misfit(operation, 'handlers.jsonPatchOp')}")
    return patch


def _decode_applied(body: bytes) -> RawObject:
    if not body.strip():
        return {}
    try:
        applied = decode(body, "application/yaml")
    except BadRequest as error:
        raise BadRequest(f"error decoding YAML: {error}") from None
    if applied is None:
        return {}
    if not isinstance(applied, dict):
        raise BadRequest(
            f"error decoding YAML: error unmarshaling JSON: while decoding JSON: "
            f"{_misfit(applied, _MAP)}"
        )
    return applied


def _identified(value: Any) -> RawObject:
    """An object whose kind and version are texts, if they are there."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(PARSE_ERROR + _misfit(value, _IDENTITY))
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name) or "", str):
            raise BadRequest(
                f"{PARSE_ERROR}json: cannot unmarshal {go_kind(value[name])} into Go struct field "
                f".{name} of type string"
            )
    return value


def _misfit(value: Any, go_type: str) -> str:
    return f"json: cannot unmarshal {go_kind(value)} into Go value of type {go_type}"


def _summary(body: bytes) -> str:
    """The beginning of a body, as text when it may be JSON."""
    if not body:
        return "<empty>"
    head = body[:SUMMARY_BYTES]
    shown = head.decode(errors="replace") if body[:1] == b"{" else head.hex()
    return f"{shown} ..." if len(body) > SUMMARY_BYTES else shown

"""A definition as it is, in whichever language it is written; a broken one says where it breaks."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from towpath.capabilities.portal.apis.asyncapi import read_asyncapi
from towpath.capabilities.portal.apis.definition import Definition, Problem
from towpath.capabilities.portal.apis.mcp import read_mcp
from towpath.capabilities.portal.apis.openapi import read_openapi
from towpath.capabilities.portal.apis.protobuf import read_protobuf
from towpath.machinery.documents import DocumentError, load_settings

DEFINITION_CHARACTERS_MAX = 2 * 1024 * 1024
_LINE = re.compile(r"line (\d+)")
_GRAPHQL = re.compile(
    r"^\s*(?:extend\s+)?(?:schema|type|input|enum|interface|union|scalar|directive)\b", re.M
)
_PROTO = re.compile(
    r"^\s*(?:syntax\s*=|service\s+\w+\s*\{|message\s+\w+\s*\{|package\s+[\w.]+;)", re.M
)
NAMES = {"openapi": "OpenAPI", "asyncapi": "AsyncAPI", "graphql": "GraphQL", "grpc": "gRPC"}


def read(kind: str, text: str) -> Definition:
    """`kind` is the type that the API says that it is of; what stands in the text wins."""
    if len(text) > DEFINITION_CHARACTERS_MAX:
        too_long = (
            f"it is longer than {DEFINITION_CHARACTERS_MAX} characters, and shown as its text"
        )
        return Definition("", problems=(Problem(too_long),))
    kind = kind.lower()
    if kind in ("grpc", "protobuf") or (kind != "graphql" and _PROTO.search(text)):
        return read_protobuf(text)
    if kind == "graphql" and not text.lstrip().startswith("{"):
        return _graphql(text)
    try:
        document = _loaded(text)
    except DocumentError as error:
        if _GRAPHQL.search(text):
            return _graphql(text)
        line = _LINE.search(str(error))
        problem = Problem(str(error), int(line[1]) if line else 0)
        return Definition(NAMES.get(kind, ""), problems=(problem,))
    return _document(kind, document, text)


def _loaded(text: str) -> Any:
    """JSON by itself: it may be indented by tabs, and is read much faster."""
    if not text.lstrip().startswith("{"):
        return load_settings(text)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        told = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise DocumentError(told) from error


def _document(kind: str, document: Any, text: str) -> Definition:
    if not isinstance(document, Mapping):
        known = NAMES.get(kind, "")
        return Definition(known, problems=(Problem(f"it is no {known} document"),) if known else ())
    if "openapi" in document or "swagger" in document:
        return read_openapi(document)
    if "asyncapi" in document:
        return read_asyncapi(document)
    if kind == "graphql" or "__schema" in document:
        # Its library takes a while to load.
        from towpath.capabilities.portal.apis.graphql import read_introspection

        return read_introspection(document)
    if kind == "mcp-server" or "remotes" in document or "tools" in document:
        return read_mcp(document)
    known = NAMES.get(kind, "")
    if known:
        needed = {"OpenAPI": "openapi", "AsyncAPI": "asyncapi"}.get(known, "")
        told = f"it names no version of {known}: the key {needed!r} is missing"
        return Definition(known, problems=(Problem(told, 1),))
    return Definition("")


def _graphql(text: str) -> Definition:
    from towpath.capabilities.portal.apis.graphql import read_graphql

    return read_graphql(text)

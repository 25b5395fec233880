"""OpenAPI version 2 as gnostic's protobuf, which Go clients ask for: kubectl up to 1.28, and what
builds on client-go's discovery (Argo CD reads from it which fields are whose).

Source: openapiv2/OpenAPIv2.proto of gnostic-models. A message is here a table of its fields: the
name in JSON, the number, and how the value is written. Values of any type are YAML there; JSON is
YAML.
"""

import struct as binary
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from towpath.machinery.objects import RawObject
from towpath.machinery.protobuf.writing import delimited, varint

Write = Callable[[int, Any], bytes]
Message = dict[str, tuple[int, Write]]
EXTENSION = "x-"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")


def document(swagger: RawObject) -> bytes:
    """All of a document of version 2."""
    return b"".join(_fields(_DOCUMENT, swagger))


def _fields(message: Message, value: RawObject, extensions: int = 0) -> Iterator[bytes]:
    for name, (number, write) in message.items():
        if (inner := value.get(name)) is not None:
            yield write(number, inner)
    if extensions:
        for name, inner in sorted(value.items()):
            if name.startswith(EXTENSION):
                yield _named(extensions, name, _any(2, inner))


def _text(number: int, value: str) -> bytes:
    return delimited(number, value.encode()) if value else b""


def _texts(number: int, values: list[str]) -> bytes:
    return b"".join([delimited(number, value.encode()) for value in values])


def _number(number: int, value: int) -> bytes:
    """Whole numbers, and yes or no."""
    return varint(number << 3) + varint(int(value)) if value else b""


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + binary.pack("<d", value) if value else b""


def _any(number: int, value: Any) -> bytes:
    return delimited(number, delimited(2, orjson.dumps(value) + b"\n"))


def _anys(number: int, values: list[Any]) -> bytes:
    return b"".join([_any(number, value) for value in values])


def _named(number: int, name: str, value: bytes) -> bytes:
    return delimited(number, delimited(1, name.encode()) + value)


def _message(message: Message, extensions: int = 0) -> Write:
    return lambda number, value: delimited(number, b"".join(_fields(message, value, extensions)))


def _schema(number: int, value: RawObject) -> bytes:
    return delimited(number, b"".join(_fields(_SCHEMA, value, 31)))


def _schemas(number: int, values: list[RawObject]) -> bytes:
    return b"".join([_schema(number, value) for value in values])


def _schemas_by_name(number: int, values: dict[str, RawObject]) -> bytes:
    named = [_named(1, name, _schema(2, value)) for name, value in values.items()]
    return delimited(number, b"".join(named))


def _one_schema(number: int, value: RawObject) -> bytes:
    """Where it could be something else as well."""
    return delimited(number, _schema(1, value))


def _schema_or_bool(number: int, value: RawObject | bool) -> bytes:
    inner = _number(2, value) if isinstance(value, bool) else _schema(1, value)
    return delimited(number, inner)


def _types(number: int, value: str | list[str]) -> bytes:
    return delimited(number, _texts(1, [value] if isinstance(value, str) else value))


def _paths(number: int, paths: dict[str, RawObject]) -> bytes:
    items = [_named(2, path, _path_item(2, item)) for path, item in paths.items()]
    return delimited(number, b"".join(items))


def _parameters(number: int, parameters: list[RawObject]) -> bytes:
    return b"".join([delimited(number, _parameter(each)) for each in parameters])


def _parameter(parameter: RawObject) -> bytes:
    if "$ref" in parameter:
        return _message({"$ref": (1, _text), "description": (2, _text)})(2, parameter)
    if parameter["in"] == "body":
        return delimited(1, _BODY(1, parameter))
    inner = _QUERY(3, parameter) if parameter["in"] == "query" else _PATH(4, parameter)
    return delimited(1, delimited(2, inner))


def _responses(number: int, responses: dict[str, RawObject]) -> bytes:
    named = [_named(1, code, delimited(2, _RESPONSE(1, one))) for code, one in responses.items()]
    return delimited(number, b"".join(named))


_SCHEMA: Message = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "multipleOf": (6, _double),
    "maximum": (7, _double),
    "exclusiveMaximum": (8, _number),
    "minimum": (9, _double),
    "exclusiveMinimum": (10, _number),
    "maxLength": (11, _number),
    "minLength": (12, _number),
    "pattern": (13, _text),
    "maxItems": (14, _number),
    "minItems": (15, _number),
    "uniqueItems": (16, _number),
    "maxProperties": (17, _number),
    "minProperties": (18, _number),
    "required": (19, _texts),
    "enum": (20, _anys),
    "additionalProperties": (21, _schema_or_bool),
    "type": (22, _types),
    "items": (23, _one_schema),
    "allOf": (24, _schemas),
    "properties": (25, _schemas_by_name),
    "example": (30, _any),
}
_BODY = _message(
    {
        "description": (1, _text),
        "name": (2, _text),
        "in": (3, _text),
        "required": (4, _number),
        "schema": (5, _schema),
    },
    6,
)
_OF_PARAMETERS: Message = {
    "required": (1, _number),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
}
_QUERY = _message(
    {**_OF_PARAMETERS, "type": (6, _text), "format": (7, _text), "uniqueItems": (20, _number)}, 23
)
_PATH = _message(
    {**_OF_PARAMETERS, "type": (5, _text), "format": (6, _text), "uniqueItems": (19, _number)}, 22
)
_RESPONSE = _message({"description": (1, _text), "schema": (2, _one_schema)}, 5)
_OPERATION = _message(
    {
        "tags": (1, _texts),
        "summary": (2, _text),
        "description": (3, _text),
        "operationId": (5, _text),
        "produces": (6, _texts),
        "consumes": (7, _texts),
        "parameters": (8, _parameters),
        "responses": (9, _responses),
        "schemes": (10, _texts),
        "deprecated": (11, _number),
    },
    13,
)
_path_item = _message(
    {
        **{method: (number, _OPERATION) for number, method in enumerate(METHODS, 2)},
        "parameters": (9, _parameters),
    },
    10,
)
_DOCUMENT: Message = {
    "swagger": (1, _text),
    "info": (2, _message({"title": (1, _text), "version": (2, _text)})),
    "consumes": (6, _texts),
    "produces": (7, _texts),
    "paths": (8, _paths),
    "definitions": (9, _schemas_by_name),
}

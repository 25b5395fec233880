"""Answers: JSON objects as Go's own types write them, to the byte.

Go writes what is no pointer also when it is empty, fields in the order of their numbers, and maps
by key. The steps that write a struct are put together once and kept.
"""

import base64
import struct as binary
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from towpath.machinery.builtins.facts import Field, below, struct
from towpath.machinery.objects import RawObject
from towpath.machinery.protobuf.frames import MAGIC, reference_of

_VARINT, _DOUBLE, _LENGTH = 0, 1, 2
_UNSIGNED = (1 << 64) - 1
_UNKNOWN_END = b"\x1a\x00\x22\x00"
"""Content encoding and type of the frame's object, which are always empty."""

Encode = Callable[[Any], bytes]
Step = tuple[str, Callable[[Any], bytes], bytes]
"""The JSON name ("" for all of the object), what writes its value, what stands for its absence."""


def encode(obj: RawObject) -> bytes | None:
    """An object in its frame; None for a kind that has no such form."""
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    reference = reference_of(api_version, kind)
    return _framed(api_version, kind, _message(reference)(obj)) if reference else None


def encoder_of(api_version: str, kind: str) -> Encode | None:
    """Writes items of a list of this kind; None for a kind that has no such form."""
    reference = reference_of(api_version, kind)
    return _message(reference) if reference else None


def encode_list(api_version: str, kind: str, metadata: RawObject, items: Iterable[bytes]) -> bytes:
    """A list in its frame; every list of Kubernetes has its metadata in 1 and its items in 2."""
    parts = [delimited(1, _message("meta/v1.ListMeta")(metadata))]
    parts += [delimited(2, item) for item in items]
    return _framed(api_version, kind, b"".join(parts))


def encode_partial_list(api_version: str, metadata: RawObject, items: Iterable[RawObject]) -> bytes:
    """A list of the metadata of objects of any kind."""
    write = _message("meta/v1.PartialObjectMetadata")
    return encode_list(
        api_version, "PartialObjectMetadataList", metadata, [write(item) for item in items]
    )


def watch_frame(change: str, obj: bytes) -> bytes:
    """One event of a watch: a WatchEvent without frame behind its length."""
    event = delimited(1, change.encode()) + delimited(2, delimited(1, obj))
    return len(event).to_bytes(4, "big") + event


def _framed(api_version: str, kind: str, message: bytes) -> bytes:
    named = delimited(1, api_version.encode()) + delimited(2, kind.encode())
    return b"".join((MAGIC, delimited(1, named), delimited(2, message), _UNKNOWN_END))


@cache
def _message(reference: str) -> Encode:
    declared = struct(reference)
    steps = tuple(
        _step(each, declared.package)
        for each in sorted(declared.fields, key=lambda each: each.number)
    )

    def write(obj: RawObject) -> bytes:
        parts = []
        for name, written, absent in steps:
            value = obj.get(name) if name else obj
            parts.append(absent if value is None else written(value))
        return b"".join(parts)

    return write


def _step(each: Field, package: str) -> Step:
    if each.inline:
        inner = _later(below(package, each.type) or "")
        return "", lambda obj: delimited(each.number, inner(obj)), b""
    if each.type.startswith("map:"):
        return each.name, _map(each.number, package, each.type[4:]), b""
    if (package, each.name) == ("meta/v1", "verbs"):
        item = _tagged(1, package, "string")
        return each.name, lambda verbs: delimited(each.number, _all(item, verbs)), b""
    if each.type.startswith("[]"):
        one = _tagged(each.number, package, each.type[2:], each.name)
        return each.name, lambda items: _all(one, items), b""
    write = _tagged(each.number, package, each.type, each.name)
    is_optional = each.pointer or each.type in ("bytes", "Any")
    return each.name, write, b"" if is_optional else write(_zero(each.type))


def _zero(type_name: str) -> Any:
    return _ZEROS.get(type_name, {})


def _map(number: int, package: str, type_name: str) -> Encode:
    if type_name.startswith("[]"):
        # A named list is a message of its own: ExtraValue{items}.
        item = _tagged(1, package, type_name[2:])
        value: Encode = lambda items: delimited(2, _all(item, items))  # noqa: E731
    else:
        value = _tagged(2, package, type_name)

    def write(entries: dict[str, Any]) -> bytes:
        return b"".join(
            [
                delimited(number, delimited(1, key.encode()) + value(_or_zero(inner, type_name)))
                for key, inner in sorted(entries.items())
            ]
        )

    return write


def _all(write: Encode, items: Iterable[Any]) -> bytes:
    return b"".join([write(item) for item in items])


def _or_zero(value: Any, type_name: str) -> Any:
    if value is not None:
        return value
    return [] if type_name.startswith("[]") else _zero(type_name)


def _tagged(number: int, package: str, type_name: str, name: str = "") -> Encode:
    """Writes one value with its number."""
    if (special := _SPECIAL.get((package, name))) is not None:
        return lambda value: delimited(number, special(value))
    wire, scalar = _SCALARS.get(type_name, (_LENGTH, None))
    if wire == _LENGTH:
        content = scalar or _later(below(package, type_name) or "")
        return lambda value: delimited(number, content(value))
    assert scalar is not None
    tag, plain = varint(number << 3 | wire), scalar
    return lambda value: tag + plain(value)


def _later(reference: str) -> Encode:
    """The message of a struct that may be within itself."""

    def write(obj: RawObject) -> bytes:
        return _message(reference)(obj)

    return write


def delimited(number: int, data: bytes) -> bytes:
    size, tag = len(data), number << 3 | _LENGTH
    if size < 0x80 and tag < 0x80:
        return bytes((tag, size)) + data
    return varint(tag) + varint(size) + data


def varint(value: int) -> bytes:
    value &= _UNSIGNED
    if value < 0x80:
        return bytes((value,))
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _moment(text: str) -> bytes:
    """Seconds and nanoseconds since 1970; Go's zero time is an empty message."""
    if not text:
        return b""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.replace(microsecond=0).timestamp())
    return b"\x08" + varint(seconds) + b"\x10" + varint(moment.microsecond * 1000)


def _int_or_string(value: int | str) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + delimited(3, value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _raw(value: Any) -> bytes:
    return delimited(1, orjson.dumps(value))


def _schema(value: Any) -> bytes:
    return _message("apiextensions/v1.JSONSchemaProps")(value)


def _schema_or_list(value: Any) -> bytes:
    if isinstance(value, list):
        return b"".join([delimited(2, _schema(each)) for each in value])
    return delimited(1, _schema(value))


def _schema_or_bool(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x08" + varint(value)
    return b"\x08\x01" + delimited(2, _schema(value))


_SCALARS: dict[str, tuple[int, Encode]] = {
    "string": (_LENGTH, str.encode),
    "bool": (_VARINT, varint),
    "int32": (_VARINT, varint),
    "int64": (_VARINT, varint),
    "uint8": (_VARINT, varint),
    "float64": (_DOUBLE, lambda value: binary.pack("<d", value)),
    "bytes": (_LENGTH, base64.b64decode),
    "Time": (_LENGTH, _moment),
    "MicroTime": (_LENGTH, _moment),
    "Quantity": (_LENGTH, lambda value: delimited(1, str(value).encode())),
    "IntOrString": (_LENGTH, _int_or_string),
    "Any": (_LENGTH, _raw),
}
_ZEROS: dict[str, Any] = {
    **dict.fromkeys(("string", "bytes", "Time", "MicroTime"), ""),
    **dict.fromkeys(("int32", "int64", "uint8", "IntOrString"), 0),
    "bool": False,
    "float64": 0.0,
    "Quantity": "0",
}
_SPECIAL: dict[tuple[str, str], Encode] = {
    ("apiextensions/v1", "items"): _schema_or_list,
    ("apiextensions/v1", "additionalProperties"): _schema_or_bool,
    ("apiextensions/v1", "additionalItems"): _schema_or_bool,
}
"""Fields of a definition's schema that are one of two things."""

"""Request bodies, decoded to JSON objects.

What Go would leave out of JSON is left out here: zero values of fields that are no pointers.
"""

import base64
import struct as binary
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import orjson

from towpath.machinery.builtins.facts import Field, below, struct
from towpath.machinery.errors import BadRequest, UnsupportedMediaType
from towpath.machinery.objects import RawObject
from towpath.machinery.protobuf.frames import MAGIC, reference_of

DEPTH_MAX = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = object()


class _Malformed(ValueError):
    pass


def decode(body: bytes) -> RawObject:
    """The object in a framed body. Raises BadRequest, UnsupportedMediaType."""
    if not body.startswith(MAGIC):
        raise BadRequest(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        api_version, kind, raw = _unwrap(memoryview(body)[len(MAGIC) :])
        reference = _reference(api_version, kind)
        return {"apiVersion": api_version, "kind": kind, **_message(reference, raw, 0)}
    except (_Malformed, UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise BadRequest(f"the protobuf body cannot be decoded: {error}") from None


def _unwrap(data: memoryview) -> tuple[str, str, memoryview]:
    api_version = kind = ""
    raw = data[:0]
    for number, value in _fields(data):
        if number == 1 and isinstance(value, memoryview):
            for inner, text in _fields(value):
                if inner == 1:
                    api_version = _text(text)
                elif inner == 2:
                    kind = _text(text)
        elif number == 2 and isinstance(value, memoryview):
            raw = value
        elif number == 3 and len(_text(value)):
            raise _Malformed(f"content encoding {_text(value)!r} is not supported")
    return api_version, kind, raw


def _reference(api_version: str, kind: str) -> str:
    reference = reference_of(api_version, kind)
    # A CRD's schemas are made of messages that the tables leave out; everybody sends them as JSON.
    if reference is None or reference.startswith("apiextensions/"):
        raise UnsupportedMediaType(
            f'no kind "{kind}" in version "{api_version}" can be read from protobuf; send JSON'
        )
    return reference


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers with varints as int, everything else as bytes."""
    position, end = 0, len(data)
    while position < end:
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == 2:
            length, position = _varint(data, position)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise _Malformed(f"wire type {wire} of field {number}")
        if position + length > end:
            raise _Malformed(f"field {number} ends behind its message")
        yield number, data[position : position + length]
        position += length


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise _Malformed("a number that does not end")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise _Malformed("a number where text belongs")
    return bytes(value).decode()


@cache
def _numbered(reference: str) -> dict[int, tuple[Field, str]]:
    declared = struct(reference)
    return {each.number: (each, declared.package) for each in declared.fields}


def _message(reference: str, data: int | memoryview, depth: int) -> RawObject:
    if isinstance(data, int):
        raise _Malformed(f"a number where a {reference} belongs")
    if depth > DEPTH_MAX:
        raise _Malformed("nested too deeply")
    fields = _numbered(reference)
    result: RawObject = {}
    for number, value in _fields(data):
        if (known := fields.get(number)) is not None:
            _set_field(result, known[0], known[1], value, depth)
    return result


def _set_field(
    result: RawObject, each: Field, package: str, value: int | memoryview, depth: int
) -> None:
    if each.type.startswith("map:"):
        key, item = _entry(package, each.type[4:], value, depth)
        result.setdefault(each.name, {})[key] = item
    elif each.type.startswith("[]"):
        items = result.setdefault(each.name, [])
        items.extend(_items(package, each.type[2:], value, depth))
    elif each.inline:
        result.update(_message(below(package, each.type) or "", value, depth + 1))
    else:
        decoded = _value(package, each.type, value, depth)
        if decoded is _NOTHING:
            return
        if each.pointer or each.required or decoded not in ("", 0, False):
            result[each.name] = decoded


def _entry(package: str, type_name: str, data: int | memoryview, depth: int) -> tuple[str, Any]:
    if isinstance(data, int):
        raise _Malformed("a number where a map entry belongs")
    key, item = "", _NOTHING
    for number, value in _fields(data):
        if number == 1:
            key = _text(value)
        elif number == 2 and type_name.startswith("[]"):
            # A named list is a message of its own: ExtraValue{items}.
            item = [
                inner
                for _, each in _fields(value if isinstance(value, memoryview) else memoryview(b""))
                for inner in _items(package, type_name[2:], each, depth)
            ]
        elif number == 2:
            item = _value(package, type_name, value, depth)
    if item is _NOTHING:
        item = [] if type_name.startswith("[]") else _ZEROS.get(type_name, {})
    return key, item


def _items(package: str, type_name: str, value: int | memoryview, depth: int) -> list[Any]:
    if type_name in _PACKED and isinstance(value, memoryview):
        position, items = 0, []
        while position < len(value):
            number, position = _varint(value, position)
            items.append(_SCALARS[type_name](number))
        return items
    decoded = _value(package, type_name, value, depth)
    return [] if decoded is _NOTHING else [decoded]


def _value(package: str, type_name: str, value: int | memoryview, depth: int) -> Any:
    if (scalar := _SCALARS.get(type_name)) is not None:
        return scalar(value)
    return _message(below(package, type_name) or "", value, depth + 1)


def _signed(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise _Malformed("bytes where a number belongs")
    return value - (1 << 64) if value >= 1 << 63 else value


def _double(value: int | memoryview) -> float:
    if isinstance(value, int) or len(value) != 8:
        raise _Malformed("not a double")
    found: float = binary.unpack("<d", value)[0]
    return found


def _moment(value: int | memoryview) -> tuple[datetime, int] | None:
    """None for Go's zero time, which is written as an empty message."""
    parts = dict(_fields(value)) if isinstance(value, memoryview) else {}
    if not parts:
        return None
    seconds, nanos = _signed(parts.get(1, 0)), _signed(parts.get(2, 0))
    return _EPOCH + timedelta(seconds=seconds), nanos


def _time(value: int | memoryview) -> Any:
    found = _moment(value)
    return _NOTHING if found is None else found[0].strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: int | memoryview) -> Any:
    found = _moment(value)
    if found is None:
        return _NOTHING
    return f"{found[0].strftime('%Y-%m-%dT%H:%M:%S')}.{found[1] // 1000:06d}Z"


def _quantity(value: int | memoryview) -> str:
    parts = dict(_fields(value)) if isinstance(value, memoryview) else {}
    return _text(parts[1]) if 1 in parts else "0"


def _int_or_string(value: int | memoryview) -> int | str:
    parts = dict(_fields(value)) if isinstance(value, memoryview) else {}
    if parts.get(1, 0) == 1:
        return _text(parts[3]) if 3 in parts else ""
    return _signed(parts.get(2, 0))


def _raw_json(value: int | memoryview) -> Any:
    parts = dict(_fields(value)) if isinstance(value, memoryview) else {}
    raw = parts.get(1)
    return orjson.loads(raw) if isinstance(raw, memoryview) and len(raw) else _NOTHING


def _base64(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise _Malformed("a number where bytes belong")
    return base64.b64encode(value).decode()


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "bool": lambda value: bool(_signed(value)),
    "int32": _signed,
    "int64": _signed,
    "uint8": _signed,
    "float64": _double,
    "bytes": _base64,
    "Time": _time,
    "MicroTime": _micro_time,
    "Quantity": _quantity,
    "IntOrString": _int_or_string,
    "Any": _raw_json,
}
_PACKED = frozenset(("bool", "int32", "int64", "uint8"))
_ZEROS: dict[str, Any] = {"string": "", "bytes": "", "bool": False, "int32": 0, "int64": 0}

"""Reading a built-in kind as Go would: wrong types are refused, and everything gets its one form.

A kube-apiserver decodes built-in kinds into Go structs before it looks at anything; what does not
fit is a 400 in the words of Go's JSON decoder, and those words are kept here. What it encodes
again is not what came: null and empty fields are gone, structs are there though they are empty,
quantities are written in one way. Null in a list or a map is the zero value.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from towpath.machinery.builtins.facts import SCALARS, Field, below, struct
from towpath.machinery.causes import quote, show
from towpath.machinery.formats import FORMATS
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import FORMAT_WORDS, canonical

Read = Callable[[Any, str, str], Any]
"""value, its path, the Go struct it stands in; the value to keep. Raises DecodeError."""

_LIMITS = {"int32": 31, "int64": 63, "uint8": 8}
_INT64_MAX = (1 << 63) - 1
_GO_TYPES = {"IntOrString": "intstr.IntOrString", "bytes": "[]uint8", "Time": "v1.Time"}


class DecodeError(ValueError):
    """What Go would have said."""


def decode_object(reference: str, obj: RawObject) -> None:
    """Give an object the form of its type, in place. Raises DecodeError."""
    reader = _struct_reader(reference)
    reader(obj, "", reference.rpartition(".")[2])


def wrap_integers(reference: str, obj: RawObject) -> None:
    """Cut integers to the width of their fields, in place.

    What is applied reaches a kube-apiserver's structs by reflection and not by the JSON decoder,
    and there an integer that is too large loses its upper bits.
    """
    declared = struct(reference)
    for each in declared.fields:
        inner = below(declared.package, each.type)
        if each.inline and inner:
            wrap_integers(inner, obj)
        held = obj.get(each.name)
        if each.type in _LIMITS and type(held) is int and abs(held) <= _INT64_MAX:
            obj[each.name] = _wrapped(held, 1 << _LIMITS[each.type])
        elif inner is not None and held:
            for one in _objects(held, each.type):
                wrap_integers(inner, one)


def _wrapped(value: int, limit: int) -> int:
    return (value + limit) % (2 * limit) - limit


def _objects(held: Any, type_name: str) -> list[RawObject]:
    if type_name.startswith("[]"):
        inside = held if isinstance(held, list) else []
    elif type_name.startswith("map:"):
        inside = list(held.values()) if isinstance(held, dict) else []
    else:
        inside = [held]
    return [one for one in inside if isinstance(one, dict)]


@dataclass(slots=True)
class _Struct:
    """How the fields of one type are read, and which of them go or come when they are empty."""

    read: dict[str, Read] = field(default_factory=dict)
    omitted: set[str] = field(default_factory=set)
    collections: set[str] = field(default_factory=set)
    written: list[tuple[str, Callable[[], Any]]] = field(default_factory=list)

    def add(self, package: str, each: Field) -> None:
        if each.inline:
            inner = struct(below(package, each.type) or "")
            for nested in inner.fields:
                self.add(inner.package, nested)
            return
        self.read[each.name] = _reader(package, each.type)
        if each.type.startswith(("[]", "map:")):
            self.collections.add(each.name)
        if each.written:
            zero = _nothing if each.pointer else _zero(package, each.type)
            self.written.append((each.name, zero))
        elif not each.pointer:
            self.omitted.add(each.name)


@cache
def _struct_reader(reference: str) -> Read:
    """One reader per type; filled before its first use, since types may contain themselves."""
    declared = struct(reference)
    package = declared.package.rpartition("/")[2]
    how = _Struct()

    def read(value: Any, path: str, owner: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, path, owner, f"{package}.{declared.name}")
        if not how.read:
            for each in declared.fields:
                how.add(declared.package, each)
        gone: list[str] | None = None
        for name, inner in value.items():
            reader = how.read.get(name)
            if reader is None:
                continue
            if inner is not None:
                kept = reader(inner, f"{path}.{name}" if path else name, declared.name)
                if kept is not inner:
                    value[name] = kept
                if kept or name not in how.omitted:
                    if not kept and name in how.collections:
                        # What is written though it is empty is written as null.
                        value[name] = None
                    continue
            if gone is None:
                gone = []
            gone.append(name)
        for name in gone or ():
            del value[name]
        for name, zero in how.written:
            if name not in value:
                value[name] = zero()
        return value

    return read


def _zero(package: str, type_name: str) -> Callable[[], Any]:
    """Makes what Go writes for a value of the type that nobody has set."""
    if type_name in _ZEROS:
        return lambda: _ZEROS[type_name]
    reference = below(package, type_name)
    if reference is None or type_name.startswith(("[]", "map:")):
        return _nothing
    return lambda: _struct_reader(reference)({}, "", "")


def _nothing() -> None:
    return None


_ZEROS: dict[str, Any] = {
    "string": "",
    "bool": False,
    "int32": 0,
    "int64": 0,
    "uint8": 0,
    "float64": 0,
    "Quantity": "0",
    "IntOrString": 0,
}


def _reader(package: str, type_name: str) -> Read:
    if type_name.startswith("[]"):
        inner = type_name[2:]
        return _list_reader(
            _reader(package, inner), _go_type(package, type_name), _zero(package, inner)
        )
    if type_name.startswith("map:"):
        inner = type_name[4:]
        zero = _zero(package, inner) if inner != "bytes" else str
        return _map_reader(_reader(package, inner), _go_type(package, type_name), zero)
    if type_name not in SCALARS:
        return _struct_reader(below(package, type_name) or "")
    return _SCALAR_READERS[type_name]


def _go_type(package: str, type_name: str) -> str:
    if type_name.startswith("[]"):
        return "[]" + _go_type(package, type_name[2:])
    if type_name.startswith("map:"):
        return "map[string]" + _go_type(package, type_name[4:])
    if type_name in SCALARS:
        return _GO_TYPES.get(type_name, type_name)
    reference = below(package, type_name) or ""
    home, _, name = reference.rpartition(".")
    return f"{home.rpartition('/')[2]}.{name}"


def _mismatch(value: Any, path: str, owner: str, go_type: str) -> DecodeError:
    return DecodeError(
        f"json: cannot unmarshal {go_kind(value)} into Go struct field {owner}.{path} "
        f"of type {go_type}"
    )


def go_kind(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "number"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _list_reader(each: Read, go_type: str, zero: Callable[[], Any]) -> Read:
    def read(value: Any, path: str, owner: str) -> Any:
        if not isinstance(value, list):
            raise _mismatch(value, path, owner, go_type)
        for position, item in enumerate(value):
            kept = zero() if item is None else each(item, path, owner)
            if kept is not item:
                value[position] = kept
        return value

    return read


def _map_reader(each: Read, go_type: str, zero: Callable[[], Any]) -> Read:
    def read(value: Any, path: str, owner: str) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, path, owner, go_type)
        for name, item in value.items():
            kept = zero() if item is None else each(item, path, owner)
            if kept is not item:
                value[name] = kept
        return value

    return read


def _read_string(value: Any, path: str, owner: str) -> Any:
    if not isinstance(value, str):
        raise _mismatch(value, path, owner, "string")
    return value


def _read_bool(value: Any, path: str, owner: str) -> Any:
    if not isinstance(value, bool):
        raise _mismatch(value, path, owner, "bool")
    return value


def _integer_reader(go_type: str) -> Read:
    limit = 1 << _LIMITS[go_type]

    def read(value: Any, path: str, owner: str) -> Any:
        if isinstance(value, float):
            raise DecodeError(
                f"json: cannot unmarshal number {show(value)} into Go struct field "
                f"{owner}.{path} of type {go_type}"
            )
        if isinstance(value, bool) or not isinstance(value, int):
            raise _mismatch(value, path, owner, go_type)
        if not -limit <= value < limit:
            raise DecodeError(
                f"json: cannot unmarshal number {value} into Go struct field {owner}.{path} "
                f"of type {go_type}"
            )
        return value

    return read


def _read_float(value: Any, path: str, owner: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _mismatch(value, path, owner, "float64")
    return value


def _base64_mistake(text: str) -> int:
    """Where Go's decoder stops: at the wrong character, or at the group that has no end."""
    taken = 0
    for at, char in enumerate(text.encode()):
        if char in b"\r\n":
            continue
        if char == ord("="):
            rest = [*(each for each in text[at:] if each not in "\r\n")]
            if taken % 4 < 2:
                return at
            wanted = 4 - taken % 4
            if len(rest) < wanted:
                return len(text.encode())
            return at if set(rest[:wanted]) != {"="} else at + wanted
        if not chr(char).isascii() or not (chr(char).isalnum() or char in b"+/"):
            return at
        taken += 1
    return len(text.encode()) - taken % 4


def _read_bytes(value: Any, path: str, owner: str) -> Any:
    if isinstance(value, list) and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return base64.b64encode(bytes(value)).decode()
    if not isinstance(value, str):
        raise _mismatch(value, path, owner, "[]uint8")
    if value and not FORMATS["byte"](value.replace("\n", "").replace("\r", "")):
        raise DecodeError(f"illegal base64 data at input byte {_base64_mistake(value)}")
    return value


def _read_time(value: Any, path: str, owner: str) -> Any:
    if not isinstance(value, str):
        raise _mismatch(value, path, owner, "string")
    if value and not FORMATS["date-time"](value):
        shown = quote(value)
        raise DecodeError(
            f'parsing time {shown} as "2006-01-02T15:04:05Z07:00": cannot parse {shown} as "2006"'
        )
    return value


_MICRO = re.compile(r"T\d\d:\d\d:\d\d\.\d{6}(Z|[+-])")


def _read_micro_time(value: Any, path: str, owner: str) -> Any:
    """Kubernetes takes these with six decimals and no others."""
    read = _read_time(value, path, owner)
    if read and not _MICRO.search(read):
        raise DecodeError(
            f'parsing time {quote(read)} as "2006-01-02T15:04:05.000000Z07:00": '
            f'cannot parse {quote(read[19:])} as ".000000"'
        )
    return read


def _read_quantity(value: Any, _path: str, _owner: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise DecodeError(FORMAT_WORDS)
    text = value if isinstance(value, str) else show(value)
    try:
        written = canonical(text)
    except ValueError as error:
        raise DecodeError(str(error)) from None
    return value if written == value else written


def _read_int_or_string(value: Any, path: str, owner: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _mismatch(value, path, owner, "intstr.IntOrString")
    return value


def _read_any(value: Any, path: str, owner: str) -> Any:
    return value


_SCALAR_READERS: dict[str, Read] = {
    "string": _read_string,
    "bool": _read_bool,
    "int32": _integer_reader("int32"),
    "int64": _integer_reader("int64"),
    "uint8": _integer_reader("uint8"),
    "float64": _read_float,
    "bytes": _read_bytes,
    "Time": _read_time,
    "MicroTime": _read_micro_time,
    "Quantity": _read_quantity,
    "IntOrString": _read_int_or_string,
    "Any": _read_any,
}

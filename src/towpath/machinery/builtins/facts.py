"""The fields of Kubernetes' own types, read from the tables beside this file.

The tables are generated facts (`tools/builtin_tables.py` says how, and explains the line format).
They are parsed per package when first needed.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SCALARS = frozenset(
    {"string", "bool", "int32", "int64", "uint8", "float64", "bytes"}
    | {"Time", "MicroTime", "Quantity", "IntOrString", "Any"}
)
TABLES = Path(__file__).with_name("tables")
_NO_DEFAULT = object()


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    number: int
    type: str
    """`int32`, `Container`, `meta/v1.ObjectMeta`, `[]X`, `map:X`; bare: this package."""
    required: bool = False
    pointer: bool = False
    written: bool = False
    """Also when it is empty."""
    inline: bool = False
    atomic: bool = False
    list_type: str = ""
    keys: tuple[str, ...] = ()
    merges: bool = False
    merge_key: str = ""
    retain_keys: bool = False
    default: Any = _NO_DEFAULT
    published: str = ""
    """The name of its definition, where it is an Any with one of its own."""
    enum: tuple[str, ...] = ()
    """All values that a text, or a text of a list, can have."""

    @property
    def has_default(self) -> bool:
        return self.default is not _NO_DEFAULT


@dataclass(frozen=True, slots=True)
class Struct:
    package: str
    name: str
    fields: tuple[Field, ...]
    atomic: bool = False

    @property
    def reference(self) -> str:
        return f"{self.package}.{self.name}"


def struct(reference: str) -> Struct:
    """`core/v1.Pod`. Raises KeyError."""
    package, _, name = reference.rpartition(".")
    return _package(package)[name]


def below(package: str, type_name: str) -> str | None:
    """The struct that a field type leads to, lists and maps taken away; None for scalars."""
    bare = type_name.replace("[]", "").removeprefix("map:").replace("[]", "")
    if bare in SCALARS:
        return None
    return bare if "." in bare else f"{package}.{bare}"


@cache
def _package(package: str) -> dict[str, Struct]:
    text = (TABLES / f"{package.replace('/', '_')}.txt").read_text("utf-8")
    structs: dict[str, Struct] = {}
    name, atomic, fields = "", False, []
    for line in text.splitlines()[1:]:
        if line.startswith(" "):
            fields.append(_field(line))
            continue
        if name:
            structs[name] = Struct(package, name, tuple(fields), atomic)
        name, _, mark = line.partition(" ")
        atomic, fields = mark == "atomic", []
    structs[name] = Struct(package, name, tuple(fields), atomic)
    return structs


def _field(line: str) -> Field:
    line, _, values = line.partition(" enum=")
    name, number, type_name, *flags = line.split()
    found: dict[str, Any] = {"enum": tuple(json.loads(values))} if values else {}
    for flag in flags:
        head, _, value = flag.partition("=")
        match head:
            case "!":
                found["required"] = True
            case "*":
                found["pointer"] = True
            case "+":
                found["written"] = True
            case "inline" | "atomic":
                found[head] = True
            case "list":
                found["list_type"], _, keys = value.partition(":")
                found["keys"] = tuple(keys.split(",")) if keys else ()
            case "merge":
                found["merges"], found["merge_key"] = True, value
            case "as":
                found["published"] = value
            case "retainKeys":
                found["retain_keys"] = True
            case "":
                found["default"] = json.loads(value)
            case _:
                raise ValueError(f"{line!r}: unknown flag {flag!r}")
    return Field(name, int(number), type_name, **found)

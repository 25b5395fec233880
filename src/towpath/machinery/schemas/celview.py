"""How CEL sees a value: typed by its schema where JSON alone cannot say.

Numbers of `type: number` are doubles, `byte` is bytes, `date-time` and `date` are moments,
`duration` a duration; lists know whether they are sets or maps. Names that CEL cannot spell are
reachable in their escaped form (`x__dash__y`, `__namespace__`).
"""

import base64
import re
from collections.abc import Callable
from typing import Any

from towpath.machinery.cel.conversions import parse_duration, parse_timestamp
from towpath.machinery.cel.errors import CelError
from towpath.machinery.cel.values import MapList, SetList
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.once import Memory, once

View = Callable[[Any], Any]

RESERVED = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"}
    | {"if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SPELLABLE = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*")
_ESCAPED = re.compile(r"__|[-./]")


def escape(name: str) -> str | None:
    """Kubernetes' spelling of a property name in CEL; None for a name that has none."""
    if name in RESERVED:
        return f"__{name}__"
    if _SPELLABLE.fullmatch(name) is None:
        return None
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], name)


def compile_view(schema: RawObject) -> View | None:
    """None when values go to CEL as they are, which is the common case."""
    return _compile(schema, {})


@once
def _compile(schema: RawObject, memory: Memory) -> View | None:
    if schema.get("x-kubernetes-int-or-string"):
        return None
    if (scalar := _SCALARS.get((schema.get("type"), schema.get("format")))) is not None:
        return scalar
    if schema.get("type") == "number":
        return _number
    if isinstance(items := schema.get("items"), dict):
        return _list_view(schema, _compile(items, memory))
    if isinstance(extra := schema.get("additionalProperties"), dict):
        each = _compile(extra, memory)
        return None if each is None else _values_view(each)
    fields = {
        name: (escape(name) or name, _compile(below, memory))
        for name, below in schema.get("properties", {}).items()
    }
    special = {
        name: (escaped, view)
        for name, (escaped, view) in fields.items()
        if view is not None or escaped != name
    }
    return _object_view(special) if special else None


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _bytes(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return value


def _parsed(parse: Callable[[str], Any], suffix: str = "") -> View:
    """What cannot be parsed stays text: validation says that it is wrong."""

    def view(value: Any) -> Any:
        try:
            return parse(value + suffix)
        except (ValueError, TypeError, CelError):
            return value

    return view


_SCALARS: dict[tuple[Any, Any], View] = {
    ("string", "byte"): _bytes,
    ("string", "date-time"): _parsed(parse_timestamp),
    ("string", "datetime"): _parsed(parse_timestamp),
    ("string", "date"): _parsed(parse_timestamp, "T00:00:00Z"),
    ("string", "duration"): _parsed(parse_duration),
}


def _list_view(schema: RawObject, each: View | None) -> View | None:
    list_type = schema.get("x-kubernetes-list-type")
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())

    def view(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        items = value if each is None else [each(item) for item in value]
        if list_type == "set":
            return SetList(items)
        return MapList(items, keys) if list_type == "map" else items

    return None if each is None and list_type not in ("set", "map") else view


def _values_view(each: View) -> View:
    def view(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each(below) for name, below in value.items()}

    return view


def _object_view(special: dict[str, tuple[str, View | None]]) -> View:
    def view(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        seen = dict(value)
        for name, (escaped, below) in special.items():
            if name in value:
                inner = value[name]
                shown = below(inner) if below is not None and inner is not None else inner
                seen[name] = shown
                seen[escaped] = shown
        return seen

    return view

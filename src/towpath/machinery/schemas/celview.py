"""How CEL sees a value: typed by its schema where JSON alone cannot say.

Numbers of `type: number` are doubles, `byte` is bytes; names that CEL cannot spell are reachable in
their escaped form (`x__dash__y`, `__namespace__`). Unlike in Kubernetes, a `date-time`, `date` or
`duration` stays text, for the CEL library takes no moment from outside: `timestamp(self.at)` makes
one, and texts of one zone compare as the moments do.
"""

import base64
from collections.abc import Callable
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.once import Memory, once

View = Callable[[Any], Any]

RESERVED = frozenset(
    {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"}
    | {"if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))


def escape(name: str) -> str:
    """Kubernetes' spelling of a property name in CEL."""
    if name in RESERVED:
        return f"__{name}__"
    for plain, escaped in _ESCAPES:
        name = name.replace(plain, escaped)
    return name


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
        each = _compile(items, memory)
        return None if each is None else _list_view(each)
    if isinstance(extra := schema.get("additionalProperties"), dict):
        each = _compile(extra, memory)
        return None if each is None else _values_view(each)
    fields = {
        name: (escape(name), _compile(below, memory))
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


_SCALARS: dict[tuple[Any, Any], View] = {
    ("string", "byte"): _bytes,
}


def _list_view(each: View) -> View:
    def view(value: Any) -> Any:
        return [each(item) for item in value] if isinstance(value, list) else value

    return view


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

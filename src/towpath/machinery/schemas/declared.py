"""What a structural schema declares to CEL: types, and how large each value may be.

Sizes bound what rules may cost. Where a schema names no bound, a value is as large as a request
can carry: its limit divided by the smallest form of an item. Source:
k8s.io/apiserver/pkg/cel/common/schemas.go.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from towpath.machinery.cel import types
from towpath.machinery.cel.types import Type
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.celview import RESERVED, escape

REQUEST_BYTES_MAX = 3 * 1024 * 1024
_TEXT: RawObject = {"type": "string"}
_METADATA: RawObject = {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}}


class Declared(Struct, frozen=True):
    type: Type
    smallest: int
    """Bytes of the smallest JSON that it can be."""
    longest: int = 0
    """Items, entries or characters; 0 for what has no length."""
    item: "Declared | None" = None
    """Of a list; of the values of a map."""
    fields: Mapping[str, "Declared"] = field(default_factory=dict)
    """By their names in CEL."""

    def size_at(self, path: tuple[str, ...]) -> int | None:
        """The longest that the value at a path of an expression may be; the first step is self."""
        at = self
        for step in path[1:]:
            if step in ("@items", "@values"):
                below = at.item
            elif step == "@keys":
                # The key of a map has no bound there, which counts as none at all.
                below = _KEY if at.type.kind == "map" else None
            else:
                below = at.fields.get(step)
            if below is None:
                return None
            at = below
        return at.longest

    @property
    def cardinality(self) -> int:
        """How often it can occur in one request, at most."""
        return REQUEST_BYTES_MAX // (self.smallest + 1)


_KEY = Declared(types.STRING, 2)
_BOOL, _INT, _DOUBLE = (
    Declared(types.BOOL, 4),
    Declared(types.INT, 1),
    Declared(types.DOUBLE, 1),
)


def declare(schema: RawObject, *, is_resource: bool, name: str = "selfType") -> Declared | None:
    """None for what CEL cannot see: fields that are not described."""
    if schema.get("x-kubernetes-int-or-string"):
        length = schema.get("maxLength")
        longest = REQUEST_BYTES_MAX - 2 if length is None else max(length, 0) * 4
        return Declared(types.DYN, 1, longest)
    match schema.get("type"):
        case "array":
            return _array(schema, name)
        case "object":
            return _object(schema, name, is_resource=is_resource)
        case "string":
            return _string(schema)
        case "boolean":
            return _BOOL
        case "number":
            return _DOUBLE
        case "integer":
            return _INT
    return None


def _below(schema: RawObject, name: str) -> Declared | None:
    return declare(
        schema, is_resource=bool(schema.get("x-kubernetes-embedded-resource")), name=name
    )


def _array(schema: RawObject, name: str) -> Declared | None:
    items = schema.get("items")
    item = _below(items, f"{name}.@idx") if isinstance(items, dict) else None
    if item is None:
        return None
    longest = (REQUEST_BYTES_MAX - 2) // (item.smallest + 1)
    if (count := schema.get("maxItems")) is not None:
        longest = max(count, 0)
    return Declared(types.list_of(item.type), 2, longest, item)


def _object(schema: RawObject, name: str, *, is_resource: bool) -> Declared | None:
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict) and not is_resource:
        item = _below(extra, f"{name}.@elem")
        if item is None:
            return None
        longest = (REQUEST_BYTES_MAX - 2) // (item.smallest + 6)
        if (count := schema.get("maxProperties")) is not None:
            longest = max(count, 0)
        return Declared(types.map_of(types.STRING, item.type), 2, longest, item)
    properties = dict(schema.get("properties") or {})
    if is_resource:
        properties |= {"kind": _TEXT, "apiVersion": _TEXT, "metadata": _METADATA}
    required = frozenset(schema.get("required") or ())
    fields: dict[str, Declared] = {}
    smallest = 2
    for property_name, below in properties.items():
        escaped = escape(property_name)
        declared = _below(below, f"{name}.{escaped or property_name}")
        if declared is None:
            continue
        if escaped is not None:
            fields[escaped] = declared
        if property_name in required and below.get("default") is None:
            smallest += len(property_name) + declared.smallest + 4
    return Declared(types.struct(name), smallest, 0, None, fields)


_MOMENTS = {
    "duration": (types.DURATION, 3, 32),
    "date": (types.TIMESTAMP, 12, 12),
    "date-time": (types.TIMESTAMP, 21, 32),
}


def _string(schema: RawObject) -> Declared:
    form, length = schema.get("format"), schema.get("maxLength")
    if form in _MOMENTS:
        return Declared(*_MOMENTS[form])
    longest = REQUEST_BYTES_MAX - 2
    if form == "byte":
        return Declared(types.BYTES, 2, longest if length is None else max(length, 0))
    if length is not None:
        longest = max(length, 0) * 4
    elif enum := schema.get("enum"):
        longest = max((len(value.encode()) for value in enum if isinstance(value, str)), default=0)
    return Declared(types.STRING, 2, longest)


def struct_fields(declared: Declared) -> dict[str, Callable[[str], Type | None]]:
    """The fields of every struct type in it, for a checker."""
    found: dict[str, Callable[[str], Type | None]] = {}
    pending = [declared]
    while pending:
        one = pending.pop()
        if one.type.kind == "struct":
            found[one.type.name] = _fields_of(one)
        pending.extend(one.fields.values())
        if one.item is not None:
            pending.append(one.item)
    return found


def _fields_of(declared: Declared) -> Callable[[str], Type | None]:
    fields = declared.fields

    def field_type(name: str) -> Type | None:
        found = fields.get(name)
        if found is None and name in RESERVED:
            found = fields.get(f"__{name}__")
        return None if found is None else found.type

    return field_type

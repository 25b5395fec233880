"""OpenAPI schemas of the built-in kinds: inlined for the server's own use, with $refs to publish.

Inlined schemas share the dictionary of each type, so that compilers which remember by identity
compile each type once.
"""

from collections.abc import Callable
from functools import cache

from towpath.machinery.builtins.facts import SCALARS, Field, Struct, below, struct
from towpath.machinery.builtins.registry import BUILTINS, BuiltinKind, find
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.topology import EMPTY_KEYS

_META = "meta/v1"
_Of = Callable[[str], RawObject]
_TYPES: dict[str, RawObject] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "uint8": {"type": "integer", "format": "int32"},
    "float64": {"type": "number", "format": "double"},
    "bytes": {"type": "string", "format": "byte"},
}
_SPECIAL: dict[str, tuple[str, RawObject]] = {
    "Time": (
        "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
        {"type": "string", "format": "date-time"},
    ),
    "MicroTime": (
        "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
        {"type": "string", "format": "date-time"},
    ),
    "Quantity": (
        "io.k8s.apimachinery.pkg.api.resource.Quantity",
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "number"}, {"type": "string"}]},
    ),
    "IntOrString": (
        "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
        {"x-kubernetes-int-or-string": True, "format": "int-or-string"},
    ),
}
_ANY: RawObject = {"x-kubernetes-preserve-unknown-fields": True, "x-kubernetes-map-type": "atomic"}
_NAMES: RawObject = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"
# Schemas of schemas have no end; inside a CRD they are taken as they come.
_RECURSIVE = frozenset(("apiextensions/v1.JSONSchemaProps",))


def definition_name(reference: str) -> str:
    """`core/v1.Pod` as OpenAPI names it: `io.k8s.api.core.v1.Pod`."""
    package, _, name = reference.rpartition(".")
    path = package.replace("/", ".")
    if package == _META:
        return f"io.k8s.apimachinery.pkg.apis.{path}.{name}"
    if package == "apiextensions/v1":
        return f"io.k8s.apiextensions-apiserver.pkg.apis.{path}.{name}"
    return f"io.k8s.api.{path}.{name}"


@cache
def _whole_objects() -> dict[str, BuiltinKind]:
    return {kind.struct: kind for kind in BUILTINS}


@cache
def inlined(reference: str) -> RawObject:
    """The whole schema of a type; never change it, its parts are shared."""
    if reference in _RECURSIVE:
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    declared = struct(reference)
    result = _object_schema(declared, inlined, _inlined_special)
    if reference in _whole_objects():
        result["properties"] = {**_NAMES, **result["properties"]}
    return result


def _inlined_special(name: str) -> RawObject:
    return _ANY if name == "Any" else _SPECIAL[name][1]


def _empty_keys(package: str, each: Field) -> list[str]:
    """Of a list's keys those that are empty when an item does not say them."""
    fields = {one.name: one for one in struct(below(package, each.type[2:]) or "").fields}
    return [key for key in each.keys if key in fields and fields[key].default == ""]


def _object_schema(declared: Struct, of_struct: _Of, of_special: _Of) -> RawObject:
    properties: RawObject = {}
    required = []
    for each in declared.fields:
        if each.inline:
            inner = _object_schema(
                struct(below(declared.package, each.type) or ""), of_struct, of_special
            )
            properties.update(inner.get("properties", {}))
            required += inner.get("required", [])
            continue
        properties[each.name] = _field_schema(declared.package, each, of_struct, of_special)
        if each.required:
            required.append(each.name)
    result: RawObject = {"type": "object", "properties": properties}
    if required:
        result["required"] = required
    if declared.atomic:
        result["x-kubernetes-map-type"] = "atomic"
    return result


def _field_schema(package: str, each: Field, of_struct: _Of, of_special: _Of) -> RawObject:
    name = each.type
    if each.published and of_special is not _inlined_special:
        name = name.replace("Any", each.published)
    schema = _type_schema(package, name, of_struct, of_special)
    extra: RawObject = {}
    # An empty default is what Go's decoder makes of absence, and is only written by a pointer.
    if each.has_default and (each.default or (each.pointer and each.default != "")):
        extra["default"] = each.default
    if each.list_type:
        extra["x-kubernetes-list-type"] = each.list_type
    if each.keys:
        extra["x-kubernetes-list-map-keys"] = list(each.keys)
        empty = _empty_keys(package, each)
        if empty and of_special is _inlined_special:
            extra[EMPTY_KEYS] = empty
    if each.atomic:
        extra["x-kubernetes-map-type"] = "atomic"
    strategies = ["merge"] * each.merges + ["retainKeys"] * each.retain_keys
    if strategies:
        extra["x-kubernetes-patch-strategy"] = ",".join(strategies)
    if each.merge_key:
        extra["x-kubernetes-patch-merge-key"] = each.merge_key
    if each.enum and of_special is not _inlined_special:
        # Published only: what a kind refuses, it refuses in its own words.
        if each.type.startswith("[]"):
            schema = {**schema, "items": {**schema["items"], "enum": list(each.enum)}}
        else:
            extra["enum"] = list(each.enum)
    if not extra:
        return schema
    if "$ref" in schema:
        return {"allOf": [schema], **extra}
    return {**schema, **extra}


def _type_schema(package: str, name: str, of_struct: _Of, of_special: _Of) -> RawObject:
    if name.startswith("[]"):
        return {"type": "array", "items": _type_schema(package, name[2:], of_struct, of_special)}
    if name.startswith("map:"):
        values = _type_schema(package, name[4:], of_struct, of_special)
        if of_special is _inlined_special:
            # Go reads a null in a map as the zero value, so that it may not be dropped before.
            values = {**values, "nullable": True}
        return {"type": "object", "additionalProperties": values}
    if name in _TYPES:
        return _TYPES[name]
    if name in SCALARS:
        return of_special(name)
    return of_struct(name if "." in name else f"{package}.{name}")


def _reference(reference: str) -> RawObject:
    return {"$ref": f"#/components/schemas/{definition_name(reference)}"}


def _special_reference(name: str) -> RawObject:
    published = _EXTENSION if name == "Any" else _SPECIAL[name][0]
    return {"$ref": f"#/components/schemas/{published}"}


def _definitions(references: list[str]) -> dict[str, RawObject]:
    """Published schemas of these types and of all that they refer to."""
    result: dict[str, RawObject] = {}
    waiting = list(references)
    while waiting:
        reference = waiting.pop()
        name = definition_name(reference)
        if name in result:
            continue
        declared = struct(reference)
        result[name] = _object_schema(declared, _reference, _special_reference)
        if (kind := _whole_objects().get(reference)) is not None:
            _complete(result[name], kind)
        for each in declared.fields:
            if each.published:
                any_name = definition_name(f"{declared.package}.{each.published}")
                result[any_name] = {"type": "object"} if each.published == "FieldsV1" else {}
            elif (target := below(declared.package, each.type)) is not None:
                waiting.append(target)
    result |= {**dict(_SPECIAL.values()), _EXTENSION: {"type": "object"}}
    return result


def openapi_schemas(group: str, version: str) -> dict[str, RawObject]:
    """`components.schemas` of one group-version's OpenAPI v3 document."""
    kinds = [
        kind
        for kind in BUILTINS
        if kind.resource.group == group and kind.resource.version == version
    ]
    result = _definitions([kind.struct for kind in kinds])
    result.update(meta_schemas())
    for kind in kinds:
        if kind.is_stored:
            result[f"{definition_name(kind.struct)}List"] = _list_of(kind)
    return dict(sorted(result.items()))


def _complete(schema: RawObject, kind: BuiltinKind) -> None:
    """apiVersion and kind, and the mark that clients find the kind by."""
    schema["properties"] = {**_NAMES, **schema["properties"]}
    schema["x-kubernetes-group-version-kind"] = [_mark(kind.resource)]


def _list_of(kind: BuiltinKind) -> RawObject:
    mark = _mark(kind.resource)
    return {
        "type": "object",
        "required": ["items"],
        "properties": {
            **_NAMES,
            "metadata": _reference(f"{_META}.ListMeta"),
            "items": {"type": "array", "items": _reference(kind.struct)},
        },
        "x-kubernetes-group-version-kind": [{**mark, "kind": f"{mark['kind']}List"}],
    }


def _mark(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


@cache
def meta_schemas() -> dict[str, RawObject]:
    """The definitions of meta/v1 that documents of custom resources refer to."""
    names = ("ObjectMeta", "ListMeta", "Status", "DeleteOptions")
    return _definitions([f"{_META}.{name}" for name in names])


@cache
def scale_schemas() -> dict[str, RawObject]:
    """The definition of what scale subresources speak."""
    return _definitions(["autoscaling/v1.Scale"])


def definition_of(resource: Resource) -> str:
    """The name of the definition of a built-in kind."""
    kind = find(resource.group, resource.version, resource.kind)
    assert kind is not None
    return definition_name(kind.struct)

"""Which schemas a CustomResourceDefinition may have.

Two halves, as in apiextensions-apiserver: a schema must be structural (every field typed, value
validations apart from structure), and each extension must make sense where it stands. CEL rules
must compile.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.default_checks import default_errors, forbidden_defaults
from towpath.machinery.schemas.patterns import pattern_error

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = (
    *("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"),
)
_JUNCTORS = ("allOf", "anyOf", "oneOf")
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_ROOT_WORDS = (
    "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength "
    "MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties "
    "ExternalDocs Example XPreserveUnknownFields XValidations]"
)
_ROOT_WITH_STATUS = frozenset(
    {
        *("description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum"),
        *("exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"),
        *("uniqueItems", "multipleOf", "required", "items", "properties", "externalDocs"),
        *("example", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
    }
)
_SCALARS = ("string", "integer", "number", "boolean")
_INT_MARK = "x-kubernetes-int-or-string"
_KEEP_MARK = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED_MARK = "x-kubernetes-embedded-resource"
_RULES = "x-kubernetes-validations"
_LIST_TYPE = "x-kubernetes-list-type"
_LIST_KEYS = "x-kubernetes-list-map-keys"
_MAP_TYPE = "x-kubernetes-map-type"


def structural_errors(
    openapi: RawObject,
    path: str = "spec.validation.openAPIV3Schema",
    *,
    costs: bool = True,
    has_status: bool = False,
) -> list[Cause]:
    """Everything that keeps a schema from being used; its rules are looked at when it is right."""
    if not isinstance(openapi, dict):
        return [required(path, "schemas are required")]
    causes = [*_root(openapi, path, has_status=has_status)]
    places = [*_places(openapi, path, "root")]
    structure = [cause for place in places for cause in _structure(*place)]
    causes += sorted(structure, key=lambda cause: (cause.field, cause.message))
    if not causes:
        causes += default_errors(openapi, path)
    causes += forbidden_defaults(openapi, path)
    causes += [cause for place in places for cause in _dialect(*place)]
    if not has_rules(openapi):
        return causes
    # With the first rule: it brings the compiler of CEL.
    from towpath.machinery.schemas.rule_checks import rule_errors

    return causes + rule_errors(openapi, path, causes, costs=costs)


def has_rules(schema: RawObject) -> bool:
    """Whether there may be a CEL rule at or below."""
    return f'"{_RULES}":'.encode() in orjson.dumps(schema)


def _root(schema: RawObject, path: str, *, has_status: bool) -> Iterator[Cause]:
    """What a schema may say at its root when the status is apart: it is checked without it."""
    wrong = sorted(set(schema) - _ROOT_WITH_STATUS)
    if not has_status or not any(schema[name] for name in wrong):
        return
    words = (
        f"only {_ROOT_WORDS} fields are allowed at the root of the schema if the status "
        "subresource is enabled"
    )
    yield invalid_value(path, {name: schema[name] for name in wrong}, words)


def _places(schema: RawObject, path: str, level: str) -> Iterator[tuple[RawObject, str, str]]:
    """Every part of the schema that has a structure of its own."""
    yield schema, path, level
    if isinstance(items := schema.get("items"), dict):
        yield from _places(items, f"{path}.items", "item")
    for name, below in (schema.get("properties") or {}).items():
        if isinstance(below, dict) and not (level == "root" and name == "metadata"):
            yield from _places(below, f"{path}.properties[{name}]", "field")
    if isinstance(extra := schema.get("additionalProperties"), dict):
        yield from _places(extra, f"{path}.additionalProperties", "field")


def _structure(schema: RawObject, path: str, level: str) -> Iterator[Cause]:
    """What keeps it from being structural."""
    if schema.get("type") == "array" and schema.get("items") in (None, []):
        yield required(f"{path}.items", "must be specified")
    if level == "root" and schema.get("additionalProperties") is not None:
        yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
    yield from _check_type(schema, path, level)
    yield from _check_resource(schema, path, level)
    yield from _check_int_or_string(schema, path)
    yield from _check_pattern(schema, path)
    yield from _check_values(schema, path, level)


def _dialect(schema: RawObject, path: str, _level: str) -> Iterator[Cause]:
    """What the API's dialect of OpenAPI does not have, or has elsewhere only."""
    for check in _CHECKS:
        yield from check(schema, path)
    if schema.get(_KEEP_MARK) is False:
        yield invalid_value(f"{path}.{_KEEP_MARK}", False, "must be true or undefined")
    if schema.get("additionalProperties") not in (None, True) and schema.get("properties"):
        words = "additionalProperties and properties are mutual exclusive"
        yield forbidden(f"{path}.additionalProperties", words)
    if schema.get(_RULES):
        from towpath.machinery.schemas.rule_checks import rule_words

        yield from rule_words(schema, path)


def _check_type(schema: RawObject, path: str, level: str) -> Iterator[Cause]:
    type_name = schema.get("type")
    field = f"{path}.type"
    if schema.get(_EMBEDDED_MARK):
        words = f"must be object if {_EMBEDDED_MARK} is true"
        if not type_name:
            yield required(field, words)
        elif type_name != "object":
            yield invalid_value(field, type_name, words)
    elif not type_name and not schema.get(_INT_MARK) and not schema.get(_KEEP_MARK):
        where = {
            "root": "must not be empty at the root",
            "item": "must not be empty for specified array items",
            "field": "must not be empty for specified object fields",
        }
        yield required(field, where[level])
    if level == "root" and type_name and type_name != "object":
        yield invalid_value(field, type_name, "must be object at the root")
    if level == "root" and schema.get("nullable"):
        yield forbidden(f"{path}.nullable", "nullable cannot be true at the root")


def _check_resource(schema: RawObject, path: str, level: str) -> Iterator[Cause]:
    embedded = bool(schema.get(_EMBEDDED_MARK))
    properties = schema.get("properties") or {}
    if embedded and schema.get("additionalProperties") is not None:
        words = f"must not be used if {_EMBEDDED_MARK} is set"
        yield forbidden(f"{path}.additionalProperties", words)
    if embedded and not schema.get(_KEEP_MARK) and not properties:
        words = f"must not be empty if {_EMBEDDED_MARK} is true without {_KEEP_MARK}"
        yield required(f"{path}.properties", words)
    if embedded or level == "root":
        for name in ("kind", "apiVersion"):
            below = properties.get(name)
            if below is not None and below.get("type") != "string":
                field = f"{path}.properties[{name}].type"
                yield invalid_value(field, below.get("type", ""), "must be string")
    metadata = properties.get("metadata")
    if metadata is not None and level == "root":
        yield from _check_metadata(metadata, f"{path}.properties[metadata]")
    elif metadata is not None and embedded and metadata.get("type") != "object":
        field = f"{path}.properties[metadata].type"
        yield invalid_value(field, metadata.get("type", ""), "must be object")


def _check_metadata(schema: RawObject, path: str) -> Iterator[Cause]:
    if schema.get("type") != "object":
        yield invalid_value(f"{path}.type", schema.get("type", ""), "must be object")
    named = set(schema.get("properties") or {}) - {"name", "generateName"}
    if named or set(schema) - {"type", "properties", "default", "required"}:
        words = (
            "must not specify anything other than name and generateName, "
            "but metadata is implicitly specified"
        )
        yield forbidden(path, words)


def _check_unsupported(schema: RawObject, path: str) -> Iterator[Cause]:
    type_name = schema.get("type")
    if type_name and type_name not in _TYPES:
        yield unsupported(f"{path}.type", type_name, _TYPES)
    for name in _FORBIDDEN:
        if schema.get(name) is not None:
            yield forbidden(f"{path}.{name}", f"{name} is not supported")
    if type_name == "null":
        words = "type cannot be set to null, use nullable as an alternative"
        yield forbidden(f"{path}.type", words)
    if schema.get("uniqueItems"):
        words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield forbidden(f"{path}.uniqueItems", words)
    if schema.get("items") and isinstance(schema["items"], list):
        yield forbidden(f"{path}.items", "items must be a schema object and not an array")


def _check_int_or_string(schema: RawObject, path: str) -> Iterator[Cause]:
    if schema.get(_INT_MARK):
        for mark in (_KEEP_MARK, _EMBEDDED_MARK):
            if schema.get(mark):
                yield invalid_value(f"{path}.{mark}", True, f"must be false if {_INT_MARK} is true")


def _check_map_type(schema: RawObject, path: str) -> Iterator[Cause]:
    map_type = schema.get(_MAP_TYPE)
    if map_type is None:
        return
    words = f"must be object if {_MAP_TYPE} is specified"
    if not schema.get("type"):
        yield required(f"{path}.type", words)
    elif schema["type"] != "object":
        yield invalid_value(f"{path}.type", schema["type"], words)
    if map_type not in ("atomic", "granular"):
        yield unsupported(f"{path}.{_MAP_TYPE}", map_type, ("atomic", "granular"))


def _check_list_type(schema: RawObject, path: str) -> Iterator[Cause]:
    list_type, keys = schema.get(_LIST_TYPE), schema.get(_LIST_KEYS) or []
    field = f"{path}.{_LIST_TYPE}"
    if list_type is not None and schema.get("type") != "array":
        words = f"must be array if {_LIST_TYPE} is specified"
        if not schema.get("type"):
            yield required(f"{path}.type", words)
        else:
            yield invalid_value(f"{path}.type", schema["type"], words)
    if list_type not in (None, "atomic", "set", "map"):
        yield unsupported(field, list_type, ("atomic", "set", "map"))
    if keys and list_type != "map":
        words = f"must be map if {_LIST_KEYS} is non-empty"
        yield (
            required(field, words) if list_type is None else invalid_value(field, list_type, words)
        )
    if list_type == "map":
        yield from _check_map_list(schema, path, keys)
    items = schema.get("items")
    if list_type in ("set", "map") and isinstance(items, dict) and items.get("nullable"):
        words = f"cannot be nullable when {_LIST_TYPE} is {list_type}"
        yield forbidden(f"{path}.items.nullable", words)
    if list_type == "set" and isinstance(items, dict):
        yield from _check_set_items(items, path)


def _check_set_items(items: RawObject, path: str) -> Iterator[Cause]:
    words = f"must be atomic as item of a list with {_LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(_LIST_TYPE) not in (None, "atomic"):
        yield invalid_value(f"{path}.items.{_LIST_TYPE}", items[_LIST_TYPE], words)
    if items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
        yield invalid_value(f"{path}.items.{_MAP_TYPE}", items.get(_MAP_TYPE), words)


def _check_map_list(schema: RawObject, path: str, keys: list[str]) -> Iterator[Cause]:
    if not keys:
        yield required(f"{path}.{_LIST_KEYS}", f"must not be empty if {_LIST_TYPE} is map")
    items = schema.get("items")
    if not isinstance(items, dict):
        yield required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map")
        return
    if items.get("type") != "object":
        words = f"must be object if parent array's {_LIST_TYPE} is map"
        yield invalid_value(f"{path}.items.type", items.get("type", ""), words)
        return
    if len(set(keys)) != len(keys):
        yield invalid_value(f"{path}.{_LIST_KEYS}", keys, "must not contain duplicate entries")
    for key in dict.fromkeys(keys):
        below = (items.get("properties") or {}).get(key)
        where = f"{path}.items.properties[{key}]"
        if below is None:
            words = "entries must all be names of item properties"
            yield invalid_value(f"{path}.{_LIST_KEYS}", keys, words)
            continue
        if below.get("type") not in _SCALARS:
            words = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
            yield invalid_value(f"{where}.type", below.get("type", ""), words)
        this = f"this property is in {_LIST_KEYS}, so it"
        if "default" not in below and key not in (items.get("required") or ()):
            yield required(
                f"{where}.default", f"{this} must have a default or be a required property"
            )
        if below.get("nullable"):
            yield forbidden(f"{where}.nullable", f"{this} cannot be nullable")


def _check_pattern(schema: RawObject, path: str) -> Iterator[Cause]:
    pattern = schema.get("pattern")
    if pattern and (error := pattern_error(pattern)):
        words = f"must be a valid regular expression, but isn't: {error}"
        yield invalid_value(f"{path}.pattern", pattern, words)


_CHECKS: tuple[Callable[[RawObject, str], Iterator[Cause]], ...] = (
    _check_unsupported,
    _check_map_type,
    _check_list_type,
)


def _check_values(schema: RawObject, path: str, level: str) -> Iterator[Cause]:
    """What stands under allOf, anyOf, oneOf and not may restrict values and declare nothing."""
    # That all they name is declared is looked at from the root only, and so it is there.
    structure = schema if level == "root" else None
    for junctor in _JUNCTORS:
        branches = schema.get(junctor) or []
        if junctor == "anyOf" and branches == _INT_OR_STRING:
            continue
        for position, branch in enumerate(branches):
            skip = junctor == "allOf" and position == 0
            yield from _nested(branch, structure, f"{path}.{junctor}[{position}]", skip_any_of=skip)
    if isinstance(schema.get("not"), dict):
        yield from _nested(schema["not"], structure, f"{path}.not")


def _nested(
    branch: Any, structure: RawObject | None, path: str, *, skip_any_of: bool = False
) -> Iterator[Cause]:
    if not isinstance(branch, dict):
        return
    for name, words in _NESTED_FORBIDDEN.items():
        if branch.get(name) not in (None, "", False):
            yield forbidden(f"{path}.{name}", words)
    yield from _check_pattern(branch, path)
    for name, below in (branch.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        if name == "metadata":
            yield forbidden(where, "must not be specified in a nested context")
        declared = None if structure is None else (structure.get("properties") or {}).get(name)
        if structure is not None and declared is None:
            words = f"because it is defined in {where}"
            yield required(f"{_JUNCTION.split(path)[0]}.properties[{name}]", words)
        yield from _nested(below, declared, where)
    if isinstance(branch.get("items"), dict):
        items = structure.get("items") if structure is not None else None
        yield from _nested(
            branch["items"], items if isinstance(items, dict) else None, f"{path}.items"
        )
    for junctor in _JUNCTORS:
        if junctor == "anyOf" and skip_any_of and branch.get("anyOf") == _INT_OR_STRING:
            continue
        for position, below in enumerate(branch.get(junctor) or []):
            yield from _nested(below, structure, f"{path}.{junctor}[{position}]")
    if isinstance(branch.get("not"), dict):
        yield from _nested(branch["not"], structure, f"{path}.not")


_JUNCTION = re.compile(r"\.(?:allOf\[|anyOf\[|oneOf\[|not)")
_NESTED_FORBIDDEN = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    _KEEP_MARK: "must be false to be structural",
    _EMBEDDED_MARK: "must be false to be structural",
    _INT_MARK: "must be false to be structural",
    _LIST_KEYS: "must be empty to be structural",
    _LIST_TYPE: "must be undefined to be structural",
    _MAP_TYPE: "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}

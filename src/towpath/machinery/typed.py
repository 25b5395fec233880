"""Whether an applied configuration fits its type closely enough that its fields can be counted.

This is structured-merge-diff's check, not the schema's: types, undeclared fields, and the keys of
lists that are sets or maps. Null fits everywhere. Messages are that library's.
"""

from typing import Any

from towpath.machinery.go_values import go_syntax, go_text, go_type
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.metadata import OBJECT_META
from towpath.machinery.topology import EMPTY_KEYS

_KEEPS = "x-kubernetes-preserve-unknown-fields"
_LIST_TYPE = "x-kubernetes-list-type"
_IDENTITY = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


def typed_errors(config: RawObject, openapi: RawObject) -> list[str]:
    """One sentence each, beginning with the place."""
    found: list[str] = []
    _check_object(config, openapi, "", found, is_resource=True)
    return found


def _check(value: Any, schema: RawObject, path: str, found: list[str]) -> None:
    if value is None or schema.get("x-kubernetes-int-or-string"):
        return
    match schema.get("type"):
        case "object":
            is_resource = bool(schema.get("x-kubernetes-embedded-resource"))
            _check_object(value, schema, path, found, is_resource=is_resource)
        case "array":
            _check_list(value, schema, path, found)
        case "string":
            if isinstance(value, str):
                return
            if schema.get("format") != "date-time":
                found.append(f"{path}: expected string, got {_shown(value)}")
            elif isinstance(value, (dict, list)):
                found.append(f"{path}: expected any scalar, got &{{{go_text(value)}}}")
        case "integer" | "number":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                found.append(f"{path}: expected numeric (int or float), got {go_type(value)}")
        case "boolean":
            if not isinstance(value, bool):
                found.append(f"{path}: expected boolean, got &{{{go_text(value)}}}")


def _check_object(
    value: Any, schema: RawObject, path: str, found: list[str], *, is_resource: bool = False
) -> None:
    if not isinstance(value, dict):
        found.append(f"{path}: expected map, got &{{{go_text(value)}}}")
        return
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name, inner in value.items():
        below = f"{path}.{name}"
        if is_resource and name in _IDENTITY:
            _check(inner, _IDENTITY[name], below, found)
        elif is_resource and name == "metadata":
            _check(inner, OBJECT_META, below, found)
        elif name in properties:
            _check(inner, properties[name], below, found)
        elif isinstance(extra, dict):
            _check(inner, extra, below, found)
        elif not schema.get(_KEEPS) and extra is not True:
            found.append(f"{below}: field not declared in schema")


def _check_list(value: Any, schema: RawObject, path: str, found: list[str]) -> None:
    if not isinstance(value, list):
        found.append(f"{path}: expected list, got &{{{go_text(value)}}}")
        return
    items = schema.get("items") or {}
    list_type = schema.get(_LIST_TYPE)
    seen: set[str] = set()
    for position, item in enumerate(value):
        if list_type == "map":
            key, mistake = _key_of(item, schema)
            if mistake:
                found.append(f"{path}: element {position}: {mistake}")
                return
            below = f"{path}{key}"
        elif list_type == "set":
            key = f"[={_key_text(item)}]"
            below = f"{path}{key}"
        else:
            key, below = "", f"{path}[{position}]"
        if key and key in seen:
            found.append(f"{path}: duplicate entries for key {key}")
        seen.add(key)
        _check(item, items, below, found)


def _key_of(item: Any, schema: RawObject) -> tuple[str, str]:
    """An item's key as it is shown, or what is wrong with the item."""
    if item is None:
        return "", "associative list with keys may not have null elements"
    if not isinstance(item, dict):
        return "", "associative list with keys may not have non-map elements"
    names = sorted(schema.get("x-kubernetes-list-map-keys") or ())
    properties = (schema.get("items") or {}).get("properties") or {}
    parts = []
    for name in names:
        default = (properties.get(name) or {}).get("default")
        if default is None and name in (schema.get(EMPTY_KEYS) or ()):
            default = ""
        if name in item or default is not None:
            parts.append(f"{name}={_key_text(item.get(name, default))}")
    if not parts:
        listed = " ".join(f'"{name}"' for name in names)
        return "", (
            f"associative list with keys has an element that omits all key fields [{listed}] "
            "(and doesn't have default values for any key fields)"
        )
    return f"[{','.join(parts)}]", ""


def _key_text(value: Any) -> str:
    """As the library writes what an item is known by."""
    if isinstance(value, list):
        return f"[{','.join(map(_key_text, value))}]"
    if isinstance(value, dict):
        return "".join(f"{name}={_key_text(value[name])}" for name in sorted(value))
    return "null" if value is None else go_syntax(value)


def _shown(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{go_syntax(value)}}}"

"""A page of a form as it is for these answers: JSON Schema's conditions, resolved.

`dependencies` of all three kinds, `if`/`then`/`else`, `allOf`, `oneOf`, `anyOf` and references to
the schema's own definitions. What comes of it has plain properties only, to be shown and read; the
page itself, unchanged, decides what is wrong.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

Schema = Mapping[str, Any]

TURNS_MAX = 8
DEPTH_MAX = 12


def page_for(page: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """The page with the properties that are asked for now, in their order."""
    return _resolved(page, values, page, 0)


def _resolved(schema: Schema, values: Any, root: Schema, depth: int) -> dict[str, Any]:
    shown = dict(_referred(schema, root))
    if depth > DEPTH_MAX:
        return shown
    given = values if isinstance(values, Mapping) else {}
    for _ in range(TURNS_MAX):
        parts = list(_conditional(shown, given, root))
        if not parts:
            break
        for name in ("dependencies", "if", "then", "else", "allOf", "oneOf", "anyOf"):
            shown.pop(name, None)
        for part in parts:
            _merge(shown, part)
    properties = shown.get("properties")
    if isinstance(properties, Mapping):
        resolved = {
            name: _resolved(one, given.get(name), root, depth + 1)
            for name, one in properties.items()
            if isinstance(one, Mapping)
        }
        shown["properties"] = _ordered(resolved, shown.get("ui:order"))
    return shown


def _ordered(properties: dict[str, Any], order: Any) -> dict[str, Any]:
    if not isinstance(order, list):
        return properties
    rest = [name for name in properties if name not in order]
    names: list[str] = []
    for name in order:
        names += rest if name == "*" else [name]
    return {name: properties[name] for name in names if name in properties}


def _conditional(schema: Schema, values: Mapping[str, Any], root: Schema) -> Iterator[Schema]:
    for name, rule in (schema.get("dependencies") or {}).items():
        if name not in values or values[name] in ("", None):
            continue
        if isinstance(rule, list):
            yield {"required": rule}
        elif isinstance(rule, Mapping):
            yield from _branches(rule, values, root, name)
    if "if" in schema:
        branch = schema.get("then" if _holds(schema["if"], values, root) else "else")
        if isinstance(branch, Mapping):
            yield _referred(branch, root)
    for part in schema.get("allOf") or ():
        yield _referred(part, root)
    for kind in ("oneOf", "anyOf"):
        if isinstance(schema.get(kind), list):
            yield from _branches({kind: schema[kind]}, values, root, "")


def _branches(rule: Schema, values: Mapping[str, Any], root: Schema, name: str) -> Iterator[Schema]:
    """The rule itself, and of its choices the one that fits what has been answered."""
    rule = _referred(rule, root)
    plain = {key: one for key, one in rule.items() if key not in ("oneOf", "anyOf")}
    if plain:
        yield plain
    for kind in ("oneOf", "anyOf"):
        choices = [_referred(one, root) for one in rule.get(kind) or ()]
        for choice in choices:
            properties = choice.get("properties") or {}
            asked = [name] if name in properties else _deciding(properties)
            known = {key: properties[key] for key in asked}
            if known and all(key in values for key in known):
                if _holds({"properties": known}, values, root):
                    rest = {key: one for key, one in properties.items() if key not in known}
                    yield {**choice, "properties": rest}
                    break
            elif not known and choice is choices[0]:
                yield choice


def _deciding(properties: Schema) -> list[str]:
    """The properties that a choice fixes."""
    return [
        key
        for key, one in properties.items()
        if isinstance(one, Mapping) and ("const" in one or len(one.get("enum") or ()) == 1)
    ]


def _merge(schema: dict[str, Any], part: Schema) -> None:
    for key, value in part.items():
        if key == "properties" and isinstance(value, Mapping):
            known = dict(schema.get("properties") or {})
            for name, one in value.items():
                before = known.get(name)
                if isinstance(before, Mapping) and isinstance(one, Mapping):
                    known[name] = {**before, **one}
                else:
                    known[name] = one
            schema["properties"] = known
        elif key == "required" and isinstance(value, list):
            before = schema.get("required") or []
            schema["required"] = [*before, *(one for one in value if one not in before)]
        elif key == "dependencies" and isinstance(value, Mapping):
            schema["dependencies"] = {**(schema.get("dependencies") or {}), **value}
        elif key in ("if", "then", "else", "allOf", "oneOf", "anyOf"):
            schema[key] = value
        elif key not in ("title", "description", "type"):
            schema.setdefault(key, value)


def _referred(schema: Any, root: Schema) -> dict[str, Any]:
    """The schema, or what it refers to within the page."""
    found: Any = schema
    for _ in range(DEPTH_MAX):
        reference = found.get("$ref") if isinstance(found, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        rest = {key: one for key, one in found.items() if key != "$ref"}
        at: Any = root
        for part in reference[2:].split("/"):
            at = at.get(part) if isinstance(at, Mapping) else None
        found = {**(at if isinstance(at, Mapping) else {}), **rest}
    return dict(found) if isinstance(found, Mapping) else {}


def _holds(schema: Any, values: Mapping[str, Any], root: Schema) -> bool:
    if isinstance(schema, bool):
        return schema
    whole = {**_referred(schema, root), "definitions": root.get("definitions") or {}}
    try:
        return bool(_validator(orjson.dumps(whole)).is_valid(dict(values)))
    except (ValueError, TypeError):
        return False


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Any:
    return jsonschema_rs.Draft7Validator(orjson.loads(schema))

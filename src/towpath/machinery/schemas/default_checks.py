"""Defaults of a definition: they fit their own schema, and hold nothing that it does not know."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from towpath.machinery.causes import forbidden, invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.formats import FORMATS
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.pruning import compile_pruning
from towpath.machinery.schemas.translation import translate
from towpath.machinery.schemas.wording import first_of_each_text, to_causes

RULES = "x-kubernetes-validations"
_META = ("metadata", "apiVersion", "kind")


def default_errors(schema: RawObject, path: str) -> list[Cause]:
    return [*_below(schema, path, is_root=True)]


def _below(schema: RawObject, path: str, *, is_root: bool = False) -> Iterator[Cause]:
    for name, below in (schema.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        if is_root and name in _META:
            continue
        yield from _own(below, where)
        yield from _below(below, where)
    if isinstance(items := schema.get("items"), dict):
        yield from _own(items, f"{path}.items")
        yield from _below(items, f"{path}.items")
    if isinstance(extra := schema.get("additionalProperties"), dict):
        yield from _below(extra, f"{path}.additionalProperties")


def forbidden_defaults(schema: RawObject, path: str) -> list[Cause]:
    """What every object has, has no defaults."""
    properties = schema.get("properties") or {}
    return [
        cause
        for name in _META
        for cause in _forbidden(
            properties.get(name) or {}, f"{path}.properties[{name}]", f"in top-level {name}"
        )
    ]


def _forbidden(schema: RawObject, path: str, why: str) -> Iterator[Cause]:
    if schema.get("default") is not None:
        yield forbidden(f"{path}.default", f"must not be set {why}")
    for name, below in (schema.get("properties") or {}).items():
        yield from _forbidden(below, f"{path}.properties[{name}]", why)


def _own(schema: RawObject, path: str) -> Iterator[Cause]:
    value = schema.get("default")
    if value is None:
        return
    where = f"{path}.default"
    if _unknown(schema, value):
        yield invalid_value(where, value, "must not have unknown fields")
    errors = [*_wrong(schema, value, where)]
    yield from errors
    if not errors:
        yield from _broken_rules(schema, value, where)


def _broken_rules(schema: RawObject, value: Any, where: str) -> Iterator[Cause]:
    if RULES not in repr(schema):
        return
    # With the first rule: it brings the compiler of CEL.
    from towpath.machinery.schemas.rules import compile_rules

    rules = compile_rules(schema)
    assert rules is not None
    for cause in rules(value, value).causes or rules(value, None).causes:
        place = "" if cause.field == "<nil>" else f".{cause.field}"
        yield Cause(cause.reason, cause.message, f"{where}{place}")


def _unknown(schema: RawObject, value: Any) -> bool:
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    visit = compile_pruning(schema, is_resource=embedded)
    found: list[str] = []
    if visit is not None and isinstance(value, dict | list):
        visit(deepcopy(value), "", found, True)
    return bool(found)


def _wrong(schema: RawObject, value: Any, where: str) -> Iterator[Cause]:
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator(
        translate(schema),
        formats=dict(FORMATS),
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )
    for error in first_of_each_text([*validator.iter_errors(value)]):
        yield from to_causes(error, where)

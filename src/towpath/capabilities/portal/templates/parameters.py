"""The parameters of a template: what is asked for, what defaults fill in, what is wrong with it.

Defaults belong to the one who asks: Backstage's server applies none, so neither does a run. The
command line and the portal's form both fill them in with `parameters_with_defaults`.
"""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonschema_rs

from towpath.capabilities.portal.templates.descriptor import FieldError, pages_of
from towpath.machinery.objects import RawObject

Schema = Mapping[str, Any]

VALIDATORS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of the form."""

    name: str
    title: str
    description: str
    required: bool
    schema: Schema

    @property
    def default(self) -> Any:
        return self.schema.get("default")

    @property
    def choices(self) -> list[Any]:
        choices: list[Any] = self.schema.get("enum") or []
        return choices


def parameters_of(descriptor: RawObject) -> list[Parameter]:
    """The form's fields, page by page."""
    return [
        Parameter(
            name=name,
            title=schema.get("title") or name,
            description=schema.get("description") or "",
            required=name in (page.get("required") or ()),
            schema=schema,
        )
        for page in pages_of(descriptor)
        for name, schema in (page.get("properties") or {}).items()
    ]


def parameters_with_defaults(descriptor: RawObject, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a form would send: the given values, and the schema's defaults where none is given."""
    filled = copy.deepcopy(dict(given))
    for page in pages_of(descriptor):
        _fill(page, filled)
    return filled


def _fill(schema: Schema, values: dict[str, Any]) -> None:
    for name, field in (schema.get("properties") or {}).items():
        if name not in values and "default" in field:
            values[name] = copy.deepcopy(field["default"])
        nested = values.get(name)
        if "properties" in field and nested is None and _has_default(field):
            nested = values.setdefault(name, {})
        if isinstance(nested, dict):
            _fill(field, nested)


def _has_default(schema: Schema) -> bool:
    return "default" in schema or any(
        _has_default(field) for field in (schema.get("properties") or {}).values()
    )


def parameter_errors(descriptor: RawObject, values: Mapping[str, Any]) -> list[FieldError]:
    """Everything that is wrong with the values, by the JSON Schemas of all pages."""
    return [error for page in pages_of(descriptor) for error in _page_errors(page, values)]


def schema_errors(schema: Schema, values: Any, where: str) -> list[FieldError]:
    """Everything that is wrong with the values by one schema, below the field `where`."""
    try:
        validator = _validator(json.dumps(dict(schema)))
    except ValueError as error:
        return [FieldError(where, f"the schema itself is wrong: {error}")]
    return sorted(
        {
            FieldError(_place(where, error), _message(schema, error))
            for error in validator.iter_errors(values)
        },
        key=str,
    )


@lru_cache(maxsize=VALIDATORS_KEPT)
def _validator(schema: str) -> jsonschema_rs.Draft7Validator:
    """Made once: a form is checked with every key, and its patterns take longest to read."""
    return jsonschema_rs.Draft7Validator(json.loads(schema))


def _page_errors(page: Schema, values: Mapping[str, Any]) -> Iterator[FieldError]:
    yield from schema_errors({"type": "object", **page}, dict(values), "parameters")


def _place(where: str, error: Any) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path]
    missing = f".{error.kind.property}" if _is_required(error) else ""
    return where + "".join(parts) + missing


def _is_required(error: Any) -> bool:
    return bool(error.schema_path) and error.schema_path[-1] == "required"


def _message(schema: Schema, error: Any) -> str:
    if _is_required(error):
        return "is required"
    rule = _at(schema, error.schema_path)
    if error.schema_path and error.schema_path[-1] == "not" and isinstance(rule, Mapping):
        return f"{error.instance!r} is not allowed: it must not be {_excluded(rule)}"
    if error.schema_path and error.schema_path[-1] == "pattern":
        field = _at(schema, list(error.schema_path)[:-1])
        if isinstance(field, Mapping) and field.get("description"):
            return f"{error.instance!r} does not fit: {field['description']}"
    message: str = error.message
    return message


def _at(schema: Any, path: Iterable[Any]) -> Any:
    for part in path:
        schema = schema[part] if isinstance(schema, Mapping | list) and _has(schema, part) else None
    return schema


def _has(container: Any, key: Any) -> bool:
    return key in container if isinstance(container, Mapping) else key < len(container)


def _excluded(rule: Mapping[str, Any]) -> str:
    values = rule.get("enum") or ([rule["const"]] if "const" in rule else None)
    return "one of " + ", ".join(map(str, values)) if values else str(dict(rule))

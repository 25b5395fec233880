"""What Backstage's description of its catalogue API lets through, refused in its validator's words.

Parameters of a query are known by name for each address, and a body has a small schema. What
is not described is not judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import orjson

from towpath.hooks.apis import ApiRequest
from towpath.machinery.errors import BadRequest

Form = Literal["text", "texts", "number", "total", "conflict"]
Schema = Mapping[str, Any]

_TOTALS = ("include", "exclude")
_CHOICES: Mapping[str, Sequence[str]] = {"total": _TOTALS, "conflict": ("refresh", "reject")}
_PAGE: Mapping[str, Form] = {"limit": "number", "offset": "number", "fields": "texts"}
_FILTER: Mapping[str, Form] = {"filter": "texts"}

PARAMETERS: Mapping[tuple[str, str], Mapping[str, Form]] = {
    ("GET", "/entities"): {**_PAGE, **_FILTER, "after": "text", "order": "texts"},
    ("GET", "/entities/by-query"): {
        **_PAGE,
        **_FILTER,
        "cursor": "text",
        "orderField": "texts",
        "totalItems": "total",
        "fullTextFilterTerm": "text",
        "fullTextFilterFields": "texts",
    },
    ("POST", "/entities/by-refs"): _FILTER,
    ("GET", "/entity-facets"): {**_FILTER, "facet": "texts"},
    ("GET", "/locations"): {},
    ("POST", "/locations"): {"dryRun": "text", "onConflict": "conflict", "project": "text"},
}
REQUIRED = {("GET", "/entity-facets"): "facet"}

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_OBJECT: Schema = {"type": "object"}
_NUMBER: Schema = {"type": "number"}
_LOCATION: Schema = {
    "type": "object",
    "properties": {"type": _TEXT, "target": _TEXT},
    "required": ("target", "type"),
}

BODIES: Mapping[tuple[str, str], Schema] = {
    ("POST", "/entities/by-query"): {
        "type": "object",
        "properties": {
            "cursor": _TEXT,
            "limit": _NUMBER,
            "offset": _NUMBER,
            "orderBy": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ("field", "order"),
                    "properties": {"field": _TEXT, "order": {**_TEXT, "enum": ("asc", "desc")}},
                },
            },
            "fullTextFilter": {"type": "object", "properties": {"term": _TEXT, "fields": _TEXTS}},
            "fields": _TEXTS,
            "totalItems": {**_TEXT, "enum": _TOTALS},
            "query": _OBJECT,
        },
    },
    ("POST", "/entities/by-refs"): {
        "type": "object",
        "required": ("entityRefs",),
        "properties": {"entityRefs": _TEXTS, "fields": _TEXTS, "query": _OBJECT},
    },
    ("POST", "/entity-facets"): {
        "type": "object",
        "required": ("facets",),
        "properties": {"facets": _TEXTS, "query": _OBJECT},
    },
    ("POST", "/locations"): _LOCATION,
    ("POST", "/locations/by-query"): {
        "type": "object",
        "properties": {"cursor": _TEXT, "limit": _NUMBER, "query": _OBJECT},
    },
    ("POST", "/analyze-location"): {
        "type": "object",
        "required": ("location",),
        "properties": {"location": _LOCATION},
    },
    ("POST", "/validate-entity"): {
        "type": "object",
        "required": ("location", "entity"),
        "properties": {"location": _TEXT, "entity": _OBJECT},
    },
    ("POST", "/refresh"): {
        "type": "object",
        "required": ("entityRef",),
        "properties": {"entityRef": _TEXT},
    },
}

OPTIONAL_BODIES = {
    ("POST", "/entities/by-query"),
    ("POST", "/entities/by-refs"),
    ("POST", "/locations/by-query"),
}

_TYPES = {"string": str, "array": list, "object": dict}


def judge_query(method: str, path: str, parameters: Mapping[str, Sequence[str]]) -> None:
    """Raises BadRequest for what the description does not let through."""
    known = PARAMETERS.get((method, path))
    if known is None:
        return
    for name in parameters:
        if name.partition("[")[0] not in known:
            raise BadRequest(f"Unknown query parameter '{name.partition('[')[0]}'")
    for name, values in parameters.items():
        if [*values] == [""]:
            raise BadRequest(f"Empty value found for query parameter '{name}'")
    required = REQUIRED.get((method, path), "")
    if required and required not in parameters:
        raise BadRequest(f"request/query must have required property '{required}'")
    if wrong := [one for name, form in known.items() for one in _wrong(name, form, parameters)]:
        raise BadRequest(", ".join(wrong))


def _wrong(name: str, form: Form, parameters: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if any(other.startswith(f"{name}[") for other in parameters):
        # `name[a]=b` is an object to their reader of addresses.
        yield f"request/query/{name}{'/0' if form == 'texts' else ''} must be string"
    values = parameters.get(name)
    if values is None or form == "texts":
        return
    where = f"request/query/{name}"
    if form == "number":
        sign, digits = ("-", values[0][1:]) if values[0].startswith("-") else ("", values[0])
        if len(values) > 1 or not (digits.isascii() and digits.isdigit()):
            yield f"{where} must be integer"
        elif sign:
            yield f"{where} must be >= 0"
    elif len(values) > 1:
        yield f"{where} must be string"
    elif form in _CHOICES and values[0] not in _CHOICES[form]:
        yield f"{where} must be equal to one of the allowed values: {', '.join(_CHOICES[form])}"


def body_of(request: ApiRequest) -> dict[str, Any]:
    """What was sent, {} where nothing need be. Raises BadRequest."""
    where = (request.method, request.path.removesuffix("/"))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not request.body and not kind and where in OPTIONAL_BODIES:
        return {}
    if kind != "application/json":
        raise BadRequest(f"unsupported media type {kind or 'undefined'}")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"Malformed request: {error}") from error
    schema = _LOCATION if where[0] == "PUT" else BODIES.get(where, _OBJECT)
    if wrong := [*_errors(body, schema, "request/body")]:
        raise BadRequest(", ".join(wrong))
    known: dict[str, Any] = body
    return known


def _errors(value: Any, schema: Schema, where: str) -> Iterator[str]:
    if not _is_a(value, schema["type"]):
        yield f"{where} must be {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} must be equal to one of the allowed values: {', '.join(schema['enum'])}"
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where} must have required property '{name}'"
                return
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from _errors(value[name], inner, f"{where}/{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _errors(item, schema["items"], f"{where}/{index}")


def _is_a(value: Any, name: str) -> bool:
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, _TYPES[name])

"""OpenAPI 2, 3.0 and 3.1: requests by tag, what they take and answer, and a command for each."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.apis.definition import (
    Body,
    Budget,
    Definition,
    Field,
    Operation,
    Shape,
)
from towpath.capabilities.portal.apis.schemas import Schemas, missing

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON = "application/json"


def read_openapi(document: Mapping[str, Any]) -> Definition:
    return _Reading(document).definition()


class _Reading:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._is_second = "swagger" in document
        self._schemas = Schemas(document)
        self._servers = self._read_servers()

    def definition(self) -> Definition:
        info = _mapping(self._document.get("info"))
        version = str(self._document.get("swagger") or self._document.get("openapi"))
        operations = [*self._operations("paths", ""), *self._operations("webhooks", "Webhooks")]
        return Definition(
            f"OpenAPI {'.'.join(version.split('.')[:2])}",
            str(info.get("title") or ""),
            str(info.get("version") or ""),
            str(info.get("description") or ""),
            self._servers,
            tuple(operations),
            tuple(self._shapes()),
            missing(self._schemas),
        )

    def _read_servers(self) -> tuple[tuple[str, str], ...]:
        if self._is_second:
            host, base = self._document.get("host"), str(self._document.get("basePath") or "")
            schemes = _list(self._document.get("schemes")) or ["https"]
            return ((f"{schemes[0]}://{host}{base}", ""),) if host else ()
        return tuple(
            (_filled(one), str(one.get("description") or ""))
            for one in _list(self._document.get("servers"))
            if isinstance(one, dict)
        )

    def _operations(self, part: str, group: str) -> Sequence[Operation]:
        found = []
        for path, item in _mapping(self._document.get(part)).items():
            whole = _mapping(self._schemas.resolved(item))
            for method in METHODS:
                if isinstance(whole.get(method), dict):
                    found.append(self._operation(str(path), method, whole, group))
        return found

    def _operation(self, path: str, method: str, item: Mapping[str, Any], group: str) -> Operation:
        said = _mapping(item[method])
        budget = self._schemas.budget()
        parameters = self._parameters(item, said)
        inputs = tuple(
            self._input(one, budget)
            for one in parameters
            if one.get("in") not in ("body", "formData")
        )
        bodies = tuple(self._bodies(said, parameters, budget))
        tags = _list(said.get("tags"))
        verb = method.upper()
        return Operation(
            f"{verb} {path}",
            verb,
            path,
            group or (str(tags[0]) if tags else ""),
            str(said.get("summary") or ""),
            str(said.get("description") or ""),
            said.get("deprecated") is True,
            inputs,
            bodies,
            tuple(self._answers(said, budget)),
            self._command(verb, path, inputs, bodies),
        )

    def _parameters(
        self, item: Mapping[str, Any], said: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """Those of the path, and of the operation, which win."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for one in (*_list(item.get("parameters")), *_list(said.get("parameters"))):
            whole = _mapping(self._schemas.resolved(one))
            found[str(whole.get("in")), str(whole.get("name"))] = whole
        return list(found.values())

    def _input(self, said: Mapping[str, Any], budget: Budget) -> Field:
        content = _mapping(said.get("content"))
        media = _mapping(next(iter(content.values()), None))
        schema = said if self._is_second else said.get("schema") or media.get("schema") or {}
        place = str(said.get("in") or "")
        required = said.get("required") is True or place == "path"
        field = self._schemas.field(str(said.get("name")), schema, required, budget, place=place)
        return Field(
            field.name,
            field.type,
            field.required,
            str(said.get("description") or field.description),
            place,
            field.values,
            field.fields,
            deprecated=said.get("deprecated") is True,
        )

    def _bodies(
        self, said: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]], budget: Budget
    ) -> Sequence[Body]:
        if not self._is_second:
            body = _mapping(self._schemas.resolved(said.get("requestBody")))
            return self._contents(body, budget)
        consumes = _list(said.get("consumes")) or _list(self._document.get("consumes")) or [JSON]
        whole = [one for one in parameters if one.get("in") == "body"]
        form = [one for one in parameters if one.get("in") == "formData"]
        if whole:
            schema = whole[0].get("schema")
            told = str(whole[0].get("description") or "")
            return [self._body(str(consumes[0]), {"schema": schema}, budget, told)]
        if form:
            fields = tuple(self._input(one, budget) for one in form)
            return [Body("application/x-www-form-urlencoded", "form", fields)]
        return ()

    def _answers(self, said: Mapping[str, Any], budget: Budget) -> Sequence[Body]:
        found: list[Body] = []
        for code, answer in _mapping(said.get("responses")).items():
            whole = _mapping(self._schemas.resolved(answer))
            told = str(whole.get("description") or "")
            if self._is_second and "schema" in whole:
                bodies: Sequence[Body] = [self._body(JSON, whole, budget, told, str(code))]
            else:
                bodies = self._contents(whole, budget, str(code))
            found += bodies or [Body("", "", description=told, code=str(code))]
        return found

    def _contents(self, said: Mapping[str, Any], budget: Budget, code: str = "") -> Sequence[Body]:
        told = str(said.get("description") or "")
        return [
            self._body(str(media), _mapping(content), budget, told, code)
            for media, content in _mapping(said.get("content")).items()
        ]

    def _body(
        self, media: str, said: Mapping[str, Any], budget: Budget, told: str, code: str = ""
    ) -> Body:
        schema = said.get("schema")
        example = said.get("example")
        named = _mapping(said.get("examples"))
        if example is None and named:
            first = _mapping(self._schemas.resolved(next(iter(named.values()))))
            example = first.get("value")
        text = _shown(example) if example is not None else self._schemas.example_of(schema)
        fields = self._schemas.fields_of(schema, budget)
        return Body(media, self._schemas.type_of(schema), fields, text, told, code)

    def _command(
        self, verb: str, path: str, inputs: Sequence[Field], bodies: Sequence[Body]
    ) -> str:
        server = self._servers[0][0] if self._servers else "https://api.example.org"
        for one in inputs:
            if one.place == "path":
                path = path.replace("{" + one.name + "}", one.name.upper())
        needed = [one for one in inputs if one.place == "query" and one.required]
        query = "&".join(f"{one.name}={one.name.upper()}" for one in needed)
        address = f"{server.rstrip('/')}{path}" + (f"?{query}" if query else "")
        parts = ["curl"] if verb == "GET" else ["curl", "--request", verb]
        parts.append(shlex.quote(address))
        for one in inputs:
            if one.place == "header" and one.required:
                parts += ["--header", shlex.quote(f"{one.name}: {one.name.upper()}")]
        if bodies:
            parts += ["--header", shlex.quote(f"Content-Type: {bodies[0].media}")]
            if bodies[0].example:
                parts += ["--data", shlex.quote(bodies[0].example)]
        return " ".join(parts)

    def _shapes(self) -> Sequence[Shape]:
        components = _mapping(self._document.get("components"))
        schemas = (
            self._document.get("definitions") if self._is_second else components.get("schemas")
        )
        found = []
        for name, schema in _mapping(schemas).items():
            whole = _mapping(self._schemas.resolved(schema))
            found.append(
                Shape(
                    str(name),
                    self._schemas.type_of(whole),
                    str(whole.get("description") or ""),
                    self._schemas.fields_of(whole, self._schemas.budget()),
                    self._schemas.values_of(whole),
                )
            )
        return found


def _filled(server: Mapping[str, Any]) -> str:
    url = str(server.get("url") or "")
    for name, variable in _mapping(server.get("variables")).items():
        url = url.replace("{" + str(name) + "}", str(_mapping(variable).get("default") or name))
    return url


def _shown(example: Any) -> str:
    if isinstance(example, str):
        return example
    return json.dumps(example, indent=2, ensure_ascii=False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

"""A server of the Model Context Protocol: where it is, how it is run, and its tools."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.apis.definition import Body, Definition, Field, Operation
from towpath.capabilities.portal.apis.schemas import Schemas


def read_mcp(document: Mapping[str, Any]) -> Definition:
    schemas = Schemas(document)
    server = document.get("server")
    said = {**document, **server} if isinstance(server, dict) else document
    return Definition(
        "MCP",
        str(said.get("title") or said.get("name") or ""),
        str(said.get("version") or ""),
        str(said.get("description") or ""),
        (*_remotes(said), *_packages(said)),
        tuple(
            _operation(schemas, kind, one)
            for kind, part in (("TOOL", "tools"), ("PROMPT", "prompts"), ("RESOURCE", "resources"))
            for one in _list(said.get(part))
            if isinstance(one, dict)
        ),
    )


def _remotes(said: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    remotes = [one for one in _list(said.get("remotes")) if isinstance(one, dict)]
    return [
        (str(one.get("url") or ""), str(one.get("type") or one.get("transport_type") or ""))
        for one in remotes
    ]


def _packages(said: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    packages = [one for one in _list(said.get("packages")) if isinstance(one, dict)]
    return [
        (
            str(one.get("identifier") or one.get("name") or ""),
            " ".join(
                str(one[word])
                for word in ("registryType", "registry_type", "version")
                if one.get(word)
            ),
        )
        for one in packages
    ]


def _operation(schemas: Schemas, kind: str, said: Mapping[str, Any]) -> Operation:
    name = str(said.get("name") or said.get("uri") or "")
    schema = said.get("inputSchema") or said.get("input_schema")
    arguments = tuple(
        Field(
            str(one.get("name")),
            "string",
            bool(one.get("required")),
            str(one.get("description") or ""),
        )
        for one in _list(said.get("arguments"))
        if isinstance(one, dict)
    )
    fields = schemas.fields_of(schema, schemas.budget()) or arguments
    body = Body("application/json", "arguments", fields, schemas.example_of(schema))
    return Operation(
        f"{kind} {name}",
        kind,
        name,
        summary=str(said.get("title") or ""),
        description=str(said.get("description") or ""),
        bodies=(body,) if fields else (),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

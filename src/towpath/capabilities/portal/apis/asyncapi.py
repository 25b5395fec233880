"""AsyncAPI 2 and 3: which messages are sent and received, on which channels."""

from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.portal.apis.definition import (
    Body,
    Budget,
    Definition,
    Operation,
    Shape,
)
from towpath.capabilities.portal.apis.schemas import Schemas, missing, name_of

SECOND = (("subscribe", "RECEIVE"), ("publish", "SEND"))
"""Of version 2, told as a client sees it: what one may subscribe to, one receives."""
OF_CLIENT = {"send": "RECEIVE", "receive": "SEND"}
"""Of version 3, told as the application sees it."""


def read_asyncapi(document: Mapping[str, Any]) -> Definition:
    info = _mapping(document.get("info"))
    version = str(document.get("asyncapi"))
    schemas = Schemas(document)
    read = _third if version.startswith("3") else _second
    operations = tuple(read(document, schemas))
    components = _mapping(document.get("components"))
    shapes = tuple(
        Shape(
            str(name),
            schemas.type_of(_mapping(schemas.resolved(schema))),
            str(_mapping(schemas.resolved(schema)).get("description") or ""),
            schemas.fields_of(schema, schemas.budget()),
            schemas.values_of(schema),
        )
        for name, schema in _mapping(components.get("schemas")).items()
    )
    return Definition(
        f"AsyncAPI {'.'.join(version.split('.')[:2])}",
        str(info.get("title") or ""),
        str(info.get("version") or ""),
        str(info.get("description") or ""),
        tuple(_server(one) for one in _mapping(document.get("servers")).values()),
        operations,
        shapes,
        missing(schemas),
    )


def _server(said: Any) -> tuple[str, str]:
    server = _mapping(said)
    protocol = str(server.get("protocol") or "")
    where = server.get("url") or f"{server.get('host') or ''}{server.get('pathname') or ''}"
    address = str(where) if "://" in str(where) or not protocol else f"{protocol}://{where}"
    return address, str(server.get("description") or "")


def _second(document: Mapping[str, Any], schemas: Schemas) -> Sequence[Operation]:
    found = []
    for channel, item in _mapping(document.get("channels")).items():
        whole = _mapping(schemas.resolved(item))
        for word, verb in SECOND:
            said = whole.get(word)
            if isinstance(said, dict):
                messages = _messages(schemas.resolved(said.get("message")))
                found.append(_operation(schemas, str(channel), verb, said, messages))
    return found


def _messages(said: Any) -> Sequence[Any]:
    if isinstance(said, dict) and isinstance(said.get("oneOf"), list):
        return list(said["oneOf"])
    return [said] if said else []


def _third(document: Mapping[str, Any], schemas: Schemas) -> Sequence[Operation]:
    found = []
    for _, said in sorted(_mapping(document.get("operations")).items()):
        operation = _mapping(schemas.resolved(said))
        reference = _mapping(operation.get("channel")).get("$ref")
        channel = _mapping(schemas.resolved(operation.get("channel")))
        address = str(channel.get("address") or name_of(str(reference or "")))
        named = operation.get("messages")
        messages = named if isinstance(named, list) else _of_channel(schemas, channel)
        verb = OF_CLIENT.get(str(operation.get("action")), "SEND")
        found.append(_operation(schemas, address, verb, operation, messages))
    return found


def _of_channel(schemas: Schemas, channel: Mapping[str, Any]) -> Sequence[Any]:
    """All of its messages, each called as it is there."""
    messages = _mapping(channel.get("messages")).items()
    return [{"name": name, **_mapping(schemas.resolved(one))} for name, one in messages]


def _operation(
    schemas: Schemas,
    channel: str,
    verb: str,
    said: Mapping[str, Any],
    messages: Sequence[Any],
) -> Operation:
    budget = schemas.budget()
    bodies = tuple(_body(schemas, one, budget) for one in messages)
    tags = said.get("tags")
    first = _mapping(tags[0]).get("name") if isinstance(tags, list) and tags else ""
    return Operation(
        f"{verb} {channel}",
        verb,
        channel,
        str(first or ""),
        str(said.get("summary") or said.get("title") or ""),
        str(said.get("description") or ""),
        bodies=bodies if verb == "SEND" else (),
        answers=bodies if verb == "RECEIVE" else (),
    )


def _body(schemas: Schemas, message: Any, budget: Budget) -> Body:
    named = name_of(str(message.get("$ref", ""))) if isinstance(message, dict) else ""
    said = schemas.resolved(message)
    while isinstance(said, dict) and "$ref" in said:
        said = schemas.resolved(said)
    said = _mapping(said)
    payload = said.get("payload")
    if isinstance(payload, dict) and "schema" in payload and "schemaFormat" in payload:
        payload = payload["schema"]
    media = str(said.get("contentType") or "application/json")
    title = str(said.get("title") or said.get("name") or named)
    told = str(said.get("summary") or said.get("description") or "")
    fields = schemas.fields_of(payload, budget)
    kind = title or schemas.type_of(payload)
    return Body(media, kind, fields, schemas.example_of(payload), told)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}

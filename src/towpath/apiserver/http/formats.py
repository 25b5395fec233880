"""Answers in another format than JSON: YAML, protobuf, and JSON for people's eyes.

The rest of the server answers in JSON and knows of no other; here whole answers are turned into
what the client has asked for on their way out. Watches are made of events, which is theirs to do.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson

from towpath.apiserver.http.bodies import about_yaml
from towpath.apiserver.http.media import (
    JSON_TYPES,
    parse_accept,
    wanted_of,
    wanted_of_error,
)
from towpath.apiserver.http.query import parse_query
from towpath.apiserver.http.responses import JSON, send_large
from towpath.machinery.asgi import Message, Scope, Send
from towpath.machinery.objects import RawObject

YAML, PROTOBUF = b"application/yaml", b"application/vnd.kubernetes.protobuf"
TRUE_WORDS = frozenset({"1", "t", "T", "true", "TRUE", "True"})
PEOPLES_CLIENTS = ("curl", "Wget", "Mozilla/5.0")
"""Who get JSON that is easy on the eye without asking, as everywhere in Kubernetes."""
SEEN_BYTES_MAX = 4 * 1024 * 1024
"""What is longer nobody reads line by line, and making lines of it holds the loop."""
SLICE = 100
ITEMS_MAX = 500
"""Of a list in protobuf whose reader takes JSON as well. A longer one is written from stored bytes
at a twentieth of the price, and whoever waits for the loop waits less."""
_OF_FORMAT = (b"content-type", b"content-length")


def formatted(scope: Scope, send: Send) -> tuple[Scope, Send]:
    """The request and its `send` where another format is wanted; otherwise what was given."""
    accept = agent = ""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept = str(value, "latin-1")
        elif name == b"user-agent":
            agent = str(value, "latin-1")
    is_other = "yaml" in accept or "protobuf" in accept
    if not is_other and not _is_for_eyes(scope["query_string"], agent):
        return scope, send
    # Compressed when it is in its format, not before.
    plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
    return {**scope, "headers": plain}, _reformatting(scope, send, accept, agent)


def _is_for_eyes(query_string: bytes, agent: str) -> bool:
    if b"pretty=" in query_string and (pretty := parse_query(query_string).get("pretty")):
        return pretty in TRUE_WORDS
    return agent.startswith(PEOPLES_CLIENTS)


def _reformatting(scope: Scope, send: Send, accept: str, agent: str) -> Send:
    start: Message = {}
    held = bytearray()

    async def forward(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            held.clear()
            if not _is_whole_json(message):
                await send(message)
            return
        if not _is_whole_json(start):
            await send(message)
            return
        held.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        status = start["status"]
        pretty = _is_for_eyes(scope["query_string"], agent)
        body, content_type = await _in_format(bytes(held), status, accept, pretty=pretty)
        kept = [pair for pair in start["headers"] if pair[0] not in _OF_FORMAT]
        await send_large(scope, send, body, kept, status=status, content_type=content_type)

    return forward


async def _in_format(body: bytes, status: int, accept: str, *, pretty: bool) -> tuple[bytes, bytes]:
    wanted = wanted_of_error(accept) if status >= 400 else wanted_of(accept)
    value: Any = None
    if wanted is not None and wanted.protobuf:
        value = orjson.loads(body)
        if (message := await _as_protobuf(value, accept)) is not None:
            return message, PROTOBUF
        wanted = wanted_of(accept, custom=True)
    if wanted is not None and wanted.yaml:
        return await about_yaml(lambda: _as_yaml(body), len(body)), YAML
    return (_indented(body) if pretty and len(body) <= SEEN_BYTES_MAX else body), JSON


async def _as_protobuf(value: Any, accept: str) -> bytes | None:
    from towpath.machinery import protobuf

    if not isinstance(value, dict):
        return None
    if not isinstance(items := value.get("items"), list):
        return protobuf.encode(value)
    if len(items) > ITEMS_MAX and any(each.type in JSON_TYPES for each in parse_accept(accept)):
        return None
    api_version, kind = value["apiVersion"], value["kind"]
    write = protobuf.encoder_of(api_version, kind.removesuffix("List"))
    if write is None:
        return None
    written = [write(item) async for item in _in_slices(items)]
    return protobuf.encode_list(api_version, kind, value.get("metadata") or {}, written)


async def _in_slices(items: list[RawObject]) -> AsyncIterator[RawObject]:
    for number, item in enumerate(items):
        if number and number % SLICE == 0:
            await asyncio.sleep(0)
        yield item


def _is_whole_json(start: Message) -> bool:
    headers = dict(start["headers"])
    return (
        headers.get(b"content-type") == JSON
        and b"content-length" in headers
        and b"content-encoding" not in headers
    )


def _as_yaml(body: bytes) -> bytes:
    from towpath.machinery.documents import dump_document

    return dump_document(orjson.loads(body)).encode()


def _indented(body: bytes) -> bytes:
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)

"""Answers: status, headers and body in one go; large bodies compressed when that was asked for."""

import asyncio
import zlib
from collections.abc import Sequence

import orjson

from towpath.machinery.asgi import Message, Scope, Send
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

Header = tuple[bytes, bytes]

JSON = b"application/json"
YAML = b"application/yaml"
TEXT = b"text/plain; charset=utf-8"
COMPRESS_FROM_BYTES = 128 * 1024
COMPRESSION_LEVEL = 1
GZIP_WINDOW = 16 + zlib.MAX_WBITS
WARNING_BYTES_MAX = 4096


def header(scope: Scope, wanted: bytes) -> str:
    """The value of a request header, "" when it is absent."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return ""


async def send_bytes(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    content_type: bytes = JSON,
    headers: Sequence[Header] = (),
) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", b"%d" % len(body)),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_large(scope: Scope, send: Send, body: bytes, headers: Sequence[Header] = ()) -> None:
    """JSON that may be megabytes: compressed in a thread when it is and the client can read it."""
    if len(body) < COMPRESS_FROM_BYTES or "gzip" not in header(scope, b"accept-encoding"):
        await send_bytes(send, body, headers=headers)
        return
    compressed = await asyncio.to_thread(_gzip, body)
    extra = [*headers, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    await send_bytes(send, compressed, headers=extra)


async def send_object(
    send: Send, obj: object, *, status: int = 200, headers: Sequence[Header] = ()
) -> None:
    await send_bytes(send, orjson.dumps(obj), status=status, headers=headers)


async def send_error(send: Send, error: StatusError) -> None:
    headers = warning_headers(error.warnings)
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    await send_bytes(send, orjson.dumps(error.to_status()), status=error.code, headers=headers)


def reformatted(send: Send, *, yaml: bool) -> Send:
    """A `send` that turns whole answers in JSON into YAML, or into JSON for people's eyes."""
    start: Message = {}
    held = bytearray()

    async def forward(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            if not _is_whole_json(message):
                await send(message)
            return
        if not _is_whole_json(start):
            await send(message)
            return
        held.extend(message.get("body", b""))
        if not message.get("more_body"):
            kept = [pair for pair in start["headers"] if pair[0] not in _OF_FORMAT]
            body = _as_yaml(bytes(held)) if yaml else _indented(bytes(held))
            content_type = YAML if yaml else JSON
            await send_bytes(
                send, body, status=start["status"], content_type=content_type, headers=kept
            )

    return forward


_OF_FORMAT = (b"content-type", b"content-length")


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


def success_status(details: RawObject) -> RawObject:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def warning_headers(warnings: Sequence[str]) -> list[Header]:
    """One Warning header each, as RFC 7234 and clients of Kubernetes want it."""
    headers = []
    for warning in warnings:
        text = " ".join(warning.split()).replace("\\", "\\\\").replace('"', '\\"')
        headers.append((b"warning", f'299 - "{text}"'.encode()[:WARNING_BYTES_MAX]))
    return headers


def warned(send: Send, words: str) -> Send:
    """A `send` that says something before all else of any answer."""
    first = warning_headers((words,))

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*first, *message["headers"]]}
        await send(message)

    return forward


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    return compressor.compress(body) + compressor.flush()

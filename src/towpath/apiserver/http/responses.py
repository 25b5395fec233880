"""Answers: status, headers and body in one go; large bodies compressed when that was asked for."""

import asyncio
import zlib
from collections import Counter
from collections.abc import Sequence

import orjson

from towpath.machinery.asgi import Message, Scope, Send
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

Header = tuple[bytes, bytes]

ANSWER_HEADERS = "towpath.answer-headers"
"""In the scope: headers that any answer to the request begins with."""

BODY_FOLLOWS = "towpath.body-follows"
"""In the message that begins an answer whose body is sent in the same breath."""

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
COMPRESS_FROM_BYTES = 128 * 1024
COMPRESSING_BYTES_MAX = 64 * 1024 * 1024
_compressing: Counter[str] = Counter()
COMPRESSION_LEVEL = 1
GZIP_WINDOW = 16 + zlib.MAX_WBITS
WARNINGS_LENGTH_MAX, WARNING_CUT_LENGTH = 4096, 256
"""Of all warnings together, and of each where they are longer; in characters, as in Kubernetes."""


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
            BODY_FOLLOWS: True,
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_large(
    scope: Scope,
    send: Send,
    body: bytes,
    headers: Sequence[Header] = (),
    *,
    status: int = 200,
    content_type: bytes = JSON,
) -> None:
    """What may be megabytes: compressed in a thread when it is and the client can read it.

    Where many of them wait for that already it goes as it is, rather than be kept with them.
    """
    size = len(body)
    if (
        size >= COMPRESS_FROM_BYTES
        and "gzip" in header(scope, b"accept-encoding")
        and _compressing["bytes"] <= COMPRESSING_BYTES_MAX
    ):
        _compressing["bytes"] += size
        try:
            body = await asyncio.to_thread(_gzip, body)
        finally:
            _compressing["bytes"] -= size
        headers = [*headers, (b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    await send_bytes(send, body, status=status, content_type=content_type, headers=headers)


async def send_object(
    send: Send, obj: object, *, status: int = 200, headers: Sequence[Header] = ()
) -> None:
    await send_bytes(send, orjson.dumps(obj), status=status, headers=headers)


async def send_error(send: Send, error: StatusError) -> None:
    headers = warning_headers(error.warnings)
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    await send_bytes(send, orjson.dumps(error.to_status()), status=error.code, headers=headers)


def success_status(details: RawObject) -> RawObject:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def warning_headers(warnings: Sequence[str]) -> list[Header]:
    """One Warning header each, as RFC 7234 and clients of Kubernetes want it, and each said once.

    When they are too long together each is cut, and the last ones are not said: clients refuse a
    head that is longer than any that they expect.
    """
    texts = [*dict.fromkeys(warnings)]
    if sum(map(len, texts)) > WARNINGS_LENGTH_MAX:
        texts = [text[:WARNING_CUT_LENGTH] for text in texts]
    headers: list[Header] = []
    length = 0
    for text in texts:
        if length >= WARNINGS_LENGTH_MAX:
            break
        length += len(text)
        line = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
        headers.append((b"warning", f'299 - "{line}"'.encode()))
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

"""The little that engines which speak HTTP share: raw ASGI bodies, answers and credentials.

An engine's app is a plain ASGI function of its own protocol; no web framework enters here.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

from towpath.machinery.asgi import Receive, Scope, Send

Headers = Sequence[tuple[str, str]]

T = TypeVar("T")


class ClientLeft(Exception):
    """The client closed the connection before it had sent or read everything."""


def header(scope: Scope, name: str) -> str:
    """A request header by its lower-case name, "" when absent."""
    wanted = name.encode("latin-1")
    for key, value in scope["headers"]:
        if key == wanted:
            text: str = value.decode("latin-1")
            return text
    return ""


def token_of(scope: Scope) -> str | None:
    """The token of a Bearer header, or the password of a Basic one, whatever its user name."""
    scheme, _, value = header(scope, "authorization").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2] or None


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it arrives. Raises ClientLeft when it ends too early."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


async def start_answer(send: Send, status: int, headers: Headers) -> None:
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def send_chunk(send: Send, chunk: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def answer(send: Send, status: int, body: bytes = b"", headers: Headers = ()) -> None:
    """A whole answer at once; Content-Length is added unless it is given (as HEAD does)."""
    given = {name.lower() for name, _ in headers}
    if "content-length" not in given:
        headers = [*headers, ("Content-Length", str(len(body)))]
    await start_answer(send, status, headers)
    await send_chunk(send, body, more=False)


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, but cancel it and raise ClientLeft when the client leaves before it is done.

    Only after the whole request body was received: this reads what comes after it.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(work)
            leaving = tasks.create_task(_cancel_when_left(receive, running))
            running.add_done_callback(lambda _: leaving.cancel())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    if running.cancelled():
        raise ClientLeft
    return running.result()


async def _cancel_when_left(receive: Receive, running: "asyncio.Task[Any]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    running.cancel()

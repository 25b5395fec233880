"""A WebSocket of ASGI: accepted with a subprotocol, or refused with a Status as HTTP would be."""

import contextlib
from collections.abc import AsyncIterator
from typing import cast

import orjson

from towpath.machinery.asgi import Receive, Scope, Send
from towpath.machinery.errors import StatusError

NORMAL, PROTOCOL_ERROR = 1000, 1002


class WebSocket:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send

    @property
    def subprotocols(self) -> list[str]:
        return cast(list[str], self._scope["subprotocols"])

    async def accept(self, subprotocol: str) -> None:
        await self._receive()
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})

    async def messages(self) -> AsyncIterator[bytes]:
        """What the client sends, until it closes or leaves."""
        while (message := await self._receive())["type"] == "websocket.receive":
            yield message.get("bytes") or (message.get("text") or "").encode()

    async def send(self, data: bytes) -> None:
        """Dropped when the client has left, which `messages` tells."""
        with contextlib.suppress(OSError):
            await self._send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int = NORMAL) -> None:
        with contextlib.suppress(OSError):
            await self._send({"type": "websocket.close", "code": code})


async def refuse(send: Send, error: StatusError) -> None:
    """Instead of accepting."""
    headers = [(b"content-type", b"application/json")]
    start = {"type": "websocket.http.response.start", "status": error.code, "headers": headers}
    await send(start)
    body = orjson.dumps(error.to_status())
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})

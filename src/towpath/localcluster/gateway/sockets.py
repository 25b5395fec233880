"""A WebSocket through the gateway: the pod is asked first, then messages go both ways.

What the pod refuses is refused with its own words. Each side waits for the other when that is slow.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from towpath.localcluster.gateway.backends import Endpoint
from towpath.localcluster.gateway.connection import Headers
from towpath.machinery.asgi import Receive, Scope, Send

OPEN_S_MAX = 10.0
MESSAGE_BYTES_MAX = 1024 * 1024
ABNORMAL = 1011
_OWN = frozenset({b"host", b"connection", b"upgrade"})


async def deny(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    """Instead of accepting."""
    headers = [(b"content-type", content_type), (b"cache-control", b"no-store")]
    start = {"type": "websocket.http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})


async def relay(
    scope: Scope, receive: Receive, send: Send, *, host: str, target: str, endpoint: Endpoint
) -> None:
    """`host` is as the client wrote it. Raises OSError when the pod does not accept it."""
    async with _opened(scope, host, target, endpoint) as opened:
        if isinstance(opened, InvalidStatus):
            kind = opened.response.headers.get("content-type", "text/plain")
            body = opened.response.body or b""
            await deny(send, opened.response.status_code, bytes(body), kind.encode())
            return
        await receive()
        await send({"type": "websocket.accept", "subprotocol": opened.subprotocol})
        to_client = asyncio.ensure_future(_to_client(opened, send))
        to_pod = asyncio.ensure_future(_to_pod(receive, opened))
        try:
            await asyncio.wait((to_client, to_pod), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in (to_client, to_pod):
                direction.cancel()
            await asyncio.gather(to_client, to_pod, return_exceptions=True)


@asynccontextmanager
async def _opened(
    scope: Scope, host: str, target: str, endpoint: Endpoint
) -> AsyncIterator[ClientConnection | InvalidStatus]:
    passed = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in cast(Headers, scope["headers"])
        if name not in _OWN and not name.startswith(b"sec-websocket-")
    ]
    connecting = connect(
        f"ws://{host}{target}",
        host=endpoint.address,
        port=endpoint.port,
        subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
        additional_headers=passed,
        user_agent_header=None,
        compression=None,
        proxy=None,
        open_timeout=OPEN_S_MAX,
        max_size=MESSAGE_BYTES_MAX,
        ping_interval=None,
    )
    try:
        opened: ClientConnection | InvalidStatus = await connecting
    except InvalidStatus as refused:
        opened = refused
    except (InvalidHandshake, TimeoutError) as error:
        raise ConnectionError(str(error)) from error
    try:
        yield opened
    finally:
        if isinstance(opened, ClientConnection):
            await opened.close()


async def _to_client(opened: ClientConnection, send: Send) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for message in opened:
            kind = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", kind: message})
    await send(
        {
            "type": "websocket.close",
            "code": opened.close_code or ABNORMAL,
            "reason": opened.close_reason or "",
        }
    )


async def _to_pod(receive: Receive, opened: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while (message := await receive())["type"] == "websocket.receive":
            text, data = message.get("text"), message.get("bytes")
            await opened.send(text if text is not None else data or b"")
        await opened.close(*_closing(message))


def _closing(message: object) -> tuple[int, str]:
    """How the client closed, in codes that may be sent on."""
    assert isinstance(message, dict)
    code = message.get("code") or 1000
    sendable = code in range(1000, 1015) and code not in (1004, 1005, 1006)
    return (code if sendable or code >= 3000 else 1000), message.get("reason") or ""

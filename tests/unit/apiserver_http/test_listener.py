"""What reaches an application of what comes over the wire: whole requests, and nothing twofold."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from towpath.apiserver.http.listener import Listener
from towpath.machinery.asgi import Receive, Scope, Send


class Echo:
    """Answers with the body's size, and counts what arrived."""

    def __init__(self) -> None:
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    async with Listener(echo, port=0, head_s_max=0.2) as listener:
        yield listener.port


async def _ask(port: int, *pieces: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(10):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
    except ConnectionError:
        return b"cut off"
    finally:
        writer.close()


async def test_a_head_that_does_not_end_is_cut_off(port: int, echo: Echo) -> None:
    assert await _ask(port) == b""
    assert (await _ask(port, b"GET / HTTP/1.1\r\nhost: x\r\n")).startswith(b"HTTP/1.1 408 ")
    assert echo.requests == 0


async def test_a_head_without_end_is_refused(port: int, echo: Echo) -> None:
    answer = await _ask(port, b"GET / HTTP/1.1\r\n", *[b"x: " + b"y" * 99_000] * 30)
    assert answer.startswith((b"HTTP/1.1 431 ", b"cut off"))
    assert echo.requests == 0


async def test_a_large_body_is_no_large_head(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: %b\r\ncontent-length: 300000\r\n\r\n"
    body = b"z" * 300_000
    first, last = head % b"keep-alive" + body, head % b"close" + body
    assert (await _ask(port, first, last)).count(b"300000") == 2


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"content-length: 4\r\ntransfer-encoding: chunked", id="both lengths"),
        pytest.param(b"transfer-encoding: chunked\r\ncontent-length: 4", id="both, turned"),
        pytest.param(b"content-length: 4\r\ncontent-length: 5", id="two lengths"),
        pytest.param(b"content-length: +4", id="a length with a sign"),
        pytest.param(b"transfer-encoding: xchunked", id="an unknown encoding"),
        pytest.param(b"transfer-encoding : chunked", id="a space before the colon"),
        pytest.param(b"x: y\r\n\tz: w\r\ncontent-length: 4", id="a folded line"),
        pytest.param(b"x: a\x00b\r\ncontent-length: 4", id="a zero in a value"),
    ],
)
async def test_nobody_smuggles_a_second_request(port: int, echo: Echo, head: bytes) -> None:
    second = b"GET /smuggled HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    text = b"POST / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n0\r\n\r\n" + second
    answer = await _ask(port, text)
    assert answer.count(b"HTTP/1.1 200") <= 1
    assert answer.startswith(b"HTTP/1.1 400") or echo.requests == 0, answer

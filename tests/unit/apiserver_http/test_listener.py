"""What reaches an application of what comes over the wire: whole requests, and nothing twofold."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.asgi import Application, Message, Receive, Scope, Send


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


async def _answered(answer: Application, *pieces: bytes) -> bytes:
    async with Listener(answer, port=0) as listener:
        return await _ask(listener.port, *pieces)


def _start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def path_in_chunks(scope: Scope, _receive: Receive, send: Send) -> None:
    await send(_start())
    await send(_body(scope["raw_path"], more=True))
    await asyncio.sleep(0)
    await send(_body(b"?" + scope["query_string"]))


async def test_requests_sent_at_once_are_answered_in_order() -> None:
    answer = await _answered(path_in_chunks, GET % b"a" + GET % b"b?c=d" + GET % b"e" + LAST)
    places = [answer.index(path) for path in (b"/a", b"/b", b"c=d", b"/e", b"/last")]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answer.endswith(b"5\r\n/last\r\n1\r\n?\r\n0\r\n\r\n")


async def test_what_comes_in_single_bytes_is_one_request() -> None:
    one_by_one = [bytes((byte,)) for byte in GET % b"a" + LAST]
    assert (await _answered(path_in_chunks, *one_by_one)).count(b"HTTP/1.1 200") == 2


async def test_the_head_of_an_answer_does_not_wait_for_its_body() -> None:
    told = asyncio.Event()

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"2")))
        await told.wait()
        await send(_body(b"ok"))

    async with Listener(answer, port=0) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(LAST)
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
            told.set()
            assert await reader.read() == b"ok"
        writer.close()


async def test_an_answer_to_head_has_no_body() -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"5")))
        await send(_body(b"12345"))

    head = b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert (await _answered(answer, head)).endswith(
        b"content-length: 5\r\nconnection: close\r\n\r\n"
    )


async def test_an_old_client_is_sent_no_chunks() -> None:
    answer = await _answered(path_in_chunks, b"GET /old HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n/old?")


async def test_a_large_answer_arrives_whole() -> None:
    content = bytes(range(256)) * 10_000

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"%d" % len(content))))
        await send(_body(content))

    assert (await _answered(answer, LAST)).endswith(content)


async def test_who_waits_before_sending_a_body_is_told_to_go_on(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"content-length: 3\r\n\r\n")
    async with asyncio.timeout(10):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"abc")
        assert (await reader.read()).endswith(b"\r\n\r\n3")
    writer.close()


async def test_a_body_that_nobody_asked_for_ends_the_connection() -> None:
    """Whether it still comes cannot be known, so nothing after it can be understood."""

    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"0"), status=401))
        await send(_body(b""))

    head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
    answer = await _answered(refuse, head)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer


async def test_an_answer_may_come_before_the_body_has() -> None:
    async def refuse(scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"5")))
        await send(_body(scope["raw_path"]))

    post = b"POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n"
    answer = await _answered(refuse, post, b"x" * 900_000, LAST)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.endswith(b"/last")


async def test_a_body_comes_no_faster_than_it_is_asked_for() -> None:
    asked = asyncio.Event()
    sizes: list[int] = []

    async def answer(_scope: Scope, receive: Receive, send: Send) -> None:
        await asked.wait()
        more = True
        while more:
            message = await receive()
            sizes.append(len(message["body"]))
            more = message["more_body"]
        await send(_start((b"content-length", b"0")))
        await send(_body(b""))

    size = 50_000_000
    async with Listener(answer, port=0) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        # What the system's own buffers hold is not under our control, and less than that.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await writer.drain()
        asked.set()
        async with asyncio.timeout(30):
            await writer.drain()
        writer.close()
    assert sizes[0] < 1_000_000


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb"])
async def test_no_line_break_gets_into_a_head(value: bytes) -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"x", value)))
        await send(_body(b""))

    found = await _answered(answer, LAST)
    assert found.startswith(b"HTTP/1.1 500 ")
    assert b"cookie" not in found


async def test_an_answer_that_is_shorter_than_it_says_is_not_sent() -> None:
    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(_start((b"content-length", b"9")))
        await send(_body(b"short"))

    assert (await _answered(answer, GET % b"a")).startswith(b"HTTP/1.1 500 ")


async def test_a_request_for_another_protocol_is_answered_in_this_one() -> None:
    text = b"GET /h2c HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    assert b"/h2c" in await _answered(path_in_chunks, text)


async def test_who_leaves_is_noticed_by_who_waits_for_it() -> None:
    left = asyncio.Event()

    async def answer(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with Listener(answer, port=0) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(GET % b"a")
        await writer.drain()
        writer.close()
        async with asyncio.timeout(10):
            await left.wait()


async def test_stopping_lets_a_request_end_and_takes_no_more() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await send(_start((b"content-length", b"4")))
        await send(_body(b"done"))

    listener = Listener(answer, port=0)
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(GET % b"a")
    await begun.wait()
    stopping = asyncio.create_task(listener.stop())
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(10):
        assert (await reader.read()).endswith(b"connection: close\r\n\r\ndone")
        await stopping
    writer.close()

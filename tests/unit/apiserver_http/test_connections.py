"""What is taken from clients that hold on to a connection, and what one costs."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

from tests.support import eventually

from towpath.apiserver.authn.pki import open_pki
from towpath.apiserver.http.wire.connections import READ_BYTES, STALLED_S_MAX
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.asgi import Receive, Scope, Send

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = bytes(64 * 1024 * 1024)


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    length = [(b"content-length", b"%d" % len(LARGE))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": LARGE})


async def small(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def until_stalled(listener: Listener) -> int:
    """How much waits for the only client, which does not read any more."""
    waiting: list[int] = []

    async def does_not_change() -> bool:
        waiting.extend(one.transport.get_write_buffer_size() for one in listener.connections)
        return len(waiting) > 5 and waiting[-1] > 0 and len(set(waiting[-5:])) == 1

    await eventually(does_not_change, every_s=0.02)
    return waiting[-1]


async def test_who_does_not_read_is_cut_off_and_who_reads_slowly_is_not() -> None:
    async with Listener(large, port=0) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
        writer.write(GET)
        connections = listener.connections
        await until_stalled(listener)
        connections.cut_stalled(1000.0, STALLED_S_MAX)
        await reader.readexactly(16 * 1024 * 1024)
        await until_stalled(listener)
        connections.cut_stalled(1000.0 + STALLED_S_MAX + 1, STALLED_S_MAX)
        assert len(connections) == 1, "the client had read some of it"
        connections.cut_stalled(1000.0 + 2 * STALLED_S_MAX, STALLED_S_MAX)
        assert len(connections) == 1
        connections.cut_stalled(1000.0 + 3 * STALLED_S_MAX, STALLED_S_MAX)

        async def is_cut_off() -> bool:
            return not connections

        await eventually(is_cut_off)
        writer.close()


async def test_where_much_waits_for_those_who_do_not_read_they_are_cut_off_at_once() -> None:
    async with Listener(large, port=0) as listener:
        connections = listener.connections
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
        writer.write(GET)
        waits = await until_stalled(listener)
        connections.cut_stalled(1000.0, STALLED_S_MAX)
        connections.unsent_bytes_max = waits
        connections.cut_stalled(1001.0, STALLED_S_MAX)
        assert len(connections) == 1
        connections.unsent_bytes_max = waits - 1
        connections.cut_stalled(1002.0, STALLED_S_MAX)

        async def is_cut_off() -> bool:
            return not connections

        await eventually(is_cut_off)
        writer.close()


async def test_little_is_kept_for_a_client_that_does_not_read() -> None:
    async with Listener(large, port=0) as listener:
        _, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
        writer.write(GET)
        assert await until_stalled(listener) < 512 * 1024
        writer.transport.abort()


async def test_where_all_connections_are_taken_an_idle_one_gives_way() -> None:
    async with Listener(small, port=0, connections_max=2) as listener:
        opened = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            writer.write(GET)
            assert b" 204 " in await reader.readline()
            opened.append(writer)
        assert len(listener.connections) <= 2
        for writer in opened:
            writer.close()


async def test_where_all_connections_are_in_use_another_is_refused() -> None:
    answered = asyncio.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await answered.wait()
        await small(scope, receive, send)

    async with Listener(waiting, port=0, connections_max=1) as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(GET)

        async def is_taken() -> bool:
            return any(not one.is_idle for one in listener.connections)

        await eventually(is_taken)
        refused, other = await asyncio.open_connection("127.0.0.1", listener.port)
        with suppress(ConnectionResetError):
            assert await refused.read() == b""
        answered.set()
        assert b" 204 " in await reader.readline()
        for one in (writer, other):
            one.close()


async def test_an_idle_connection_has_no_read_buffer_of_its_own(tmp_path: Path) -> None:
    """asyncio gives each 256 KiB: ten thousand watches would be 2.5 GB."""
    pki = open_pki(tmp_path)
    async with Listener(small, port=0, tls=pki.server_context()) as listener:
        trusting = ssl.create_default_context(cafile=str(pki.ca_file))
        writers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("localhost", listener.port, ssl=trusting)
            writer.write(GET)
            assert b" 204 " in await reader.readline()
            writers.append(writer)
        views = {id(one.transport._ssl_protocol._ssl_buffer) for one in listener.connections}
        sizes = {len(one.transport._ssl_protocol._ssl_buffer) for one in listener.connections}
        assert len(views) == 1
        assert sizes == {READ_BYTES}
        for writer in writers:
            writer.transport.abort()


async def test_of_answers_that_wait_only_so_many_are_kept() -> None:
    """Each of their clients read a moment ago: it is the whole that is too much."""
    async with Listener(large, port=0) as listener:
        connections = listener.connections
        connections.held_bytes_max = int(2.5 * len(LARGE))
        clients = []
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
            writer.write(GET)
            await reader.readexactly(1000)
            clients.append(writer)

        async def two_are_left() -> bool:
            return len(connections) == 2

        await eventually(two_are_left)
        assert [connections.held_by(one) for one in connections] == [len(LARGE)] * 2
        for writer in clients:
            writer.close()


async def test_an_answer_that_is_longer_than_all_may_be_is_read_to_its_end() -> None:
    async with Listener(large, port=0) as listener:
        listener.connections.held_bytes_max = len(LARGE) // 8
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        writer.write(GET)
        await until_stalled(listener)
        assert len(listener.connections) == 1
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(LARGE)) == LARGE
        writer.close()

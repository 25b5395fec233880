"""port-forward on a real listener: SPDY in a WebSocket, spoken here byte by byte."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.unit.machinery.test_spdy import Peer, data
from tests.wire import WiredApi, wired_api_server

from towpath.apiserver.http.forwarding import CONNECTIONS_MAX
from towpath.apiserver.pods import Connected, ExecOptions, Execution, PodLogOptions
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

UPGRADE = (
    "GET /api/v1/namespaces/default/pods/p/portforward HTTP/1.1\r\nHost: localhost\r\n"
    "Authorization: Bearer {token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n"
)
BINARY, CLOSE, PROTOCOL_ERROR = 2, 8, 1002
RST_STREAM = 3


class EchoingPods:
    """Port 7 of every pod gives back what it gets; on others nobody listens."""

    def __init__(self, echo_port: int) -> None:
        self._echo_port = echo_port

    async def logs(self, pod: RawObject, options: PodLogOptions) -> AsyncIterator[bytes]:
        raise AssertionError

    async def put_on_record(
        self, user: UserInfo, pod: RawObject, subresource: str, detail: RawObject
    ) -> None:
        assert subresource == "portforward"

    async def execute(self, pod: RawObject, options: ExecOptions) -> Execution:
        raise AssertionError

    async def connect(self, pod: RawObject, port: str) -> Connected:
        if port != "7":
            raise StatusError(f"nobody listens on {port}")
        return await asyncio.open_connection("127.0.0.1", self._echo_port)


class Client:
    """A WebSocket in whose messages SPDY is spoken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.spdy = Peer()

    def send(self, frames: bytes) -> None:
        size = struct.pack(">BBH", 0x80 | BINARY, 0x80 | 126, len(frames))
        self.writer.write(size + bytes(4) + frames)

    async def receive(self) -> tuple[int, bytes]:
        """The next message: opcode and content."""
        async with asyncio.timeout(10):
            first, size = await self._reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            return first & 0xF, await self._reader.readexactly(size)

    async def until(self, frame: bytes) -> None:
        while frame not in (await self.receive())[1]:
            pass


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
    writer.close()


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[WiredApi]:
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        pods = EchoingPods(server.sockets[0].getsockname()[1])
        async with wired_api_server(tmp_path, pods=pods) as wired:
            spec = {"containers": [{"name": "main", "image": "a"}]}
            await wired.front.client().create(POD, POD.object("p", "default", spec=spec))
            yield wired


@asynccontextmanager
async def dialled(api: WiredApi) -> AsyncIterator[Client]:
    tls = api.connection().tls_context()
    reader, writer = await asyncio.open_connection("localhost", api.listener.port, ssl=tls)
    writer.write(UPGRADE.format(token=api.pki.admin_token).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    yield Client(reader, writer)
    writer.transport.abort()


async def test_connections_pass_both_ways_and_trouble_is_told_on_its_own_stream(
    api: WiredApi,
) -> None:
    async with dialled(api) as client:
        for number, port in ((0, "7"), (1, "9")):
            common = {"port": port, "requestid": str(number)}
            client.send(client.spdy.open(4 * number + 1, {"streamtype": "error", **common}))
            client.send(client.spdy.open(4 * number + 3, {"streamtype": "data", **common}))
        await client.until(data(5, b"nobody listens on 9", finished=True))
        client.send(data(3, b"hello"))
        await client.until(data(3, b"hello"))
        client.send(data(3, b"", finished=True))
        await client.until(data(3, b"", finished=True))


async def test_what_is_no_spdy_ends_the_connection_and_is_no_fault_of_ours(
    api: WiredApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with dialled(api) as client:
        client.send(b"\xff" * 40)
        assert await client.receive() == (CLOSE, struct.pack(">H", PROTOCOL_ERROR))
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_streams_without_end_are_refused(api: WiredApi) -> None:
    async with dialled(api) as client:
        for number in range(CONNECTIONS_MAX + 1):
            headers = {"streamtype": "error", "requestid": str(number)}
            client.send(client.spdy.open(2 * number + 1, headers))
        last = 2 * CONNECTIONS_MAX + 1
        await client.until(struct.pack(">HHII", 0x8003, RST_STREAM, 8, last))


async def test_a_client_that_is_cut_off_leaves_nothing_behind(
    api: WiredApi, caplog: pytest.LogCaptureFixture
) -> None:
    async with dialled(api) as client:
        common = {"port": "7", "requestid": "0"}
        client.send(client.spdy.open(1, {"streamtype": "error", **common}))
        client.send(client.spdy.open(3, {"streamtype": "data", **common}))
        client.send(data(3, b"hello"))
        await client.until(data(3, b"hello"))
    async with dialled(api) as again:
        again.send(again.spdy.open(1, {"streamtype": "data", **common}))
        again.send(data(1, b"again"))
        await again.until(data(1, b"again"))
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []

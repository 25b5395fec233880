"""HTTP/2: many requests on one connection, each in its own time, and limits on all of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.settings import SettingCodes
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.apiserver.authn.pki import Pki, open_pki
from towpath.apiserver.http.wire import http2, http2_stream
from towpath.apiserver.http.wire.listener import Listener
from towpath.machinery.asgi import Receive, Scope, Send

DEADLINE_S = 20.0
CALM_DOWN = (ErrorCodes.ENHANCE_YOUR_CALM, None)
"""Or cut off, where the client still wrote and could not read that."""


@dataclass(slots=True)
class World:
    """An application, and what it has seen."""

    going_on: int = 0
    left: int = 0
    begun: int = 0
    unread: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: bodies are read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        match scope["path"]:
            case "/echo":
                await self._echo(scope, receive, send)
            case "/lasting":
                await self._last(receive, send)
            case "/large":
                await _answer(send, b"x" * int(scope["query_string"]))
            case "/fault":
                raise ValueError("a defect")
            case _:
                said = [scope["http_version"], scope["method"], dict(scope["headers"])[b"host"]]
                await _answer(send, repr(said).encode())

    async def _echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["query_string"] == b"wait":
            await self.unread.wait()
        size, more = 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await _answer(send, str(size).encode())

    async def _last(self, receive: Receive, send: Send) -> None:
        self.going_on += 1
        await _start(send)
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        self.going_on -= 1
        self.left += 1


async def _start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Connection", b"x")]})


async def _answer(send: Send, body: bytes) -> None:
    await _start(send)
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return open_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def listener(world: World, pki: Pki) -> AsyncIterator[Listener]:
    async with Listener(world, port=0, tls=pki.server_context(), head_s_max=5, grace_s=2) as one:
        yield one


def trusting(pki: Pki, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki.ca_file))
    context.set_alpn_protocols([*protocols])
    return context


Answer = dict[int, list[Event]]


class Hostile:
    """A client that may send what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.events: list[Event] = []
        self.reads = True
        self.h2.initiate_connection()

    async def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())
        await self.writer.drain()

    def ask(self, path: str, method: str = "GET", *, end: bool = True) -> int:
        number = self.h2.get_next_available_stream_id()
        headers = {":method": method, ":path": path, ":scheme": "https", ":authority": "here"}
        self.h2.send_headers(number, list(headers.items()), end_stream=end)
        return number

    async def until(self, done: Callable[[list[Event]], bool]) -> list[Event]:
        async with asyncio.timeout(DEADLINE_S):
            while not done(self.events):
                data = await self.reader.read(65536)
                if not data:
                    self.events.append(cut_off())
                    break
                for event in self.h2.receive_data(data):
                    self.events.append(event)
                    if isinstance(event, DataReceived) and self.reads:
                        size = event.flow_controlled_length or 0
                        self.h2.acknowledge_received_data(size, event.stream_id or 0)
                await self.flush()
        return self.events

    async def ended(self, number: int) -> bytes:
        await self.until(
            lambda events: any(
                isinstance(event, StreamEnded) and event.stream_id == number for event in events
            )
        )
        return b"".join(
            event.data or b""
            for event in self.events
            if isinstance(event, DataReceived) and event.stream_id == number
        )

    async def closed(self) -> ConnectionTerminated:
        found = await self.until(
            lambda events: any(isinstance(event, ConnectionTerminated) for event in events)
        )
        return next(event for event in found if isinstance(event, ConnectionTerminated))


def cut_off() -> ConnectionTerminated:
    event = ConnectionTerminated()
    event.error_code = None
    return event


Connect = Callable[[], Awaitable[Hostile]]


@pytest.fixture
async def connect(listener: Listener, pki: Pki) -> AsyncIterator[Connect]:
    opened: list[Hostile] = []

    async def connect() -> Hostile:
        reader, writer = await asyncio.open_connection(
            "localhost", listener.port, ssl=trusting(pki, "h2"), limit=2**16
        )
        opened.append(client := Hostile(reader, writer))
        await client.flush()
        await client.until(
            lambda events: any(isinstance(event, RemoteSettingsChanged) for event in events)
        )
        return client

    yield connect
    for client in opened:
        client.writer.transport.abort()


async def test_the_handshake_says_what_is_spoken(listener: Listener, pki: Pki) -> None:
    for protocols, version in ((["h2", "http/1.1"], "HTTP/2"), (["http/1.1"], "HTTP/1.1")):
        async with httpx2.AsyncClient(
            verify=trusting(pki, *protocols), http2="h2" in protocols, trust_env=False
        ) as http:
            answer = await http.get(f"https://localhost:{listener.port}/a%20b?q=1")
            assert answer.http_version == version
            assert f"localhost:{listener.port}" in answer.text
            big = await http.post(f"https://localhost:{listener.port}/echo", content=b"z" * 900_000)
            assert big.text == "900000"
            assert (await http.head(f"https://localhost:{listener.port}/")).content == b""


async def test_every_body_of_many_is_received(connect: Connect) -> None:
    """The connection's window is given back, also for the last piece of a body."""
    client = await connect()
    for _ in range(60):
        number = client.ask("/echo", "POST", end=False)
        for piece in range(4):
            client.h2.send_data(number, b"y" * 10_000, end_stream=piece == 3)
        await client.flush()
        assert await client.ended(number) == b"40000"


async def test_requests_go_on_beside_a_body_that_nobody_reads(
    connect: Connect, world: World
) -> None:
    client = await connect()
    waiting = client.ask("/echo?wait", "POST", end=False)
    room = client.h2.local_flow_control_window(waiting)
    assert room < 2**16
    while room:
        piece = min(room, client.h2.max_outbound_frame_size)
        client.h2.send_data(waiting, b"y" * piece)
        room -= piece
    beside = client.ask("/echo", "POST", end=False)
    client.h2.send_data(beside, b"12345", end_stream=True)
    await client.flush()
    assert await client.ended(beside) == b"5"
    assert client.h2.local_flow_control_window(waiting) == 0, "no more is let in"
    world.unread.set()
    client.h2.end_stream(waiting)
    await client.flush()
    assert await client.ended(waiting) == b"65535"


async def test_a_client_that_does_not_read_holds_nothing_else_up(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http2_stream, "STUCK_S", 0.2)
    client = await connect()
    client.reads = False
    client.h2.increment_flow_control_window(2**20)
    stuck = client.ask("/large?3000000")
    quick = client.ask("/")
    await client.flush()
    assert b"'2', 'GET', b'here'" in await client.ended(quick)
    found = await client.until(lambda events: any(isinstance(e, StreamReset) for e in events))
    reset = next(event for event in found if isinstance(event, StreamReset))
    assert (reset.stream_id, reset.error_code) == (stuck, ErrorCodes.CANCEL)
    received = sum(
        len(event.data or b"")
        for event in found
        if isinstance(event, DataReceived) and event.stream_id == stuck
    )
    assert received == 65_535, "as much as its window held"


async def test_answers_that_nobody_reads_are_not_all_made(
    connect: Connect, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http2, "HELD_BYTES", 1_000_000)
    client = await connect()
    client.reads = False
    numbers = [client.ask("/large?600000") for _ in range(30)]
    await client.flush()
    await client.until(lambda events: any(isinstance(event, DataReceived) for event in events))
    assert world.begun == 2, "the first fills no more than the limit, the second does"
    client.reads = True
    client.h2.increment_flow_control_window(2**24)
    for number in numbers:
        client.h2.increment_flow_control_window(2**20, number)
    await client.flush()
    for number in numbers:
        assert len(await client.ended(number)) == 600_000


async def test_large_answers_come_whole(connect: Connect) -> None:
    client = await connect()
    numbers = [client.ask("/large?2000000") for _ in range(5)]
    await client.flush()
    for number in numbers:
        assert await client.ended(number) == b"x" * 2_000_000


async def test_who_lets_in_much_and_reads_late_gets_all_of_it(
    connect: Connect, listener: Listener
) -> None:
    client = await connect()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**24})
    client.h2.increment_flow_control_window(2**26)
    numbers = [client.ask("/large?6000000") for _ in range(4)]
    await client.flush()
    (connection,) = listener.connections

    async def is_held_up() -> bool:
        return bool(connection.write_paused)

    await eventually(is_held_up, deadline_s=DEADLINE_S)
    assert connection.transport.get_write_buffer_size() < 2**20
    for number in numbers:
        assert len(await client.ended(number)) == 6_000_000


async def test_many_watches_share_a_connection(tmp_path: Path) -> None:
    count = http2.STREAMS_MAX - 10
    path = "/api/v1/namespaces/default/configmaps"
    async with wired_api_server(tmp_path) as api:
        connection = api.connection()
        async with httpx2.AsyncClient(
            base_url=api.server,
            verify=connection.tls_context(),
            headers={"authorization": f"Bearer {connection.token}"},
            limits=httpx2.Limits(max_connections=1),
            http2=True,
            trust_env=False,
        ) as http:
            open_: asyncio.Queue[None] = asyncio.Queue()

            async def first_event() -> str:
                async with http.stream("GET", path, params={"watch": "1"}, timeout=60) as answer:
                    assert answer.http_version == "HTTP/2"
                    open_.put_nowait(None)
                    async for line in answer.aiter_lines():
                        return line
                return ""

            async with asyncio.TaskGroup() as tasks:
                watches = [tasks.create_task(first_event()) for _ in range(count)]
                for _ in watches:
                    await open_.get()
                obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "seen"}}
                assert (await http.post(path, json=obj)).status_code == 201
            assert all('"name":"seen"' in watch.result() for watch in watches)


async def test_what_lasts_ends_when_the_client_takes_it_back(
    connect: Connect, world: World
) -> None:
    client = await connect()
    numbers = [client.ask("/lasting") for _ in range(50)]
    await client.flush()
    await eventually(lambda: _is(world.going_on, 50))
    for number in numbers[:20]:
        client.h2.reset_stream(number, ErrorCodes.CANCEL)
    await client.flush()
    await eventually(lambda: _is(world.left, 20))
    assert world.going_on == 30
    client.writer.close()
    await eventually(lambda: _is(world.left, 50))


async def _is(found: int, wanted: int) -> bool:
    return found == wanted


async def test_stopping_answers_what_was_asked_and_takes_nothing_new(
    listener: Listener, connect: Connect, world: World
) -> None:
    client = await connect()
    number = client.ask("/echo?wait", "POST", end=False)
    await client.flush()
    await eventually(lambda: _is(world.begun, 1))
    stopping = asyncio.create_task(listener.stop())
    farewell = await client.closed()
    assert (farewell.error_code, farewell.last_stream_id) == (0, number)
    await stopping


async def test_a_defect_is_an_answer_and_not_the_end(connect: Connect) -> None:
    client = await connect()
    failed, well = client.ask("/fault"), client.ask("/")
    await client.flush()
    await client.ended(failed)
    assert await client.ended(well)
    answer = next(
        event
        for event in client.events
        if isinstance(event, ResponseReceived) and event.stream_id == failed
    )
    assert dict(answer.headers or [])[":status"] == "500"


# -- attacks ---------------------------------------------------------------------------------


async def test_rapid_reset_is_ended(connect: Connect, world: World) -> None:
    """CVE-2023-44487."""
    client = await connect()
    for _ in range(1500):
        client.h2.reset_stream(client.ask("/lasting"))
    await flooded(client)
    assert (await client.closed()).error_code in CALM_DOWN
    assert world.begun <= http2.STREAMS_MAX, "what is taken back at once is not begun again"
    await eventually(lambda: _is(world.going_on, 0))


async def flooded(client: Hostile) -> None:
    """Who is closed while it writes may not be able to write all."""
    try:
        await client.flush()
    except ConnectionError:
        client.events.append(cut_off())


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"\0\0\x08\x06\0\0\0\0\0" + bytes(8), id="pings"),
        pytest.param(b"\0\0\0\x04\0\0\0\0\0", id="empty settings"),
        pytest.param(b"\0\0\0\0\0\0\0\0\x01", id="empty data"),
        pytest.param(b"\0\0\x05\x02\0\0\0\0\x01\0\0\0\0\x01", id="priorities"),
        pytest.param(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01", id="window updates"),
    ],
)
async def test_frames_that_carry_nothing_are_ended(connect: Connect, frame: bytes) -> None:
    client = await connect()
    client.ask("/echo", "POST", end=False)
    await client.flush()
    client.writer.write(frame * 5000)
    await flooded(client)
    assert (await client.closed()).error_code in CALM_DOWN


async def test_a_head_without_end_is_ended(connect: Connect, world: World) -> None:
    """A HEADERS frame without END_HEADERS, then CONTINUATION for ever."""
    client = await connect()
    client.writer.write(b"\0\0\x01\x01\0\0\0\0\x01\x82")
    client.writer.write((b"\0\x40\0\x09\0\0\0\0\x01" + bytes(2**14)) * 100)
    await flooded(client)
    assert await client.closed()
    assert world.begun == 0


async def test_a_head_that_unpacks_to_much_is_ended(connect: Connect, world: World) -> None:
    client = await connect()
    number = client.h2.get_next_available_stream_id()
    large = [(f"x-{index}", "y" * 1000) for index in range(100)]
    pseudo = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "a")]
    client.h2.remote_settings[SettingCodes.MAX_HEADER_LIST_SIZE] = 2**24
    client.h2.send_headers(number, [*pseudo, *large], end_stream=True)
    await flooded(client)
    assert await client.closed()
    assert world.begun == 0


async def test_a_table_without_end_is_not_kept(connect: Connect) -> None:
    client = await connect()
    client.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 2**32 - 1})
    client.h2.decoder.max_allowed_table_size = 2**32 - 1
    await client.flush()
    number = client.ask("/")
    await client.flush()
    await client.ended(number)
    assert client.h2.decoder.header_table_size == 0


async def test_more_streams_than_allowed_are_refused(connect: Connect, world: World) -> None:
    client = await connect()
    client.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 2**20
    client.h2.remote_settings.acknowledge()
    for _ in range(http2.STREAMS_MAX + 50):
        client.ask("/lasting")
    await flooded(client)
    await client.closed()
    assert world.begun <= http2.STREAMS_MAX


async def test_who_says_nothing_is_closed(world: World, pki: Pki, tmp_path: Path) -> None:
    async with Listener(world, port=0, tls=pki.server_context(), head_s_max=0.2) as listener:
        reader, writer = await asyncio.open_connection(
            "localhost", listener.port, ssl=trusting(pki, "h2")
        )
        async with asyncio.timeout(DEADLINE_S):
            assert (await reader.read()).endswith(bytes(4)), "a farewell, and the end"
        writer.close()

"""WebSockets through the gateway to a real program in a pod."""

import importlib.metadata
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.localcluster.test_gateway import HOST, ingress
from tests.scenarios.localcluster.world import World, deployment, running_world, service
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from towpath.apiserver.http.wire.listener import Listener
from towpath.localcluster.gateway.proxy import Gateway
from towpath.machinery.core_kinds import DEPLOYMENT, INGRESS, SERVICE

ECHO = """
    import os, sys
    sys.path.append(os.environ["LIBRARIES"])
    from websockets.sync.server import serve

    def process_request(connection, request):
        if request.path == "/refused":
            return connection.respond(418, "not this one\\n")
        if request.headers.get("Upgrade") is None:
            return connection.respond(200, "ready\\n")

    def answer(socket):
        if socket.request.path == "/leaves":
            socket.close(4002, "as agreed")
            return
        headers = socket.request.headers
        socket.send(f"{headers['Host']} {socket.request.path} {headers.get('Cookie')}")
        for message in socket:
            socket.send(message)

    address = os.environ["HOST"], int(os.environ["PORT"])
    options = dict(process_request=process_request, subprotocols=["echo"], max_size=2**21)
    serve(answer, *address, **options).serve_forever()
"""
LIBRARIES = str(Path(str(importlib.metadata.distribution("websockets").locate_file(""))).resolve())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_world(tmp_path, {"web": textwrap.dedent(ECHO)}) as world:
        yield world


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    await world.client.create(SERVICE, service())
    await world.client.create(INGRESS, ingress())
    gateway = Gateway([world.cluster.state])
    async with Listener(gateway, port=0, websockets=True) as listener:
        yield listener.port
    gateway.close()


def dial(port: int, path: str, **options: object) -> connect:
    address = f"ws://{HOST}:{port}{path}"
    options = {"host": "127.0.0.1", "port": port, "subprotocols": ["echo"], **options}
    return connect(address, proxy=None, **options)  # type: ignore[arg-type]


async def said(socket: ClientConnection, message: str | bytes) -> str | bytes:
    await socket.send(message)
    return await socket.recv()


async def test_messages_pass_both_ways_and_the_end_of_each_side(world: World, port: int) -> None:
    with pytest.raises(InvalidStatus) as early:
        await dial(port, "/")
    assert early.value.response.status_code == 503

    await world.client.create(DEPLOYMENT, deployment(env={"LIBRARIES": LIBRARIES}))
    await world.rolled_out()
    headers = {"Cookie": "a=b"}
    async with dial(port, "/chat?room=1", additional_headers=headers) as one:
        assert one.subprotocol == "echo"
        assert await one.recv() == f"{HOST}:{port} /chat?room=1 a=b"
        assert await said(one, "text") == "text"
        assert await said(one, b"\x00bytes") == b"\x00bytes"
        large = b"x" * 900_000
        assert await said(one, large) == large

    with pytest.raises(InvalidStatus) as refused:
        await dial(port, "/refused")
    assert refused.value.response.status_code == 418
    assert refused.value.response.body == b"not this one\n"

    async with dial(port, "/leaves") as left:
        with pytest.raises(ConnectionClosedError) as closed:
            await left.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "as agreed")

"""Requests through the gateway, and a rolling update that loses none of them."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.scenarios.localcluster.world import World, deployment, service

from towpath.apiserver.http.wire.listener import Listener
from towpath.localcluster.gateway.proxy import Gateway
from towpath.machinery.core_kinds import DEPLOYMENT, INGRESS, SERVICE
from towpath.machinery.objects import RawObject

HOST = "web.localhost"
RATE_PER_S = 50


def ingress(host: str = HOST, service_name: str = "web") -> RawObject:
    backend = {"service": {"name": service_name, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return INGRESS.object(
        service_name, "default", spec={"rules": [{"host": host, "http": {"paths": [path]}}]}
    )


@asynccontextmanager
async def gateway_of(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    gateway = Gateway([world.cluster.state])
    try:
        async with (
            Listener(gateway, port=0) as listener,
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{listener.port}", headers={"Host": HOST}, timeout=10
            ) as client,
        ):
            yield client
    finally:
        gateway.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    await world.client.create(SERVICE, service())
    await world.client.create(INGRESS, ingress())
    async with gateway_of(world) as client:
        yield client


async def answers(world: World, client: httpx2.AsyncClient, wanted: str) -> httpx2.Response:
    async def answered() -> httpx2.Response | None:
        response = await client.get("/")
        return response if wanted in response.text else None

    found: httpx2.Response = await world.until(answered, f"the gateway answers {wanted!r}")
    return found


async def test_a_request_reaches_a_ready_pod_by_its_host(
    world: World, client: httpx2.AsyncClient
) -> None:
    await world.client.create(DEPLOYMENT, deployment())
    response = await answers(world, client, "hello from web-")
    assert response.status_code == 200


async def test_what_cannot_be_served_is_said_in_one_sentence(
    world: World, client: httpx2.AsyncClient
) -> None:
    assert (await client.get("/")).status_code == 503
    unknown = await client.get("/", headers={"Host": "nobody.localhost"})
    assert unknown.status_code == 404
    assert "nobody.localhost" in unknown.text
    upgrade = await client.get("/", headers={"Upgrade": "h2c", "Connection": "Upgrade"})
    assert upgrade.status_code == 501


async def test_a_rolling_update_loses_no_request(world: World, client: httpx2.AsyncClient) -> None:
    await world.client.create(DEPLOYMENT, deployment(replicas=2, env={"GREETING": "one"}))
    await world.rolled_out()
    await answers(world, client, "one")
    seen: list[tuple[int, str]] = []
    stop = asyncio.Event()
    load = asyncio.create_task(steady_load(client, seen, stop))
    for greeting in ("two", "three"):
        changed = deployment(replicas=2, env={"GREETING": greeting})
        template = changed["spec"]["template"]
        await world.client.patch(DEPLOYMENT, "web", "default", {"spec": {"template": template}})
        await world.rolled_out()
        await answers(world, client, greeting)
    stop.set()
    await load
    failed = [text for status, text in seen if status != 200]
    assert len(seen) > 2 * RATE_PER_S / 10
    assert failed == []
    assert {text.split()[0] for _, text in seen} == {"one", "two", "three"}


async def steady_load(
    client: httpx2.AsyncClient, seen: list[tuple[int, str]], stop: asyncio.Event
) -> None:
    async with asyncio.TaskGroup() as tasks:
        due_s = time.perf_counter()
        while not stop.is_set():
            tasks.create_task(one_request(client, seen))
            due_s += 1 / RATE_PER_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due_s - time.perf_counter()))


async def one_request(client: httpx2.AsyncClient, seen: list[tuple[int, str]]) -> None:
    response = await client.get("/")
    seen.append((response.status_code, response.text))


ECHO = """
import asyncio, hashlib, os

async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            lines = head.decode().split("\\r\\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            body = b""
            if headers.get("transfer-encoding") == "chunked":
                while size := int(await reader.readline(), 16):
                    body += await reader.readexactly(size)
                    await reader.readline()
                await reader.readline()
            else:
                body = await reader.readexactly(int(headers.get("content-length", 0)))
            answer(writer, lines[0], headers, body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()

def answer(writer, first, headers, body):
    path = first.split()[1]
    if path.startswith("/big"):
        size = 3_000_000
        writer.write(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
        for _ in range(30):
            writer.write(b"%x\\r\\n" % (size // 30) + b"x" * (size // 30) + b"\\r\\n")
        writer.write(b"0\\r\\n\\r\\n")
        return
    text = f"{first}|{headers.get('x-forwarded-for')}|{headers['host']}|{len(body)}|"
    text += hashlib.sha256(body).hexdigest()
    payload = b"" if first.startswith("HEAD") else text.encode()
    writer.write(b"HTTP/1.1 200 OK\\r\\nX-Custom: kept\\r\\nKeep-Alive: timeout=5\\r\\n")
    writer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(text) + payload)

async def main():
    server = await asyncio.start_server(serve, os.environ["HOST"], int(os.environ["PORT"]))
    await server.serve_forever()

asyncio.run(main())
"""


async def test_bodies_pass_in_both_directions(world: World, client: httpx2.AsyncClient) -> None:
    world.images.programs["echo"] = ECHO
    await world.client.create(DEPLOYMENT, deployment(image="echo"))
    await world.rolled_out()
    await answers(world, client, "GET / HTTP/1.1|127.0.0.1|web.localhost|0|")

    response = await client.get("/a%20b?c=%2F", headers={"X-Forwarded-For": "6.6.6.6"})
    assert response.text.startswith("GET /a%20b?c=%2F HTTP/1.1|127.0.0.1|")
    assert response.headers["x-custom"] == "kept"
    assert "keep-alive" not in response.headers

    sent = b"z" * 2_000_000
    assert f"|{len(sent)}|" in (await client.post("/", content=sent)).text

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"y" * 100_000

    assert "|1000000|" in (await client.post("/", content=pieces())).text
    assert len((await client.get("/big")).content) == 3_000_000
    head = await client.head("/")
    assert head.status_code == 200
    assert head.content == b""
    assert (await client.get("/")).status_code == 200


async def test_a_pod_that_dies_is_passed_over(world: World, client: httpx2.AsyncClient) -> None:
    await world.client.create(DEPLOYMENT, deployment(replicas=2))
    await world.rolled_out()
    await answers(world, client, "hello")
    statuses: Any = [pod["status"]["containerStatuses"][0] for pod in await world.pods()]
    pid = int(statuses[0]["containerID"].removeprefix("process://"))
    seen: list[tuple[int, str]] = []
    stop = asyncio.Event()
    load = asyncio.create_task(steady_load(client, seen, stop))
    os.kill(pid, 9)

    async def restarted() -> bool:
        pods = await world.pods()
        return any(pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods)

    await world.until(restarted, "the pod is started again in place")
    stop.set()
    await load
    # What was in the dead process's hands may be lost; nothing else.
    assert sum(status != 200 for status, _ in seen) <= 1

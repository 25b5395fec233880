"""Attacks on the wire itself: what is no HTTP, too much of it, too slow, or cut off."""

import asyncio
import gzip
import random
import zlib

from tests.hostile.scene import FREES, HOME, Breach, Scene
from tests.hostile.wire import Silent, Wire, request

MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
HANGING_MAX = 40
"""Connections that are left open in the middle of something, at any time."""

LINES = (
    b"GET / HTTP/9.9",
    b"GET /",
    b"GET  / HTTP/1.1",
    b"get / HTTP/1.1",
    b"\x00\x01\x02 / HTTP/1.1",
    b"GET /\x00 HTTP/1.1",
    b"GET /\xff\xfe HTTP/1.1",
    b"GET http://elsewhere.example/api HTTP/1.1",
    b"GET * HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT 127.0.0.1:22 HTTP/1.1",
    b"TRACE /api HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"BREW /api HTTP/1.1",
    b"GET /api?" + b"a=1&" * 3000 + b" HTTP/1.1",
    b"GET /" + b"a/" * 5000 + b" HTTP/1.1",
    b"GET /%zz HTTP/1.1",
    b"GET /% HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-OpenSSH_9.2",
)
HEADERS = (
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 0x10",
    b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: gzip",
    b"Host",
    b": nameless",
    b"Name : value",
    b" folded: value",
    b"Name: a\x00b",
    b"Name: a\nInjected: b",
    b"Expect: 200-ok",
    b"Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    b"Connection: upgrade\r\nUpgrade: websocket",
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAA",
    b"Connection: upgrade\r\nUpgrade: SPDY/3.1",
    b"Range: bytes=0-1,2-3",
    b"Content-Encoding: gzip",
    b"Accept: " + b"application/json;q=0.1," * 400,
    b"Accept-Encoding: \xff",
    b"User-Agent: " + b"\xe2\x80\xae" * 100,
)
CHUNKS = (
    b"ZZ\r\nabc\r\n",
    b"5\r\nabc\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFFF\r\nabc",
    b"-1\r\n\r\n",
    b"1;" + b"x" * 70_000 + b"\r\na\r\n0\r\n\r\n",
    b"1\r\na\r\n0\r\nTrailer: " + b"x" * 70_000 + b"\r\n\r\n",
    b"1\r\na\r\n" * 20_000 + b"0\r\n\r\n",
)


async def malformed(scene: Scene, choose: random.Random) -> None:
    """Something that is no request; then the connection is dead or the next request is answered."""
    token = scene.tokens["mallory"] if choose.random() < 0.5 else ""
    line, header = choose.choice(LINES), choose.choice(HEADERS)
    auth = f"Authorization: Bearer {token}\r\n".encode() if token else b""
    head = line if choose.random() < 0.5 else b"POST " + MAPS.encode() + b" HTTP/1.1"
    data = head + b"\r\nHost: localhost\r\n" + auth + header + b"\r\n\r\n"
    if choose.random() < 0.3:
        data = _scrambled(data, choose)
    async with scene.wire() as wire:
        await wire.send(data)
        await _listen(scene, wire, f"malformed {data[:80]!r}")


def _scrambled(data: bytes, choose: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(choose.randrange(1, 12)):
        place = choose.randrange(len(changed))
        match choose.randrange(3):
            case 0:
                changed[place] = choose.randrange(256)
            case 1:
                del changed[place]
            case _:
                changed[place:place] = bytes(choose.randrange(256) for _ in range(3))
    return bytes(changed)


async def noise(scene: Scene, choose: random.Random) -> None:
    """Bytes of no protocol, into TLS and beside it."""
    data = choose.randbytes(choose.randrange(1, 5000))
    if choose.random() < 0.5:
        async with scene.wire() as wire:
            await wire.send(data)
            await _listen(scene, wire, "noise")
        return
    _, writer = await asyncio.open_connection("127.0.0.1", scene.process.port)
    writer.write(data)
    writer.transport.abort()


async def chunked(scene: Scene, choose: random.Random) -> None:
    """Bodies whose chunks lie."""
    head = request(
        "POST",
        MAPS,
        token=scene.tokens["mallory"],
        headers=(("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")),
    )
    async with scene.wire() as wire:
        await wire.send(head + choose.choice(CHUNKS))
        await _listen(scene, wire, "chunked")


async def oversized(scene: Scene, choose: random.Random) -> None:
    """Bodies and heads past every limit."""
    token = scene.tokens["mallory"]
    async with scene.wire() as wire:
        match choose.randrange(4):
            case 0:
                body = b'{"data":{"a":"' + b"x" * (3 * 1024 * 1024) + b'"}}'
                answer = await wire.ask(request("POST", MAPS, token=token, body=body))
                scene.look_at(answer, "a body of 3 MiB", allowed=(0, 413))
            case 1:
                announced = (("Content-Length", str(10**15)),)
                await wire.send(request("POST", MAPS, token=token, headers=announced))
                scene.look_at(await wire.read(), "a petabyte", allowed=(413,))
            case 2:
                long = (("X-Long", "x" * choose.choice((70_000, 300_000, 1_500_000))),)
                answer = await wire.ask(request("GET", MAPS, token=token, headers=long))
                scene.look_at(answer, "a long head", allowed=(0, 200, 431))
            case _:
                many = tuple((f"X-{number}", "x") for number in range(20_000))
                answer = await wire.ask(request("GET", MAPS, token=token, headers=many))
                scene.look_at(answer, "many headers", allowed=(0, 200, 431))


async def compressed(scene: Scene, choose: random.Random) -> None:
    """Nobody unpacks a body here: a small one that unpacks to a gigabyte costs nothing."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join([bomb.compress(b"\0" * 1_000_000) for _ in range(50)]) + bomb.flush()
    if choose.random() < 0.5:
        body = gzip.compress(b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"gz"}}')
    encoding = (("Content-Encoding", choose.choice(("gzip", "deflate", "br", "gzip, gzip"))),)
    async with scene.wire() as wire:
        token = scene.tokens["mallory"]
        answer = await wire.ask(request("POST", MAPS, token=token, body=body, headers=encoding))
        scene.look_at(answer, "a compressed body", allowed=(400, 415))


async def pipelined(scene: Scene, choose: random.Random) -> None:
    """Thousands of requests at once, whose answers nobody reads."""
    one = request("GET", MAPS, token=scene.tokens["mallory"])
    async with scene.wire() as wire:
        await wire.send(one * choose.randrange(100, 3000))
        scene.look_at(await wire.read(), "a pipeline", allowed=(200, 429))


async def smuggled(scene: Scene, choose: random.Random) -> None:
    """A second request inside the body of a first: the admin's answer must not be mallory's."""
    inner = request("GET", "/api/v1/namespaces/vault/secrets/canary")
    lengths = (("Content-Length", "4"), ("Transfer-Encoding", "chunked"))
    outer = request(
        "POST", MAPS, token=scene.tokens["mallory"], headers=choose.choice((lengths, lengths[::-1]))
    )
    async with scene.wire() as wire:
        await wire.send(outer + b"0\r\n\r\n" + inner)
        await _listen(scene, wire, "a smuggled request")
        try:
            await _listen(scene, wire, "what was smuggled")
        except (Silent, AssertionError) as error:
            if isinstance(error, Breach):
                raise


class Hanging:
    """Connections that stop in the middle: of TLS, of a head, of a body, of reading."""

    def __init__(self) -> None:
        self._open: list[Wire] = []

    async def __call__(self, scene: Scene, choose: random.Random) -> None:
        if len(self._open) >= HANGING_MAX:
            await self._open.pop(choose.randrange(len(self._open))).close()
        for wire in self._open:
            # One more byte, now and then: slower than anybody who means it.
            if choose.random() < 0.2:
                await wire.send(b"x")
        wire = scene.wire()
        await wire.open()
        self._open.append(wire)
        token = scene.tokens["mallory"]
        match choose.randrange(5):
            case 0:
                await wire.send(b"GET /api HTTP/1.1\r\nHost: loc")
            case 1:
                body = (("Content-Length", "100000"), ("Content-Type", "application/json"))
                await wire.send(request("POST", MAPS, token=token, headers=body) + b'{"a')
            case 2:
                watch = f"{MAPS}?watch=true&allowWatchBookmarks=true"
                await wire.send(request("GET", watch, token=token))
            case 3:
                await wire.send(request("GET", f"{FREES}?limit=500", token=token) * 50)
            case _:
                # The answer comes at once; the body that was announced goes on for ever.
                endless = (("Transfer-Encoding", "chunked"),)
                await wire.send(request("POST", MAPS, token="wrong", headers=endless) + b"1\r\na")

    async def close(self) -> None:
        for wire in self._open:
            await wire.close()
        self._open = []


async def _listen(scene: Scene, wire: Wire, what: str) -> None:
    """An answer, an end, or a wait for more of what was announced; a fault is none of them."""
    try:
        async with asyncio.timeout(0.5):
            answer = await wire.read()
    except (TimeoutError, Silent, ValueError):
        return
    scene.look_at(answer, what, allowed=(*range(200, 500), 0, 501, 505))

"""Attacks on HTTP/2: floods, bombs, windows, broken frames, and heads that mean two things."""

import asyncio
import random
import ssl
import struct

from hpack import Encoder

from tests.hostile.scene import FREES, HOME, VAULT, Scene
from tests.hostile.wire2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    FRAME_BYTES,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_MAX,
    Fields,
    Frames,
    fields_of,
    frame,
    head,
    settings,
    window,
)

MAPS = f"/api/v1/namespaces/{HOME}/configmaps"
SECRET = f"/api/v1/namespaces/{VAULT}/secrets/canary"
ANSWERED = (0, *range(200, 500), 501)
HEAR_S = 0.5
HANGING_MAX = 20

TABLE_SIZE, PUSH, STREAMS, WINDOW_SIZE, FRAME_SIZE, LIST_SIZE = range(1, 7)
SETTINGS_SAID = (
    settings((TABLE_SIZE, 2**32 - 1)),
    settings((TABLE_SIZE, 0)),
    settings((PUSH, 2)),
    settings((STREAMS, 0)),
    settings((WINDOW_SIZE, WINDOW_MAX)),
    settings((WINDOW_SIZE, 2**31)),
    settings((WINDOW_SIZE, 0)),
    settings((FRAME_SIZE, 1)),
    settings((FRAME_SIZE, 2**24 - 1)),
    settings((FRAME_SIZE, 2**24)),
    settings((LIST_SIZE, 0)),
    settings((0xFFFF, 1)),
    settings(*((WINDOW_SIZE, number) for number in range(2000))),
    frame(SETTINGS, 0, 0, b"12345"),
    frame(SETTINGS, 1, 0, b"\0\1\0\0\0\0"),
    frame(SETTINGS, 0, 1),
)
BROKEN = (
    frame(DATA, 0, 0, b"a"),
    frame(DATA, 0, 1, b"a"),
    frame(DATA, PADDED, 1, b"\xff"),
    frame(HEADERS, END_HEADERS, 0, b"\x82"),
    frame(HEADERS, END_HEADERS, 2, b"\x82"),
    frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff\x82"),
    frame(HEADERS, END_HEADERS | 0x20, 1, struct.pack(">LB", 1, 0) + b"\x82"),
    frame(PRIORITY, 0, 1, b"\0"),
    frame(PRIORITY, 0, 0, bytes(5)),
    frame(RST_STREAM, 0, 0, bytes(4)),
    frame(RST_STREAM, 0, 7, bytes(4)),
    frame(RST_STREAM, 0, 1, b"\0"),
    frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2\x82"),
    frame(PING, 0, 0, b"short"),
    frame(PING, 0, 1, bytes(8)),
    frame(GOAWAY, 0, 0, bytes(4)),
    frame(GOAWAY, 0, 0, bytes(8) + b"x" * 10_000),
    window(0, 0),
    window(0, WINDOW_MAX),
    window(1, WINDOW_MAX),
    frame(CONTINUATION, END_HEADERS, 1, b"\x82"),
    frame(0x77, 0xFF, 1, b"unknown"),
    b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * 2000,
    b"\0\x40\1\1\4\0\0\0\1" + bytes(FRAME_BYTES + 1),
    bytes(9) * 500,
)
BLOCKS = (
    b"\x80",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\xbe" * 100,
    b"\x3f\xe1\xff\xff\xff\x0f",
    b"\x20" * 16_000,
    b"\x3f\xe1\x1f\x20" * 4000,
    b"\x82\x87\x84\x41\x84\xff\xff\xff\xff",
    b"\x00\x7f\xff\xff\xff\x0fname",
    b"\x82",
    b"",
)


def h2_context(scene: Scene) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(scene.process.folder / "pki" / "ca.crt"))
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    return context


def _frames(scene: Scene, opening: bytes | None = None) -> Frames:
    context = h2_context(scene)
    if opening is None:
        return Frames(scene.process.port, context)
    return Frames(scene.process.port, context, opening)


async def _listen(scene: Scene, wire: Frames, what: str, *, streams: int = 1) -> None:
    for answer in await wire.hear(HEAR_S, streams=streams):
        scene.look_at(answer, what, allowed=ANSWERED)


async def floods(scene: Scene, choose: random.Random) -> None:
    """Frames by the thousand that are cheap to send."""
    token, many = scene.tokens["mallory"], choose.randrange(500, 8000)
    async with _frames(scene) as wire:
        opened = wire.request(1, "POST", MAPS, token=token, end=False)
        first = wire.block(fields_of("GET", MAPS, token=token))
        match choose.randrange(9):
            case 0:  # CVE-2023-44487, with the token in the table of the connection
                await wire.send(head(1, first))
                again = wire.block(fields_of("GET", MAPS, token=token))
                data = b"".join(
                    head(number, again) + frame(RST_STREAM, 0, number, b"\0\0\0\x08")
                    for number in range(3, 2 * many, 2)
                )
            case 1:
                data = frame(PING, 0, 0, bytes(8)) * many
            case 2:
                data = settings() * many
            case 3:
                data = settings((WINDOW_SIZE, 0)) + settings((WINDOW_SIZE, WINDOW_MAX))
                data = opened + data * (many // 2)
            case 4:
                data = opened + frame(DATA, 0, 1) * many
            case 5:
                data = opened + frame(DATA, PADDED, 1, b"\xff" + bytes(255)) * many
            case 6:
                data = b"".join(
                    frame(PRIORITY, 0, number, struct.pack(">LB", number - 2, 255))
                    for number in range(3, 2 * many, 2)
                )
            case 7:
                data = opened + window(1, 1) * many
            case _:  # CVE-2024-27316
                data = frame(HEADERS, 0, 1, first) + frame(CONTINUATION, 0, 1) * many
                data += frame(CONTINUATION, 0, 1, b"\x40\x01a\x01b" * 2000) * 50
        await wire.send(data)
        await _listen(scene, wire, "a flood")


async def bombs(scene: Scene, choose: random.Random) -> None:
    """Heads that are small on the wire and large when they are unpacked, or that are no heads."""
    async with _frames(scene) as wire:
        match choose.randrange(4):
            case 0:
                large = wire.block([("x-large", "y" * 3900)])
                data = head(1, large + b"\xbe" * choose.choice((10, 16_000, 200_000)))
            case 1:
                fields = [*fields_of("GET", MAPS), *((f"x-{n}", "y" * 500) for n in range(5000))]
                data = head(1, wire.block(fields))
            case 2:
                data = head(1, choose.choice(BLOCKS))
            case _:
                block = bytearray(wire.block(fields_of("GET", MAPS, token="x" * 900)))
                for _ in range(choose.randrange(1, 6)):
                    block[choose.randrange(len(block))] = choose.randrange(256)
                data = head(1, bytes(block))
        await wire.send(data)
        await _listen(scene, wire, "a bomb")


async def broken(scene: Scene, choose: random.Random) -> None:
    """Frames that are wrong, before, within and after a request that is none of that."""
    opening = PREFACE + choose.choice((settings(), *SETTINGS_SAID))
    if choose.random() < 0.1:
        opening = choose.choice((b"PRI * HTTP/2.0\r\n\r\n", PREFACE * 2, PREFACE, b"GET / HTTP/1"))
    async with _frames(scene, opening) as wire:
        parts = [
            wire.request(1, "GET", MAPS, token=scene.tokens["mallory"], end=choose.random() < 0.5),
            *choose.choices((*BROKEN, *SETTINGS_SAID), k=choose.randrange(1, 5)),
        ]
        choose.shuffle(parts)
        await wire.send(b"".join(parts))
        await _listen(scene, wire, f"broken frames {parts!r}"[:300])


def _ambiguous(path: str, token: str, choose: random.Random) -> Fields:
    """A head that two readers could take for two requests."""
    fields = fields_of("GET", path, token=token)
    more: tuple[Fields, ...] = (
        [("host", "elsewhere.example")],
        [("host", "localhost"), ("host", "elsewhere.example")],
        [(":path", "/healthz")],
        [(":method", "POST")],
        [(":protocol", "websocket")],
        [(":status", "200")],
        [("transfer-encoding", "chunked")],
        [("connection", "authorization")],
        [("upgrade", "h2c")],
        [("te", "gzip")],
        [("Authorization", "Bearer x")],
        [("authorization ", "Bearer x")],
        [("content-length", "1000000")],
        [("content-length", "-1"), ("content-length", "5")],
        [("x", "a\r\nimpersonate-user: admin")],
        [("x\r\nimpersonate-user", "admin")],
        [("x", b"\0")],
        [("impersonate-user", "admin"), ("impersonate-group", "system:masters")],
        [("impersonate_user", "admin")],
        [("x-remote-user", "admin"), ("x-remote-group", "system:masters")],
        [("x-forwarded-client-cert", "CN=admin,O=system:masters")],
        [("cookie", "a"), ("cookie", "towpath_session=x")],
        [("", "nameless")],
        [("authorization", "Bearer second")],
        [("expect", "100-continue")],
        [("x-http-method-override", "DELETE")],
        [("x-original-url", SECRET), ("x-rewrite-url", SECRET)],
    )
    match choose.randrange(5):
        case 0:
            fields = list(reversed(fields))
        case 1:
            drop = choose.randrange(4)
            fields = [field for place, field in enumerate(fields) if place != drop]
        case 2:
            target = choose.choice(
                ("", "*", "api", f"https://localhost{path}", f"/healthz\0{path}", f"/\r\n{path}",
                 f"//localhost{path}", f"/healthz#{path}", f"/healthz/..{path}", f"{path}\xe9")
            )  # fmt: skip
            fields = [(name, target if name == ":path" else value) for name, value in fields]
        case _:
            pass
    return [*fields, *choose.choice(more)]


async def ambiguous(scene: Scene, choose: random.Random) -> None:
    """Whatever a head may mean, the secret is not what it is answered with."""
    token = choose.choice(("", *scene.tokens.values()))
    path = choose.choice((SECRET, SECRET, "/api/v1/secrets", FREES))
    async with _frames(scene) as wire:
        fields = _ambiguous(path, token, choose)
        block = Encoder().encode(list(fields), huffman=choose.random() < 0.5)
        data = head(1, block, end=choose.random() < 0.7)
        data += wire.request(3, "GET", "/healthz")
        if choose.random() < 0.3:
            trailer = head(1, wire.block([("impersonate-user", "admin"), (":path", SECRET)]))
            data = head(1, block, end=False) + trailer
        await wire.send(data)
        await _listen(scene, wire, f"{fields!r}"[:300], streams=2)


class Hanging2:
    """Connections with as many streams as there may be, whose answers nobody lets in."""

    def __init__(self) -> None:
        self._open: list[Frames] = []

    async def __call__(self, scene: Scene, choose: random.Random) -> None:
        if len(self._open) >= HANGING_MAX:
            await self._open.pop(choose.randrange(len(self._open))).__aexit__()
        sizes = choose.choice((0, 1, 100, 65_535))
        wire = _frames(scene, PREFACE + settings((WINDOW_SIZE, sizes)))
        await wire.__aenter__()
        self._open.append(wire)
        token = scene.tokens["mallory"]
        path, method, end = choose.choice(
            (
                (FREES, "GET", True),
                (MAPS, "GET", True),
                (f"{MAPS}?watch=true&sendInitialEvents=true"
                 "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true", "GET", True),
                (MAPS, "POST", False),
                ("/openapi/v2", "GET", True),
            )
        )  # fmt: skip
        for number in range(1, 2 * choose.choice((1, 10, 100)), 2):
            await wire.send(wire.request(number, method, path, token=token, end=end))
            if not end:
                await wire.send(frame(DATA, 0, number, b"{" * 600))
        if choose.random() < 0.3:
            await wire.send(frame(HEADERS, 0, 999, b"\x82"))
        await asyncio.sleep(0)

    async def close(self) -> None:
        for wire in self._open:
            await wire.__aexit__()
        self._open = []


async def many_watches(scene: Scene, choose: random.Random) -> None:
    """Watches opened and taken back, again and again."""
    token = scene.tokens["mallory"]
    async with _frames(scene) as wire:
        numbers = range(1, 180, 2)
        for base in range(0, 1000 * choose.randrange(1, 4), 1000):
            for number in numbers:
                watch = f"{MAPS}?watch=true&timeoutSeconds=5&resourceVersion=0"
                await wire.send(wire.request(base + number, "GET", watch, token=token))
            await _listen(scene, wire, "watches")
            for number in numbers:
                await wire.send(frame(RST_STREAM, 0, base + number, b"\0\0\0\x08"))


async def changed_tables(scene: Scene, choose: random.Random) -> None:
    """A table of four gigabytes for the heads of answers, which differ from one to the next."""
    token = scene.tokens["mallory"]
    async with _frames(scene, PREFACE + settings((TABLE_SIZE, 2**32 - 1))) as wire:
        for number in range(1, 400, 2):
            path = f"{MAPS}/{'n' * choose.randrange(1, 200)}"
            await wire.send(wire.request(number, "GET", path, token=token))
        await _listen(scene, wire, "a large table", streams=200)


ATTACKS = {
    "h2 floods": (floods, 2),
    "h2 bombs": (bombs, 4),
    "h2 broken": (broken, 6),
    "h2 ambiguous": (ambiguous, 8),
    "h2 watches": (many_watches, 1),
    "h2 tables": (changed_tables, 1),
}

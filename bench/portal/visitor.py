"""Who visits in the bench: one connection that is kept open, and the few lines of HTTP it takes.

A library's client costs as much as a page does; what is timed here is the platform.
"""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from tests.platform import PlatformProcess

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"set-cookie: ([^;\r]+)", re.IGNORECASE)
ANSWER_S_MAX = 120.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    head: bytes
    body: bytes
    took_s: float


class Visitor:
    """Signed in as one person. One request at a time."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port = port
        self.cookie = cookie
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, *, accept_encoding: str = "") -> Answered:
        more = f"Accept-Encoding: {accept_encoding}\r\n" if accept_encoding else ""
        return await self._ask(f"GET {path} HTTP/1.1\r\n{self._headers()}{more}\r\n".encode())

    async def post(self, path: str, fields: str) -> Answered:
        head = f"POST {path} HTTP/1.1\r\n{self._headers()}"
        form = "Content-Type: application/x-www-form-urlencoded\r\n"
        return await self._ask(
            f"{head}{form}Content-Length: {len(fields)}\r\n\r\n{fields}".encode()
        )

    async def _ask(self, request: bytes) -> Answered:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        began = time.perf_counter()
        writer.write(request)
        async with asyncio.timeout(ANSWER_S_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length.group(1))) if length else b""
        took_s = time.perf_counter() - began
        return Answered(int(head.split(b" ", 2)[1]), head, body, took_s)

    async def open_stream(self, page: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The stream of a page that is looked at, past its first event."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        path = f"/-/live?page={quote(page)}"
        writer.write(f"GET {path} HTTP/1.1\r\n{self._headers()}\r\n".encode())
        async with asyncio.timeout(ANSWER_S_MAX):
            await reader.readuntil(b"event: open")
        return reader, writer

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()

    def _headers(self) -> str:
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        return f"Host: localhost:{self.port}\r\n{cookie}"


async def signed_in(platform: PlatformProcess, person: str) -> Visitor:
    """With a session of their own."""
    made = await platform.towpath("login-link", "--user", person)
    assert made.code == 0, made.stderr
    link = dict(parse_qsl(urlsplit(made.stdout.split()[-1]).query))["link"]
    visitor = Visitor(platform.port)
    answer = await visitor.post("/sign-in", f"link={quote(link)}&next=/")
    found = _COOKIE.findall(answer.head)
    assert answer.status == 303 and found, answer.head.decode()
    visitor.cookie = "; ".join(one.decode() for one in found)
    return visitor

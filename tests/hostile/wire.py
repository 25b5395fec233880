"""Raw HTTP over TLS: what no client library would send, and every byte that comes back."""

import asyncio
import ssl
from dataclasses import dataclass, field

READ_S_MAX = 60.0
"""On a machine that others keep busy."""
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class Silent(Exception):
    """No answer in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: the connection was closed without a word."""

    status: int
    head: bytes = b""
    body: bytes = b""

    @property
    def raw(self) -> bytes:
        return self.head + b"\r\n\r\n" + self.body


CLOSED = Answer(0)


@dataclass(slots=True)
class Wire:
    """One connection. Anything may be sent on it; answers are read one at a time."""

    port: int
    tls: ssl.SSLContext
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None
    sent: int = field(default=0)

    async def __aenter__(self) -> "Wire":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        async with asyncio.timeout(READ_S_MAX):
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost"
            )

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._reader = self._writer = None

    async def send(self, data: bytes) -> None:
        """A server that has heard enough may close: that is no error here."""
        assert self._writer is not None
        try:
            self._writer.write(data)
            async with asyncio.timeout(READ_S_MAX):
                await self._writer.drain()
        except (OSError, TimeoutError):
            return

    async def ask(self, data: bytes) -> Answer:
        """One whole request on a connection that stays open between requests."""
        if self._writer is None or self._writer.is_closing():
            await self.close()
            await self.open()
        await self.send(data)
        answer = await self.read(has_body=not data.startswith(b"HEAD "))
        if not answer.status or b"connection: close" in answer.head.lower():
            await self.close()
        return answer

    async def read(self, *, has_body: bool = True) -> Answer:
        """The next answer. Raises Silent."""
        assert self._reader is not None
        try:
            async with asyncio.timeout(READ_S_MAX):
                head = await self._reader.readuntil(b"\r\n\r\n")
                status = int(head.split(b" ", 2)[1])
                if status == 100:
                    return await self.read(has_body=has_body)
                return Answer(status, head, await self._body(head) if has_body else b"")
        except TimeoutError:
            raise Silent from None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            return Answer(0, body=getattr(error, "partial", b"") or b"")

    async def _body(self, head: bytes) -> bytes:
        assert self._reader is not None
        names = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
        }
        if names.get(b"transfer-encoding") == b"chunked":
            parts = []
            while size := int(await self._reader.readline(), 16):
                parts.append((await self._reader.readexactly(size + 2))[:-2])
            await self._reader.readline()
            return b"".join(parts)
        if b"content-length" in names:
            return await self._reader.readexactly(int(names[b"content-length"]))
        return await self._reader.read(ANSWER_BYTES_MAX)


def request(
    method: str,
    path: str | bytes,
    *,
    token: str = "",
    body: bytes | None = None,
    content_type: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A well-formed request, apart from what it says."""
    target = path if isinstance(path, bytes) else path.encode("latin-1", "replace")
    lines = [method.encode() + b" " + target + b" HTTP/1.1", b"Host: localhost"]
    if token:
        lines.append(f"Authorization: Bearer {token}".encode())
    if body is not None:
        lines += [f"Content-Type: {content_type}".encode(), b"Content-Length: %d" % len(body)]
    lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")

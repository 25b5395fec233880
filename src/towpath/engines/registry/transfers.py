"""Blobs over HTTP: downloads with ranges, and uploads at once, in chunks or by mounting.

Bytes are gathered to a mebibyte, then written and hashed in a thread; nothing is held whole.
"""

import asyncio
import logging
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, TypeVarTuple
from urllib.parse import quote

import anyio
import anyio.to_thread

from towpath.engines.asgi import ClientLeft, answer, body_chunks, send_chunk, start_answer
from towpath.engines.registry.answers import API_VERSION, RegistryError, invalid, unknown_blob
from towpath.engines.registry.blobs import Digest, Draft, parse_digest
from towpath.engines.registry.images import Images
from towpath.engines.registry.port import ImageInvalid
from towpath.machinery.asgi import Receive, Send

log = logging.getLogger(__name__)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_CHUNK = 2**20
_UPLOADS_MAX = 256
_IDLE_S_MAX = 3600.0
_THREADS = 4
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d+)-(\d+)(?:/\S+)?")
_MOUNT_SOURCES_MAX = 16


@dataclass(slots=True)
class Upload:
    """A blob that a client is sending, perhaps over several requests."""

    id: str
    name: str
    draft: Draft
    used_s: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Transfers:
    def __init__(self, images: Images, *, blob_bytes_max: int) -> None:
        self._images = images
        self._blob_bytes_max = blob_bytes_max
        self._threads = anyio.CapacityLimiter(_THREADS)
        self._uploads: dict[str, Upload] = {}

    async def in_thread(self, work: Callable[[*Arguments], T], *args: *Arguments) -> T:
        return await anyio.to_thread.run_sync(work, *args, limiter=self._threads)

    async def download(
        self, name: str, reference: str, byte_range: str, send: Send, *, head: bool
    ) -> None:
        digest = _digest(reference)
        size = await self.in_thread(self._linked_size, name, digest)
        if size is None:
            raise unknown_blob(digest)
        first, last, status = 0, size - 1, 200
        if byte_range and not head:
            first, last = _byte_range(byte_range, size)
            status = 206
        headers = [
            ("Content-Type", "application/octet-stream"),
            ("Content-Length", str(last - first + 1)),
            ("Docker-Content-Digest", digest),
            ("ETag", f'"{digest}"'),
            ("Accept-Ranges", "bytes"),
            API_VERSION,
        ]
        if status == 206:
            headers.append(("Content-Range", f"bytes {first}-{last}/{size}"))
        await start_answer(send, status, headers)
        if not head:
            try:
                async for chunk in self._file_chunks(self._images.blobs.path(digest), first, last):
                    await send_chunk(send, chunk, more=True)
            except OSError:
                # Too late for another status: an unfinished answer is how the client learns of it.
                log.exception("blob could not be read", extra={"digest": digest})
                return
        await send_chunk(send, b"", more=False)

    async def begin(self, name: str, receive: Receive, send: Send, digest: str) -> None:
        """POST: with a digest the whole blob comes at once, else an upload begins."""
        if not digest:
            upload = await self._new_upload(name)
            await self._tell(upload, send)
            return
        wanted = _digest(digest)
        upload = await self._new_upload(name)
        await self._take(upload, receive)
        await self._finish(upload, wanted, send)

    async def mount(
        self,
        name: str,
        digest: str,
        source: str,
        may_read: Callable[[str], Awaitable[bool]],
        send: Send,
    ) -> bool:
        """Use a blob that another image has; without a source, one that the user may read."""
        wanted = _digest(digest)
        sources = await self.in_thread(self._images.linked_from, wanted)
        if source:
            sources = [source] if source in sources else []
        for candidate in sources[:_MOUNT_SOURCES_MAX]:
            if await may_read(candidate) and await self.in_thread(self._images.blobs.touch, wanted):
                await self.in_thread(self._images.link, name, wanted)
                await _created(send, name, wanted)
                return True
        return False

    async def status(self, name: str, upload_id: str, send: Send) -> None:
        upload = self._find(name, upload_id)
        await self._tell(upload, send, status=204)

    async def chunk(
        self, name: str, upload_id: str, content_range: str, receive: Receive, send: Send
    ) -> None:
        upload = self._find(name, upload_id)
        async with upload.lock:
            self._check_order(upload, content_range)
            await self._take(upload, receive)
        await self._tell(upload, send)

    async def complete(
        self,
        name: str,
        upload_id: str,
        digest: str,
        content_range: str,
        receive: Receive,
        send: Send,
    ) -> None:
        upload = self._find(name, upload_id)
        wanted = _digest(digest)
        async with upload.lock:
            self._check_order(upload, content_range)
            await self._take(upload, receive)
            await self._finish(upload, wanted, send)

    async def cancel(self, name: str, upload_id: str, send: Send) -> None:
        upload = self._find(name, upload_id)
        async with upload.lock:
            await self._drop(upload)
        await answer(send, 204, headers=[API_VERSION])

    def _linked_size(self, name: str, digest: Digest) -> int | None:
        if not self._images.has_blob(name, digest) or not self._images.blobs.touch(digest):
            return None
        return self._images.blobs.size(digest)

    async def _new_upload(self, name: str) -> Upload:
        now = asyncio.get_running_loop().time()
        for old in list(self._uploads.values()):
            if now - old.used_s > _IDLE_S_MAX and not old.lock.locked():
                await self._drop(old)
        if len(self._uploads) >= _UPLOADS_MAX:
            raise RegistryError(429, "TOOMANYREQUESTS", "Too many uploads at once; try again")
        draft = await self.in_thread(self._images.blobs.draft)
        upload = Upload(uuid.uuid4().hex, name, draft, now)
        self._uploads[upload.id] = upload
        return upload

    def _find(self, name: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.name != name:
            raise RegistryError(
                404, "BLOB_UPLOAD_UNKNOWN", "There is no such upload; begin the upload again"
            )
        upload.used_s = asyncio.get_running_loop().time()
        return upload

    def _check_order(self, upload: Upload, content_range: str) -> None:
        """Raises 416 when a chunk does not begin where the last one ended."""
        if not content_range:
            return
        found = _CONTENT_RANGE.fullmatch(content_range)
        if found is None or int(found[1]) != upload.draft.size:
            raise RegistryError(
                416,
                "BLOB_UPLOAD_INVALID",
                f"The upload goes on at byte {upload.draft.size}, not at {content_range[:50]}",
                _upload_headers(upload),
            )

    async def _take(self, upload: Upload, receive: Receive) -> None:
        """Append the request's body. What a client that leaves has sent stays in the upload."""
        try:
            async for block in _blocks(receive):
                if upload.draft.size + len(block) > self._blob_bytes_max:
                    raise RegistryError(
                        413,
                        "SIZE_INVALID",
                        f"A blob may have at most {self._blob_bytes_max} bytes",
                    )
                await self.in_thread(upload.draft.append, block)
        except (RegistryError, OSError):
            await self._drop(upload)
            raise

    async def _finish(self, upload: Upload, wanted: Digest, send: Send) -> None:
        def keep() -> None:
            self._images.blobs.keep(upload.draft, wanted)
            self._images.link(upload.name, wanted)

        try:
            await self.in_thread(keep)
        except ImageInvalid as error:
            raise invalid("DIGEST_INVALID", error) from error
        finally:
            await self._drop(upload)
        await _created(send, upload.name, wanted)

    async def _drop(self, upload: Upload) -> None:
        self._uploads.pop(upload.id, None)
        await self.in_thread(upload.draft.discard)

    async def _tell(self, upload: Upload, send: Send, status: int = 202) -> None:
        await answer(send, status, headers=_upload_headers(upload))

    async def _file_chunks(self, path: Path, first: int, last: int) -> AsyncIterator[bytes]:
        file = await self.in_thread(lambda: path.open("rb"))
        try:
            await self.in_thread(file.seek, first)
            left = last - first + 1
            while left > 0:
                chunk = await self.in_thread(file.read, min(_CHUNK, left))
                if not chunk:
                    raise OSError(f"{path.name} ended too early")
                left -= len(chunk)
                yield chunk
        finally:
            file.close()


async def _blocks(receive: Receive) -> AsyncIterator[bytes]:
    """The body in blocks worth a thread. What came before a client left is not lost."""
    block = bytearray()
    try:
        async for chunk in body_chunks(receive):
            block += chunk
            if len(block) >= _CHUNK:
                yield bytes(block)
                block.clear()
    except ClientLeft:
        if block:
            yield bytes(block)
        raise
    if block:
        yield bytes(block)


def _digest(text: str) -> Digest:
    try:
        return parse_digest(text)
    except ImageInvalid as error:
        raise invalid("DIGEST_INVALID", error) from error


def _byte_range(text: str, size: int) -> tuple[int, int]:
    """First and last byte of a Range header. Raises 416."""
    found = _RANGE.fullmatch(text.strip())
    refused = RegistryError(
        416, "SIZE_INVALID", f"{text[:50]!r} is no range of {size} bytes",
        [("Content-Range", f"bytes */{size}")],
    )  # fmt: skip
    if found is None or not (found[1] or found[2]):
        raise refused
    if not found[1]:
        first, last = max(size - int(found[2]), 0), size - 1
    else:
        first = int(found[1])
        last = min(int(found[2]) if found[2] else size - 1, size - 1)
    if first > last:
        raise refused
    return first, last


def _upload_headers(upload: Upload) -> list[tuple[str, str]]:
    return [
        ("Location", f"/v2/{quote(upload.name)}/blobs/uploads/{upload.id}"),
        ("Docker-Upload-UUID", upload.id),
        ("Range", f"0-{max(upload.draft.size - 1, 0)}"),
        API_VERSION,
    ]


async def _created(send: Send, name: str, digest: Digest) -> None:
    headers = [
        ("Location", f"/v2/{quote(name)}/blobs/{digest}"),
        ("Docker-Content-Digest", digest),
        API_VERSION,
    ]
    await answer(send, 201, headers=headers)

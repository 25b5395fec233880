"""`pods/portforward`: SPDY/3.1 inside the messages of a WebSocket, as kubectl speaks it since 1.31.

For each connection to forward the client opens two streams with the same `requestid`: `error`, on
which we say what went wrong, and `data`. Source: KEP-4006, `k8s.io/client-go/tools/portforward`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from towpath.apiserver.http.podsockets import LASTS_S_MAX, PodSockets
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.sockets import NORMAL, PROTOCOL_ERROR, WebSocket
from towpath.apiserver.pods import Pods
from towpath.machinery import spdy
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

CONNECTIONS_MAX = 256
"""Through one WebSocket at a time."""
CHUNK_SIZE = 32 * 1024
QUEUED_MAX = 16
"""Pieces that a pod has not taken yet; then the client waits, with all of its connections."""


class ForwardSockets(PodSockets):
    subresource = "portforward"
    subprotocols = ("SPDY/3.1+portforward.k8s.io",)

    async def _talk(
        self, socket: WebSocket, subprotocol: str, request: ApiRequest, pods: Pods, pod: RawObject
    ) -> None:
        await pods.put_on_record(request.user, pod, self.subresource, {})
        await socket.accept(subprotocol)
        code = NORMAL
        try:
            async with self.lasting(at_most_s=LASTS_S_MAX), asyncio.TaskGroup() as tasks:
                await _Forwarding(socket, pods, pod, tasks).run()
        except* spdy.SpdyError:
            code = PROTOCOL_ERROR
        await socket.close(code)


class _Forwarding:
    """The streams of one WebSocket."""

    def __init__(
        self, socket: WebSocket, pods: Pods, pod: RawObject, tasks: asyncio.TaskGroup
    ) -> None:
        self._socket = socket
        self._pods = pods
        self._pod = pod
        self._tasks = tasks
        self._frames = spdy.Frames()
        self._errors: dict[str, int] = {}
        """The stream for errors, by requestid, until its data stream comes."""
        self._inputs: dict[int, asyncio.Queue[bytes]] = {}
        """What the client sends, by data stream; b"" is the end."""
        self._forwards: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until the client leaves. Raises SpdyError."""
        async for message in self._socket.messages():
            for event in self._frames.receive(message):
                await self._heed(event)
        for forward in self._forwards.values():
            forward.cancel()

    async def _heed(self, event: spdy.Event) -> None:
        if isinstance(event, spdy.Opened):
            await self._open(event)
        elif isinstance(event, spdy.Data):
            if queue := self._inputs.get(event.stream):
                if event.data:
                    await queue.put(event.data)
                if event.finished:
                    await queue.put(b"")
        elif isinstance(event, spdy.Reset):
            if forward := self._forwards.get(event.stream):
                forward.cancel()
        elif isinstance(event, spdy.Ping):
            await self._socket.send(self._frames.pong(event.number))

    async def _open(self, opened: spdy.Opened) -> None:
        request_id = opened.headers.get("requestid", "")
        kind = opened.headers.get("streamtype")
        many = len(self._errors) + len(self._forwards) >= CONNECTIONS_MAX
        if kind not in ("error", "data") or (many and request_id not in self._errors):
            await self._socket.send(self._frames.reset(opened.stream))
            return
        await self._socket.send(self._frames.reply(opened.stream))
        if kind == "error":
            self._errors[request_id] = opened.stream
            return
        errors = self._errors.pop(request_id, 0)
        stream, port = opened.stream, opened.headers.get("port", "")
        self._inputs[stream] = asyncio.Queue(QUEUED_MAX)
        forward = self._tasks.create_task(self._forward(stream, errors, port))
        self._forwards[stream] = forward
        forward.add_done_callback(lambda _: self._forget(stream))

    def _forget(self, stream: int) -> None:
        self._forwards.pop(stream, None)
        self._inputs.pop(stream, None)

    async def _forward(self, stream: int, errors: int, port: str) -> None:
        trouble = ""
        try:
            reader, writer = await self._pods.connect(self._pod, port)
        except StatusError as error:
            trouble = str(error)
        else:
            try:
                await self._pass_on(stream, reader, writer)
            finally:
                writer.close()
        last = self._frames.data(stream, b"", finished=True)
        if errors:
            last = self._frames.data(errors, trouble.encode(), finished=True) + last
        await self._socket.send(last)

    async def _pass_on(
        self, stream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Until the pod has said its last; what the client says goes on beside it."""
        taking = asyncio.ensure_future(_take(self._inputs[stream], writer))
        try:
            async for piece in _pieces(reader):
                await self._socket.send(self._frames.data(stream, piece))
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(CHUNK_SIZE):
            yield piece


async def _take(queue: "asyncio.Queue[bytes]", writer: asyncio.StreamWriter) -> None:
    """What the pod does not want any more is dropped; its end is told by the other direction."""
    with contextlib.suppress(ConnectionError):
        while piece := await queue.get():
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    while True:
        await queue.get()

"""Watch streams: one JSON line, or one frame of protobuf, for each change, flushed at once.

A stream ends when the client goes, its time is up, or the server stops; then with a clean last
chunk. What the verbs refuse at once is an ordinary error answer; what goes wrong later, and a
version that is too old, is an ERROR event in a stream that began well, as clients expect.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import orjson

from towpath.apiserver.calls import Change, Verbs, WatchOptions
from towpath.apiserver.http.media import Form, Wanted, negotiate
from towpath.apiserver.http.query import watch_options
from towpath.apiserver.http.requests import ApiRequest
from towpath.apiserver.http.streams import OpenStreams
from towpath.apiserver.http.views import event_encoder
from towpath.machinery.errors import Gone, StatusError
from towpath.machinery.remembering import Kept

TIMEOUT_S_MIN, TIMEOUT_S_MAX = 1800.0, 3600.0
"""Without timeoutSeconds a watch lives this long, at random, so that not all renew at once."""
STUCK_AFTER_S = 60.0
"""How long past its time a stream may hang on a client that does not read."""

JSON = b"application/json"
FRAMES = b"application/vnd.kubernetes.protobuf;stream=watch"
CACHE_CONTROL = (b"cache-control", b"no-cache, private")
FRAMES_BYTES_MAX, FRAME_BYTES_MAX = 4 * 1024 * 1024, 64 * 1024
"""Events in protobuf that are kept: all who watch a kind are told the same."""

ERROR = "ERROR"
Write = Callable[[str, bytes], bytes]
"""One event of a type about an object as it is stored."""


class WatchStreams(OpenStreams):
    def __init__(self, sent: "Counter[tuple[str, ...]]") -> None:
        """`sent` counts events, by group, resource and version."""
        super().__init__()
        self._sent = sent

    async def serve(self, verbs: Verbs, request: ApiRequest) -> None:
        self.refuse_when_ended()
        accept = request.header(b"accept")
        wanted = negotiate(accept, custom=request.served.custom, streams=True)
        options = _with_timeout(watch_options(request.query))
        write = _writer(request, wanted)
        headers = [(b"content-type", FRAMES if wanted.protobuf else JSON), CACHE_CONTROL]
        lifetime_s = (options.timeout_s or TIMEOUT_S_MAX) + STUCK_AFTER_S
        changes = verbs.watch(request.user, request.target, options)
        async with aclosing(changes):
            first = asyncio.ensure_future(anext(changes, None))
            try:
                early = await _refused_at_once(first)
                await request.send(
                    {"type": "http.response.start", "status": 200, "headers": headers}
                )
                await request.send({"type": "http.response.body", "body": b"", "more_body": True})
                if early is None:
                    await self._stream(request, changes, first, write, lifetime_s)
                else:
                    await _send_line(request, _told(write, early))
            finally:
                first.cancel()
        await request.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(
        self,
        request: ApiRequest,
        changes: AsyncGenerator[Change, None],
        first: asyncio.Future[Change | None],
        write: Write,
        lifetime_s: float,
    ) -> None:
        kind = request.served.resource
        labels = (kind.group, kind.plural, kind.version)
        async with self.lasting(request.receive, at_most_s=lifetime_s):
            try:
                change = await first
                while change is not None:
                    self._sent[labels] += 1
                    await _send_line(request, write(change.type, change.object))
                    change = await anext(changes, None)
            except StatusError as error:
                await _send_line(request, _told(write, error))


async def _refused_at_once(first: asyncio.Future[Change | None]) -> Gone | None:
    """Let the watch take its first step. Raises what it refuses; a Gone is returned.

    The verbs authorise and check before they wait for anything, so one turn of the loop is enough;
    an authoriser that really waits gets its refusal sent as an ERROR event instead.
    """
    await asyncio.sleep(0)
    if not first.done():
        return None
    error = first.exception()
    if isinstance(error, Gone):
        return error
    if error is not None:
        raise error
    return None


async def _send_line(request: ApiRequest, line: bytes) -> None:
    await request.send({"type": "http.response.body", "body": line, "more_body": True})


def _writer(request: ApiRequest, wanted: Wanted) -> Write:
    """Bookmarks keep the kind of the watched objects, except in a stream of metadata."""
    form = wanted.form
    encode = event_encoder(request.served, form, request.query)
    if wanted.protobuf:
        is_plain = form is Form.PLAIN
        return lambda change, obj: _frame(
            change, obj if change == ERROR or is_plain else encode(obj)
        )

    def line(change: str, obj: bytes) -> bytes:
        as_it_is = change == ERROR or (change == "BOOKMARK" and form.shape is Form.TABLE)
        shown = obj if as_it_is else encode(obj)
        return b'{"type":"' + change.encode() + b'","object":' + shown + b"}\n"

    return line


_frames: Kept[tuple[str, bytes]] = Kept(bytes_max=FRAMES_BYTES_MAX, one_bytes_max=FRAME_BYTES_MAX)


def _frame(change: str, obj: bytes) -> bytes:
    if (known := _frames.get((change, obj))) is not None:
        return known
    from towpath.machinery import protobuf

    message = protobuf.encode(orjson.loads(obj))
    if message is None:
        raise RuntimeError(
            f"what cannot be written as protobuf is not watched in it: {obj[:100]!r}"
        )
    frame = protobuf.watch_frame(change, message)
    _frames.put((change, obj), frame)
    return frame


def _told(write: Write, error: StatusError) -> bytes:
    return write(ERROR, orjson.dumps(error.to_status()))


def _with_timeout(options: WatchOptions) -> WatchOptions:
    if options.timeout_s is not None:
        return options
    timeout_s = random.uniform(TIMEOUT_S_MIN, TIMEOUT_S_MAX)  # noqa: S311
    return WatchOptions(
        resource_version=options.resource_version,
        label_selector=options.label_selector,
        field_selector=options.field_selector,
        timeout_s=timeout_s,
        bookmarks=options.bookmarks,
        send_initial_events=options.send_initial_events,
    )

"""Open pages hear of changes: one stream of server-sent events for each page that is looked at.

    GET /-/live?page=<path and query>   ->  event: open     nothing is missed from here on
                                            event: change   something on the page changed
                                            event: inbox    the visitor is told something
                                            event: gone     the session has ended

A page that does not change by itself, and no page, hear of the inbox alone.

The stream says that there is news, never what it is: the browser fetches the page again, with the
visitor's own rights, so nothing can be learnt here that the page would not show. Watches are the
visitor's own too. While nothing changes only a beat goes over the line, at which the session is
looked at again; a session that is ended in the portal ends its streams at once.

Many pages that show one thing do not ask for it in the same instant: their news is spread over as
long as it takes to serve them all without filling a processor. What changes meanwhile is the same
piece of news.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from towpath.client.protocols import Client
from towpath.hooks.pages import Live, LiveRecords, LiveWatch
from towpath.machinery.errors import NotFound
from towpath.records.changes import Changes, Hear
from towpath.records.contract import Viewer
from towpath.web.watching import Membership, SharedWatches, some

BEAT_S = 25.0
GATHER_S = 0.08
"""Changes that come together are one piece of news."""
PAGE_S = 0.02
"""What a page that is fetched again may take: so that at least half a processor is left."""
SPREAD_S_MAX = 5.0
STREAM_S_MAX = 15 * 60.0
"""Then the browser opens another, and what it may see is asked again."""
STREAMS_MAX = 2000
SEND_S_MAX = 10.0
"""Who has not taken a few bytes by then is not reading."""
BEGIN_S_MAX = 5.0
RETRY_MS = 1000

ClientOf = Callable[[str], Client]
StillSignedIn = Callable[[], Awaitable[bool]]

Listen = Callable[[Hear, Hear], AbstractContextManager[None]]
"""While it is entered, the first is called at news of what the page shows, the second at news of
the visitor's inbox."""

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
OPEN = f"retry: {RETRY_MS}\nevent: open\ndata:\n\n".encode()
CHANGE = b"event: change\ndata:\n\n"
INBOX = b"event: inbox\ndata:\n\n"
GONE = b"event: gone\ndata:\n\n"
BEAT = b": beat\n\n"


class LiveStreams:
    """The streams that are open, so that the platform can end them when it stops."""

    def __init__(self) -> None:
        self._open: set[_LiveStream] = set()
        self._ended = False
        self.watches = SharedWatches()

    def end_all(self) -> None:
        self._ended = True
        for stream in self._open:
            stream.end()

    def end_session(self, session: str) -> None:
        """Tell the open pages of a session that it is over."""
        for stream in self._open:
            if stream.session == session:
                stream.end(gone=True)

    def answer(
        self,
        watches: Sequence[LiveWatch],
        listen: Listen,
        client_of: ClientOf,
        signed_in: StillSignedIn,
        *,
        session: str,
    ) -> Response:
        if self._ended or len(self._open) >= STREAMS_MAX:
            return Response("too many live pages", 503, headers={"Retry-After": "30"})
        return _LiveStream(self, watches, listen, client_of, signed_in, session)

    def add(self, stream: "_LiveStream") -> None:
        self._open.add(stream)

    def discard(self, stream: "_LiveStream") -> None:
        self._open.discard(stream)

    def spread_s(self) -> float:
        """Over how long the news that is on its way now is spread."""
        waiting = sum(stream.has_news for stream in self._open)
        return min(SPREAD_S_MAX, (waiting - 1) * PAGE_S)


class _LiveStream(Response):
    """One open page. Sleeps until something stirs: news, a beat, or the end."""

    media_type = "text/event-stream"

    def __init__(
        self,
        streams: LiveStreams,
        watches: Sequence[LiveWatch],
        listen: Listen,
        client_of: ClientOf,
        signed_in: StillSignedIn,
        session: str,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.has_news = False
        self.session = session
        self._streams = streams
        self._watches = tuple(dict.fromkeys(watches))
        self._listen = listen
        self._client_of = client_of
        self._signed_in = signed_in
        self._stirred = asyncio.Event()
        self._has_ended = False
        self._is_gone = False
        self._is_told = False

    def news(self) -> None:
        if not self.has_news:
            self.has_news = True
            self._stirred.set()

    def told(self) -> None:
        self._is_told = True
        self._stirred.set()

    def end(self, *, gone: bool = False) -> None:
        self._has_ended = True
        self._is_gone = gone
        self._stirred.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._until_left(receive))
        memberships = list(self._joined())
        self._streams.add(self)
        try:
            async with asyncio.timeout(BEGIN_S_MAX):
                for membership in memberships:
                    await membership.begun()
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            with self._listen(self.news, self.told):
                await self._follow(send)
            await self._send(send, b"", more=False)
        except TimeoutError:
            # Not reading, or the API does not answer: the browser opens another stream.
            return
        finally:
            self._streams.discard(self)
            for membership in memberships:
                membership.leave()
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving

    def _joined(self) -> Iterator[Membership]:
        for watch in self._watches:
            # A cluster that is not connected shows nothing that could change.
            with contextlib.suppress(NotFound):
                client = self._client_of(watch.cluster)
                yield self._streams.watches.join(self.session, watch, client, self.news)

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()

    async def _follow(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + STREAM_S_MAX * some(0.8)
        beat_s = loop.time() + BEAT_S * some(0.5)
        due_s = math.inf
        await self._send(send, OPEN)
        while not self._has_ended and loop.time() < until_s:
            await self._wait(min(beat_s, due_s))
            if self._is_told and not self._has_ended:
                self._is_told = False
                await self._send(send, INBOX)
            if loop.time() >= beat_s and not self._has_ended:
                beat_s = loop.time() + BEAT_S
                self._is_gone = self._has_ended = not await self._signed_in()
                await self._send(send, BEAT)
            # News that came when a beat was due stirs nobody a second time.
            if self.has_news and due_s == math.inf:
                due_s = loop.time() + GATHER_S + self._streams.spread_s() * some(0.0)
            elif loop.time() >= due_s:
                due_s, self.has_news = math.inf, False
                await self._send(send, CHANGE)
        if self._is_gone:
            await self._send(send, GONE)

    async def _wait(self, until_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until_s):
                await self._stirred.wait()
        self._stirred.clear()

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(SEND_S_MAX):
            await send({"type": "http.response.body", "body": body, "more_body": more})


def listening(changes: Changes, shown: Sequence[Live], viewer: Viewer) -> Listen:
    """To the records that a page shows, and always to the inbox of who looks."""
    nouns = {one.noun for one in shown if isinstance(one, LiveRecords)}

    @contextlib.contextmanager
    def listen(news: Hear, told: Hear) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(changes.of_person("inbox", viewer.user.name, told))
            if "inbox" in nouns:
                stack.enter_context(changes.of_person("inbox", viewer.user.name, news))
            for noun in nouns - {"inbox"}:
                stack.enter_context(changes.of_projects(noun, viewer, news))
            yield

    return listen

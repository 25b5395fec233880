"""What a page shows, watched: one stream of server-sent events for each open page.

    GET /-/live?page=<path and query>   ->  event: change     whenever something on the page changed

The stream says that there is news, never what it is: the browser fetches the page again, with the
visitor's own rights, so nothing can be learnt here that the page would not show. Watches are the
visitor's own too. While nothing changes, only a beat goes over the line, and the session is looked
at again, so that a page of somebody who has signed out falls silent; a session that is ended in the
portal ends its streams at once.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

from towpath.client.protocols import Client, EventType
from towpath.hooks.pages import LiveWatch
from towpath.machinery.errors import Forbidden, Gone, NotFound, StatusError, Unauthorized

log = logging.getLogger(__name__)

BEAT_S = 25.0
GATHER_S = 0.08
"""Changes that come together are one piece of news."""
STREAM_S_MAX = 15 * 60.0
"""Then the browser opens another, and what it may see is asked again."""
STREAMS_MAX = 2000
RETRY_S = 1.0
RETRY_MS = 1000

ClientOf = Callable[[str], Client]
StillSignedIn = Callable[[], Awaitable[bool]]

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class LiveStreams:
    """The streams that are open, so that the platform can end them when it stops."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Event, str] = {}
        """What ends each stream, and the session that it is for."""
        self._ended = False

    def end_all(self) -> None:
        self._ended = True
        for end in self._open:
            end.set()

    def end_session(self, session: str) -> None:
        """Tell the open pages of a session that it is over."""
        for end, whose in self._open.items():
            if whose == session:
                end.set()

    def answer(
        self,
        watches: Sequence[LiveWatch],
        client_of: ClientOf,
        signed_in: StillSignedIn,
        *,
        session: str = "",
    ) -> Response:
        if self._ended or len(self._open) >= STREAMS_MAX:
            return Response("too many live pages", 503, headers={"Retry-After": "30"})
        return StreamingResponse(
            self._events(watches, client_of, signed_in, session),
            media_type="text/event-stream",
            headers=HEADERS,
        )

    async def _events(
        self,
        watches: Sequence[LiveWatch],
        client_of: ClientOf,
        signed_in: StillSignedIn,
        session: str,
    ) -> AsyncGenerator[bytes, None]:
        end, news = asyncio.Event(), asyncio.Event()
        self._open[end] = session
        watching = asyncio.create_task(_watch_all(watches, client_of, news))
        watching.add_done_callback(_tell_failure)
        try:
            yield f"retry: {RETRY_MS}\nevent: open\ndata:\n\n".encode()
            async with asyncio.timeout(STREAM_S_MAX):
                while await _woken(news, end):
                    if news.is_set():
                        await asyncio.sleep(GATHER_S)
                        news.clear()
                        yield b"event: change\ndata:\n\n"
                    elif await signed_in():
                        yield b": beat\n\n"
                    else:
                        break
            if not self._ended:
                yield b"event: gone\ndata:\n\n"
        except TimeoutError:
            return
        finally:
            self._open.pop(end, None)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


async def _woken(news: asyncio.Event, end: asyncio.Event) -> bool:
    """Wait for news, at most one beat; False when the stream is to end."""
    waits = {asyncio.ensure_future(news.wait()), asyncio.ensure_future(end.wait())}
    try:
        await asyncio.wait(waits, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return not end.is_set()


async def _watch_all(
    watches: Sequence[LiveWatch], client_of: ClientOf, news: asyncio.Event
) -> None:
    async with asyncio.TaskGroup() as tasks:
        for watch in watches:
            tasks.create_task(_watch(watch, client_of, news))


async def _watch(watch: LiveWatch, client_of: ClientOf, news: asyncio.Event) -> None:
    while True:
        try:
            await _watch_once(watch, client_of(watch.cluster), news)
        except Gone:
            news.set()
        except (Forbidden, NotFound, Unauthorized):
            # The page does not show it to this visitor either.
            return
        except (StatusError, OSError) as error:
            log.warning(
                "live watch interrupted",
                extra={"resource": watch.resource.plural, "error": str(error)},
            )
            await asyncio.sleep(RETRY_S)
            news.set()


async def _watch_once(watch: LiveWatch, client: Client, news: asyncio.Event) -> None:
    """Until the server ends the watch; the page is fetched once more when a watch has begun."""
    fields = f"metadata.name={watch.name}" if watch.name else ""
    now = await client.list(
        watch.resource, watch.namespace, labels=watch.labels, fields=fields, limit=1
    )
    events = client.watch(
        watch.resource,
        watch.namespace,
        since=now.resource_version,
        labels=watch.labels,
        fields=fields,
    )
    async with aclosing(events):
        async for event in events:
            if event.type is not EventType.BOOKMARK:
                news.set()


def _tell_failure(watching: asyncio.Task[None]) -> None:
    if not watching.cancelled() and (error := watching.exception()) is not None:
        log.error("live watches ended", exc_info=error)

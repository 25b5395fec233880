"""Open pages: who shares a watch, when nothing can be missed any more, how news comes and ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from starlette.types import Message
from tests.support import RunningApi, eventually, running_api_server

from towpath.hooks.pages import LiveWatch
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.records.changes import Hear
from towpath.web import live
from towpath.web.live import PAGE_S, SPREAD_S_MAX, LiveStreams

NOTE = LiveWatch(CONFIG_MAP, "default", "note")
CHANGE = "event: change"


@contextlib.contextmanager
def hear_nothing(news: Hear, told: Hear) -> Iterator[None]:
    yield


@dataclass
class Browser:
    """One page that is looked at."""

    sent: list[str] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.sent.append(message["body"].decode())

    def count(self, event: str) -> int:
        return sum(event in part for part in self.sent)

    async def has(self, event: str, times: int = 1) -> None:
        async def there() -> bool:
            return self.count(event) >= times

        await eventually(there)


@dataclass
class Site:
    api: RunningApi
    streams: LiveStreams
    tasks: list[asyncio.Task[None]]

    async def open(self, session: str = "s") -> Browser:
        """A page, once nothing can be missed any more."""
        browser = Browser()

        async def signed_in() -> bool:
            return True

        async def serve() -> None:
            client = self.api.client()
            answer = self.streams.answer(
                [NOTE], hear_nothing, lambda _: client, signed_in, session=session
            )
            await answer({"type": "http"}, browser.receive, browser.send)
            browser.is_over = True

        self.tasks.append(asyncio.create_task(serve()))
        await browser.has("event: open")
        return browser

    async def write(self, text: str) -> None:
        note = CONFIG_MAP.object("note", "default", data={"text": text})
        await self.api.client().apply(CONFIG_MAP, note, manager="test", force=True)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_api_server() as api:
        site = Site(api, LiveStreams(), [])
        yield site
        for task in site.tasks:
            task.cancel()
        await asyncio.gather(*site.tasks, return_exceptions=True)


async def test_pages_of_a_session_share_a_watch_and_sessions_do_not(site: Site) -> None:
    first, second = await site.open("alice"), await site.open("alice")
    assert len(site.streams.watches) == 1
    third = await site.open("bob")
    assert len(site.streams.watches) == 2
    await site.write("news")
    for browser in (first, second, third):
        await browser.has(CHANGE)
    for browser in (first, second, third):
        browser.left.set()

    async def nobody_watches() -> bool:
        return len(site.streams.watches) == 0

    await eventually(nobody_watches)


async def test_what_changes_right_after_the_beginning_is_heard(site: Site) -> None:
    for number in range(10):
        browser = await site.open(f"session {number}")
        await site.write(f"{number}")
        await browser.has(CHANGE)


async def test_changes_that_come_together_are_one_piece_of_news(site: Site) -> None:
    browser = await site.open()
    for number in range(30):
        await site.write(f"{number}")
    await browser.has(CHANGE)
    assert browser.count(CHANGE) < 30


async def test_news_is_spread_over_as_long_as_it_takes_to_serve_all(site: Site) -> None:
    assert site.streams.spread_s() <= 0
    browsers = [await site.open("s") for _ in range(20)]
    await site.write("news")

    async def all_wait() -> bool:
        return site.streams.spread_s() == pytest.approx(19 * PAGE_S)

    await eventually(all_wait, every_s=0.001)
    for browser in browsers:
        await browser.has(CHANGE)
    assert SPREAD_S_MAX < 10


async def test_an_ended_session_is_told_and_a_stopping_platform_says_nothing(site: Site) -> None:
    alice, bob = await site.open("alice"), await site.open("bob")
    site.streams.end_session("alice")
    await alice.has("event: gone")
    assert not bob.is_over
    site.streams.end_all()

    async def all_over() -> bool:
        return alice.is_over and bob.is_over

    await eventually(all_over)
    assert bob.count("event: gone") == 0


async def test_news_that_comes_when_a_beat_is_due_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    browser = await site.open()
    await browser.has("beat", times=3)
    await site.write("between two beats")
    await browser.has(CHANGE)

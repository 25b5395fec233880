"""`towpath new --wait`, and the platform goes away, or the person does."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from towpath.capabilities.portal.templates.creating import Request, start
from towpath.capabilities.portal.templates.interruptions import ToldOnce
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.client.protocols import ObjectList, WatchEvent
from towpath.hooks.commands import Terminal
from towpath.machinery.errors import Unavailable
from towpath.machinery.objects import RawObject
from towpath.runtime.informer import Informer

RUN = TEMPLATE_RUN.object("shop-1", "demo", spec={})


class Api:
    """A server where nothing happens; away for the first `failures` lists after `goes_away`."""

    def __init__(self) -> None:
        self.created = asyncio.Event()
        self.gone = asyncio.Event()
        self.failures = 0

    def goes_away(self, failures: int) -> None:
        self.failures = failures
        self.gone.set()

    async def list(self, *_: Any, **__: Any) -> ObjectList:
        if self.failures:
            self.failures -= 1
            raise Unavailable("cannot reach the API server https://localhost:8443")
        self.gone.clear()
        return ObjectList([], "1")

    async def watch(self, *_: Any, **__: Any) -> AsyncGenerator[WatchEvent, None]:
        await self.gone.wait()
        raise Unavailable("cannot reach the API server https://localhost:8443")
        yield

    async def create(self, _: Any, obj: RawObject) -> RawObject:
        self.created.set()
        return obj


class Screen:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


async def test_whoever_waits_hears_once_that_the_platform_is_away_and_once_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("towpath.runtime.informer.RETRY_FIRST_S", 0.0)
    said: list[str] = []
    api, back = Api(), asyncio.Event()

    def say(text: str) -> None:
        said.append(text)
        if text == "Connected again.":
            back.set()

    line = ToldOnce(say, "shop")
    informers = [Informer(cast(Any, api), TEMPLATE_RUN, line=line) for _ in range(5)]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(informer.run()) for informer in informers]
        await asyncio.gather(*(informer.synced.wait() for informer in informers))
        assert said == []
        api.goes_away(failures=20)
        await back.wait()
        for task in running:
            task.cancel()
    assert len(said) == 3
    assert "connection to the platform is interrupted" in said[0]
    assert "Trying again" in said[0]
    assert "`towpath status`" in said[1]
    assert said[2] == "Connected again."


async def test_whoever_goes_away_hears_that_the_run_goes_on() -> None:
    api = Api()
    screen = Screen(api)
    request = Request("python-service", "shop", "demo", ())
    waiting = asyncio.create_task(start(cast(Terminal, screen), RUN, request, wait_s=60))
    async with asyncio.timeout(10):
        await api.created.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(screen.said) == 1
    assert "the run shop-1 goes on by itself" in screen.said[0]
    assert "towpath runs --project demo" in screen.said[0]
    assert "towpath show shop --project demo" in screen.said[0]

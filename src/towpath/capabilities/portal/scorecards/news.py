"""Sources of keys: what to look at again when the catalogue or the scores have changed.

News comes in bursts, and says only that something is different: it is waited for until a burst is
over.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from towpath.hooks.platform import Platform
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, key_of
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Viewer
from towpath.runtime.sources import Enqueue

EVERYTHING = Viewer(PLATFORM, None)
SCORES_SETTLE_S = 1.0
CATALOG_SETTLE_S = 5.0
"""Longer, for it is looked through as a whole."""


async def news_of(
    platform: Platform, noun: str, every_s: float, settle_s: float
) -> AsyncIterator[None]:
    """Once at first, a little after each burst of news, and when nothing came for that long."""
    heard = asyncio.Event()
    with platform.changes.of_projects(noun, EVERYTHING, heard.set):
        while True:
            yield
            try:
                async with asyncio.timeout(every_s):
                    await heard.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(settle_s)
            heard.clear()


@dataclass(frozen=True, slots=True)
class CatalogNews:
    """One key that stands for everything."""

    platform: Platform
    key: Key
    every_s: float

    async def run(self, enqueue: Enqueue) -> None:
        async for _ in news_of(self.platform, "catalog", self.every_s, CATALOG_SETTLE_S):
            enqueue(self.key)


@dataclass(frozen=True, slots=True)
class ScoreNews:
    """Every object of a kind whose status counts scores."""

    platform: Platform
    resource: Resource
    every_s: float = 3600.0

    async def run(self, enqueue: Enqueue) -> None:
        async for _ in news_of(self.platform, "scores", self.every_s, SCORES_SETTLE_S):
            for obj in (await self.platform.api.list(self.resource)).items:
                enqueue(key_of(obj))

"""Keys for the catalogue's sources that have delivered something else than a reader has seen.

What has been seen is kept, so that a start reads nothing again; a change costs one look at the list
of sources, and then what belongs to those that changed.
"""

import asyncio
from dataclasses import dataclass

from towpath.machinery.objects import Key
from towpath.machinery.users import PLATFORM
from towpath.records.changes import Changes
from towpath.records.contract import CatalogIndex, Viewer
from towpath.records.search import Seen
from towpath.runtime.sources import Enqueue

EVERYTHING = Viewer(PLATFORM, None)
REST_S = 0.2
"""Between two looks, for changes come in crowds."""
NEWS = "catalog"


@dataclass(frozen=True, slots=True)
class CatalogSources:
    """A key's name is the source's; the reconciler says `saw` when it is done with it."""

    reader: str
    index: CatalogIndex
    seen: Seen
    changes: Changes

    async def run(self, enqueue: Enqueue) -> None:
        news = asyncio.Event()
        known = await self.seen.seen(self.reader)
        with self.changes.of_projects(NEWS, EVERYTHING, news.set):
            while True:
                now = await self.index.sources()
                gone = known.keys() - now.keys()
                for name in gone | {one for one in now if known.get(one) != now[one]}:
                    enqueue(Key("", name))
                known = now
                await news.wait()
                await asyncio.sleep(REST_S)
                news.clear()

    async def saw(self, source: str) -> str | None:
        """The version to tell `seen` of when its entities have been read; None when it is gone."""
        return (await self.index.sources()).get(source)

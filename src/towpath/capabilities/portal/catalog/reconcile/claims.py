"""Which people and groups are described by sources that may: the platform's own knowledge yields.

A description says more than the platform knows by itself (a title, a parent, children), and there
is one entity of a name. It is a fact of the catalogue all the same, and never a right.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

OF_PEOPLE = ("group:", "user:")


@dataclass(slots=True)
class Claims:
    of: dict[str, frozenset[str]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, source: str, refs: Iterable[str]) -> bool:
        """These are the entities of that source in the index; only people and groups count.

        Whether it claims others than before: then the platform is about to let go of them.
        """
        claimed = frozenset(ref for ref in refs if ref.startswith(OF_PEOPLE))
        if claimed == self.of.get(source, frozenset()):
            return False
        self.of[source] = claimed
        self._changed.set()
        return True

    @property
    def refs(self) -> frozenset[str]:
        return frozenset(ref for refs in self.of.values() for ref in refs)

    async def changes(self) -> AsyncIterator[None]:
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield

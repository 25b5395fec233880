"""Objects that are about one thing, together: promotions to one stage, runs of one workflow.

A line is the key that a controller works on, so that what is newest in it can be told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from towpath.client.protocols import Client
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import Key, RawObject, key_of
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue

LineOf = Callable[[RawObject], Key]


@dataclass
class Lines:
    """A source of the lines that change, and what is in each. The objects are shared."""

    client: Client
    resource: Resource
    line_of: LineOf
    _informer: Informer = field(init=False)
    _lines: dict[Key, dict[Key, RawObject]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._informer = Informer(self.client, self.resource)

    async def run(self, enqueue: Enqueue) -> None:
        def handle(obj: RawObject) -> None:
            key, line = key_of(obj), self.line_of(obj)
            if self._informer.get(key) is None:
                self._without(line, key)
            else:
                self._lines.setdefault(line, {})[key] = obj
            enqueue(line)

        self._informer.subscribe(handle)
        await self._informer.run()

    async def of(self, line: Key) -> list[RawObject]:
        """What is in a line, once everything is known."""
        await self._informer.synced.wait()
        return list(self._lines.get(line, {}).values())

    def within(self, namespace: str) -> list[Key]:
        return [line for line in self._lines if line.namespace == namespace]

    def _without(self, line: Key, key: Key) -> None:
        members = self._lines.get(line, {})
        members.pop(key, None)
        if not members:
            self._lines.pop(line, None)

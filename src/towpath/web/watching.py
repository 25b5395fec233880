"""What people have open, watched: one watch of the API for each session and thing.

Ten pages of one service in one browser are one watch with ten listeners. Sessions do not share:
every watch has the rights of whose pages it serves, and is asked for anew after `WATCH_S_MAX`.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import aclosing

from towpath.client.protocols import Client, EventType
from towpath.hooks.pages import LiveWatch
from towpath.machinery.errors import Forbidden, Gone, NotFound, StatusError, Unauthorized

log = logging.getLogger(__name__)

WATCH_S_MAX = 15 * 60.0
RETRY_S = 1.0

Tell = Callable[[], None]
_Key = tuple[str, LiveWatch]


class SharedWatches:
    """Each runs as long as somebody listens."""

    def __init__(self) -> None:
        self._running: dict[_Key, _SharedWatch] = {}

    def __len__(self) -> int:
        return len(self._running)

    def join(self, session: str, watch: LiveWatch, client: Client, tell: Tell) -> "Membership":
        """`tell` is called for every change until the membership is left."""
        key = session, watch
        shared = self._running.get(key)
        if shared is None:
            shared = self._running[key] = _SharedWatch(watch, client)
        shared.listeners.add(tell)
        return Membership(self, key, shared, tell)

    def leave(self, membership: "Membership") -> None:
        shared = membership.shared
        shared.listeners.discard(membership.tell)
        if not shared.listeners:
            shared.task.cancel()
            self._running.pop(membership.key, None)


class Membership:
    """One page's part in a watch."""

    def __init__(
        self, watches: SharedWatches, key: _Key, shared: "_SharedWatch", tell: Tell
    ) -> None:
        self.key = key
        self.shared = shared
        self.tell = tell
        self._watches = watches

    async def begun(self) -> None:
        """Wait until nothing that changes from now on can be missed."""
        await self.shared.begun.wait()

    def leave(self) -> None:
        self._watches.leave(self)


class _SharedWatch:
    def __init__(self, watch: LiveWatch, client: Client) -> None:
        self.listeners: set[Tell] = set()
        self.begun = asyncio.Event()
        self._watch = watch
        self._client = client
        self.task = asyncio.create_task(self._run())
        self.task.add_done_callback(_log_failure)

    async def _run(self) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(WATCH_S_MAX * some(0.8)):
                        await self._once()
                except (TimeoutError, Gone):
                    pass
                except (StatusError, OSError) as error:
                    if isinstance(error, Forbidden | NotFound | Unauthorized):
                        # The page does not show it to this visitor either.
                        return
                    log.warning(
                        "live watch interrupted",
                        extra={"resource": self._watch.resource.plural, "error": str(error)},
                    )
                    await asyncio.sleep(RETRY_S)
                # What changed in between is not known: let everybody look.
                self._tell_all()
        finally:
            self.begun.set()

    async def _once(self) -> None:
        """Until the server ends the watch."""
        watch, client = self._watch, self._client
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
        self.begun.set()
        async with aclosing(events):
            async for event in events:
                if event.type is not EventType.BOOKMARK:
                    self._tell_all()

    def _tell_all(self) -> None:
        for tell in tuple(self.listeners):
            tell()


def some(least: float) -> float:
    """A part of one, at least so much: so that what began together does not go on together."""
    return random.uniform(least, 1.0)  # noqa: S311 - spreads load, guards nothing


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("live watch ended", exc_info=error)

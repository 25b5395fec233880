"""Push events: who listens hears of every ref that moved; a slow listener costs nobody anything.

A listener's backlog is bounded. When it is full, waiting pushes of one ref become one (from the
oldest `old` to the newest `new`): the listener then sees the heads as they are now, which is all
that a level-based reader needs. Past a second bound it is dropped and has to compare heads itself.
"""

import asyncio
import weakref
from collections.abc import Iterable

from towpath.engines.git.port import GitUnavailable, Push, RepositoryName

BACKLOG = 256
BACKLOG_MAX = 10_000


class Listener:
    """One reader of pushes: an async iterator that hears from the moment it is made."""

    def __init__(self, backlog: int = BACKLOG, backlog_max: int = BACKLOG_MAX) -> None:
        self._backlog = backlog
        self._backlog_max = backlog_max
        self._waiting: dict[tuple[RepositoryName, str, int], Push] = {}
        self._number = 0
        self._merge_at = backlog
        self._news = asyncio.Event()
        self._dropped = False
        self._closed = False

    def put(self, push: Push) -> None:
        if self._dropped or self._closed:
            return
        if len(self._waiting) >= self._merge_at:
            self._merge()
        if len(self._waiting) >= self._backlog_max:
            self._waiting.clear()
            self._dropped = True
        else:
            self._number += 1
            self._waiting[push.repository, push.ref, self._number] = push
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()

    def __aiter__(self) -> "Listener":
        return self

    async def __anext__(self) -> Push:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            if self._dropped:
                raise GitUnavailable("Pushes came faster than they were read; compare all heads")
            self._news.clear()
            await self._news.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    def _merge(self) -> None:
        merged: dict[tuple[RepositoryName, str, int], Push] = {}
        for push in self._waiting.values():
            key = (push.repository, push.ref, 0)
            known = merged.get(key)
            old = known.old if known else push.old
            merged[key] = Push(push.repository, push.ref, old, push.new, push.pusher)
        self._waiting = merged
        # Merging again pays only after as many again have come.
        self._merge_at = max(self._backlog, 2 * len(merged))


class PushBoard:
    """Where pushes are announced. A listener that nobody holds any more is forgotten."""

    def __init__(self) -> None:
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()

    def listen(self) -> Listener:
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def announce(self, pushes: Iterable[Push]) -> None:
        for push in pushes:
            for listener in list(self._listeners):
                listener.put(push)

    def close(self) -> None:
        for listener in list(self._listeners):
            listener.close()

"""What the clock decides: old history is compacted, old events expire.

Watchers may resume from anything of the last interval; who was away longer lists again.
"""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime

from towpath.apiserver.calls import DeleteOptions, Target
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.verbs.delete import delete_object
from towpath.machinery.core_kinds import EVENT
from towpath.machinery.errors import Conflict, NotFound, StatusError
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

log = logging.getLogger(__name__)

EVERY_S = 300.0
EVENT_TTL_S = 3600.0
AUDIT_KEPT = 200_000
"""Revisions whose audit entries stay here; older ones are in records, or in nobody's interest."""
EVENTS = "core/events"
EXPIRY = UserInfo("system:apiserver", (MASTERS, AUTHENTICATED))


class Upkeep:
    def __init__(
        self, core: Core, *, every_s: float = EVERY_S, event_ttl_s: float = EVENT_TTL_S
    ) -> None:
        self._core = core
        self._every_s = every_s
        self._event_ttl_s = event_ttl_s
        self._events: deque[tuple[float, str, int]] = deque()
        # By the loop's time: the clock on the wall may be set to any other.
        now_s, today_s = _now_s(), datetime.now(UTC).timestamp()
        known = [
            (now_s - _age_s(entry.value, today_s, event_ttl_s), key, entry.revision)
            for key, entry in core.store.scan(EVENTS)
        ]
        self._events.extend(sorted(known))
        core.store.observe(EVENTS, self._observe)

    async def run(self) -> None:
        compact_to = self._core.store.revision
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.expire_events()
                await self._core.store.compact(compact_to)
                await self._core.store.forget_audit(self._core.store.revision - AUDIT_KEPT)
            except StatusError as error:
                log.warning("upkeep failed", extra={"error": str(error)})
            compact_to = self._core.store.revision

    async def expire_events(self) -> None:
        """Delete the events that nothing has happened to for their time to live."""
        horizon_s = _now_s() - self._event_ttl_s
        while self._events and self._events[0][0] <= horizon_s:
            _, key, revision = self._events[0]
            stored = self._core.store.get(EVENTS, key)
            if stored is not None and stored.revision == revision:
                namespace, _, name = key.partition("/")
                options = DeleteOptions(resource_version=str(revision))
                with suppress(NotFound, Conflict):
                    await delete_object(self._core, EXPIRY, Target(EVENT, namespace, name), options)
            self._events.popleft()

    def _observe(self, event: Event) -> None:
        if not event.deleted:
            self._events.append((_now_s(), event.key, event.revision))


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _age_s(value: bytes, today_s: float, at_most_s: float) -> float:
    """How long ago it was last seen, by its own word; what lies in the future is new."""
    event = loads(value)
    text = event.get("lastTimestamp") or event["metadata"].get("creationTimestamp")
    try:
        age_s = today_s - datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        # A client wrote what is no time: it has its full time from now on.
        return 0.0
    return min(max(age_s, 0.0), at_most_s)

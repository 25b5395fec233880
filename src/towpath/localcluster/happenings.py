"""Events, written beside the work and never in its way: a bounded queue and one writer."""

import asyncio
import logging

from towpath.client.protocols import Client
from towpath.machinery.objects import RawObject
from towpath.runtime.events import EventRecorder

log = logging.getLogger(__name__)

WAITING_MAX = 1000


class Happenings:
    """What has happened to objects, in the words of one component such as `kubelet`."""

    def __init__(self, client: Client, component: str) -> None:
        self._recorder = EventRecorder(client, component)
        self._waiting: asyncio.Queue[tuple[RawObject, bool, str, str]] = asyncio.Queue(WAITING_MAX)

    def normal(self, obj: RawObject, reason: str, message: str) -> None:
        self._put(obj, False, reason, message)

    def warning(self, obj: RawObject, reason: str, message: str) -> None:
        self._put(obj, True, reason, message)

    def _put(self, obj: RawObject, is_warning: bool, reason: str, message: str) -> None:
        try:
            self._waiting.put_nowait((obj, is_warning, reason, message))
        except asyncio.QueueFull:
            log.warning("event dropped", extra={"reason": reason})

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            obj, is_warning, reason, message = await self._waiting.get()
            record = self._recorder.warning if is_warning else self._recorder.normal
            await record(obj, reason, message)

"""Kubernetes Events: what has happened to an object, for the person who describes it."""

import hashlib
import logging

from towpath.client.protocols import Client
from towpath.machinery.conditions import now
from towpath.machinery.core_kinds import EVENT
from towpath.machinery.errors import AlreadyExists, StatusError
from towpath.machinery.objects import RawObject

log = logging.getLogger(__name__)


class EventRecorder:
    """Writes core/v1 Events. The same happening again raises the count of the Event it made."""

    def __init__(self, client: Client, component: str) -> None:
        self._client = client
        self._component = component

    async def normal(self, obj: RawObject, reason: str, message: str) -> None:
        await self._record(obj, "Normal", reason, message)

    async def warning(self, obj: RawObject, reason: str, message: str) -> None:
        await self._record(obj, "Warning", reason, message)

    async def _record(self, obj: RawObject, event_type: str, reason: str, message: str) -> None:
        event = self._event(obj, event_type, reason, message)
        metadata = event["metadata"]
        try:
            await self._client.create(EVENT, event)
        except AlreadyExists:
            await self._count_up(metadata["name"], metadata["namespace"])
        except StatusError as error:
            # An event is a courtesy: losing one must not fail the work that it tells of.
            log.warning("event not recorded", extra={"reason": reason, "error": str(error)})

    async def _count_up(self, name: str, namespace: str) -> None:
        try:
            known = await self._client.get(EVENT, name, namespace)
            patch = {"count": known.get("count", 1) + 1, "lastTimestamp": now()}
            await self._client.patch(EVENT, name, namespace, patch)
        except StatusError as error:
            log.warning("event not counted", extra={"event": name, "error": str(error)})

    def _event(self, obj: RawObject, event_type: str, reason: str, message: str) -> RawObject:
        metadata = obj["metadata"]
        identity = f"{metadata['uid']}/{event_type}/{reason}/{message}/{self._component}"
        digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
        happened = now()
        return EVENT.object(
            f"{metadata['name']}.{digest}",
            metadata.get("namespace") or "default",
            involvedObject={
                "apiVersion": obj["apiVersion"],
                "kind": obj["kind"],
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata["uid"],
                "resourceVersion": metadata.get("resourceVersion", ""),
            },
            type=event_type,
            reason=reason,
            message=message[:1024],
            source={"component": self._component},
            firstTimestamp=happened,
            lastTimestamp=happened,
            count=1,
        )

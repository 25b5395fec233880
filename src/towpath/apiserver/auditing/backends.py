"""Where events go: a file of lines, and a webhook that takes an EventList.

Events wait in a queue of bounded size and go in batches; what does not fit is dropped, and counted.
Nobody waits for a backend, and a request is not refused because its telling fails.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import orjson

from towpath.client.kubeconfig import Connection
from towpath.machinery.objects import RawObject

log = logging.getLogger(__name__)

Deliver = Callable[[Sequence[RawObject]], Awaitable[None]]

QUEUED_MAX = 10_000
BATCH_MAX = 400
GATHER_S = 0.5
TRIES = 3
RETRY_S = 1.0
CALL_S_MAX = 30.0
FILE_BYTES_MAX = 100 * 1024 * 1024
FILES_KEPT = 5


class Delivery:
    """A queue in front of a backend. `put` is a Sink."""

    def __init__(self, name: str, deliver: Deliver) -> None:
        self.name = name
        self.delivered = 0
        self.dropped = 0
        self._deliver = deliver
        self._queue: deque[RawObject] = deque()
        self._news = asyncio.Event()

    def put(self, event: RawObject) -> None:
        if len(self._queue) >= QUEUED_MAX:
            self.dropped += 1
            return
        self._queue.append(event)
        self._news.set()

    async def run(self) -> None:
        """Until cancelled; what is queued then is delivered first."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await asyncio.sleep(GATHER_S)
                await self._drain()
        finally:
            await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH_MAX, len(self._queue)))]
            for left in reversed(range(TRIES)):
                try:
                    await self._deliver(batch)
                except (OSError, TimeoutError) as error:
                    if left:
                        await asyncio.sleep(RETRY_S)
                        continue
                    self.dropped += len(batch)
                    said = {"backend": self.name, "events": len(batch), "error": str(error)}
                    log.warning("audit events are lost", extra=said)
                else:
                    self.delivered += len(batch)
                    break


def metrics_of(deliveries: Sequence[Delivery]) -> list[str]:
    """For /metrics, in Kubernetes' names."""
    lines = []
    for metric, counts in (
        ("apiserver_audit_event_total", [one.delivered for one in deliveries]),
        ("apiserver_audit_error_total", [one.dropped for one in deliveries]),
    ):
        lines.append(f"# TYPE {metric} counter")
        lines += [
            f'{metric}{{plugin="{one.name}"}} {count}'
            for one, count in zip(deliveries, counts, strict=True)
        ]
    return lines


def lines_in(path: Path) -> Deliver:
    """One event a line, in a file that only its owner reads; turned over when it is large."""

    def append(events: Sequence[RawObject]) -> None:
        if path.exists() and path.stat().st_size > FILE_BYTES_MAX:
            for number in reversed(range(1, FILES_KEPT)):
                older = path.with_name(f"{path.name}.{number}")
                if older.exists():
                    older.rename(path.with_name(f"{path.name}.{number + 1}"))
            path.rename(path.with_name(f"{path.name}.1"))
        with open(path, "ab", opener=_private) as file:
            file.write(b"".join(orjson.dumps(event) + b"\n" for event in events))

    async def deliver(events: Sequence[RawObject]) -> None:
        await asyncio.to_thread(append, events)

    return deliver


def webhook_at(connection: Connection) -> Deliver:
    """Posts EventLists to the server of a kubeconfig, as --audit-webhook-config-file names it."""
    import httpx2

    headers = {"authorization": f"Bearer {connection.token}"} if connection.token else {}

    async def deliver(events: Sequence[RawObject]) -> None:
        document = {
            "kind": "EventList",
            "apiVersion": "audit.k8s.io/v1",
            "metadata": {},
            "items": list(events),
        }
        body = orjson.dumps(document)
        context = await asyncio.to_thread(connection.tls_context)
        try:
            async with httpx2.AsyncClient(
                verify=context, trust_env=False, timeout=CALL_S_MAX, headers=headers
            ) as http:
                answer = await http.post(
                    connection.server, content=body, headers={"content-type": "application/json"}
                )
                answer.raise_for_status()
        except httpx2.HTTPError as error:
            raise ConnectionError(str(error)) from error

    return deliver


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)

"""The lines of a workload's pods as they come: those of pods to come, and of a container's next
life, as well. For the log page; the command line has its own, which writes to a terminal.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import cast

from towpath.capabilities.delivery.workloads.processes import (
    PODS_AT_ONCE,
    PodLine,
    Wanted,
    containers_of,
    line_of,
    moment_of,
)
from towpath.client.protocols import Client, EventType, LogReader
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject, uid_of

LINES_WAITING_MAX = 2000
"""Who reads slower than that is waited for, so that memory stays bounded."""
WATCH_AGAIN_S = 2.0

Life = tuple[str, str, int]
"""A pod's uid, a container, and the number of its restarts."""


@dataclass(slots=True)
class _Followed:
    client: Client
    workload: str
    namespace: str
    wanted: Wanted
    after: str
    lines: asyncio.Queue[PodLine] = field(default_factory=lambda: asyncio.Queue(LINES_WAITING_MAX))
    lives: dict[Life, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, pod: RawObject) -> None:
        """Follow what has begun and is not followed yet."""
        name = pod["metadata"]["name"]
        if self.wanted.pod not in ("", name):
            return
        names = containers_of(pod)
        container = self.wanted.container if self.wanted.container in names else names[0]
        restarts = _restarts(pod, container)
        life = uid_of(pod), container, restarts
        going_on = sum(1 for task in self.lives.values() if not task.done())
        if restarts < 0 or life in self.lives or going_on >= PODS_AT_ONCE:
            return
        task = asyncio.create_task(self._follow(name, container), name=f"follow-{name}")
        self.lives[life] = task

    async def _follow(self, pod: str, container: str) -> None:
        since = moment_of(self.after).isoformat() if self.after else ""
        reading = cast(LogReader, self.client).pod_log(
            pod, self.namespace, container=container, follow=True, since=since, timestamps=True
        )
        try:
            async with aclosing(reading):
                async for raw in reading:
                    line = line_of(0, raw.decode(errors="replace"), pod)
                    if line.key > self.after:
                        await self.lines.put(line)
        except StatusError:
            return  # it has gone; its successor is followed when it comes

    async def watch(self) -> None:
        """Until cancelled: pods that come, and containers that begin again."""
        labels = f"app.kubernetes.io/name={self.workload}"
        while True:
            try:
                listed = await self.client.list(POD, self.namespace, labels=labels)
                for pod in listed.items:
                    self.start(pod)
                events = self.client.watch(
                    POD, self.namespace, since=listed.resource_version, labels=labels
                )
                async with aclosing(events):
                    async for event in events:
                        if event.type in (EventType.ADDED, EventType.MODIFIED):
                            self.start(event.object)
            except StatusError:
                await asyncio.sleep(WATCH_AGAIN_S)  # the cluster is away, or its watch was too old


async def follow_lines(
    client: Client, workload: str, namespace: str, wanted: Wanted, after: str
) -> AsyncIterator[PodLine]:
    """Lines after the key `after`, until the reader goes."""
    followed = _Followed(client, workload, namespace, wanted, after)
    watching = asyncio.create_task(followed.watch(), name=f"follow-{workload}")
    try:
        while True:
            yield await followed.lines.get()
    finally:
        tasks = [watching, *followed.lives.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _restarts(pod: RawObject, container: str) -> int:
    """-1 while it has not begun."""
    status = pod.get("status") or {}
    for one in [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]:
        if one["name"] == container:
            waiting = (one.get("state") or {}).get("waiting")
            return -1 if waiting else int(one.get("restartCount", 0))
    return -1

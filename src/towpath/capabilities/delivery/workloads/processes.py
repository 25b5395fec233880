"""What a workload's processes write, read from the cluster with the visitor's rights.

A line has no number that stays: logs are rotated and pods go. Its time, to the nanosecond, with the
pod's name is what a permanent link names.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from towpath.client.protocols import Client, LogReader
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject

LINES_SHOWN = 500
PODS_AT_ONCE = 20
"""Of more, the youngest are read together; each can be chosen alone."""
CONTEXT_S = 60
"""How long before a linked line the page begins."""
SPANS = {"15m": 15 * 60, "1h": 3600, "6h": 6 * 3600, "24h": 24 * 3600}


@dataclass(frozen=True, slots=True)
class PodLine:
    number: int
    time_s: float
    text: str
    key: str = ""
    """`20261121T100921.500123456`: when it was written; the part of an address that names it."""
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the visitor asks for; "" is everything."""

    pod: str = ""
    container: str = ""
    previous: bool = False
    span: str = ""
    line: str = ""
    """The key of a linked line: what was written about then is shown."""

    @property
    def since(self) -> str:
        """As an RFC 3339 time, "" for the end of the log. Raises BadRequest."""
        if self.line:
            return _rfc3339(moment_of(self.line) - timedelta(seconds=CONTEXT_S))
        if self.span in SPANS:
            return _rfc3339(datetime.now(UTC) - timedelta(seconds=SPANS[self.span]))
        return ""


@dataclass(frozen=True, slots=True)
class Output:
    pods: Sequence[dict[str, Any]] = ()
    """Every pod: name, phase, restarts, started, containers."""
    pod: str = ""
    """The one whose lines these are; "" when they are of several."""
    containers: Sequence[str] = ()
    has_previous: bool = False
    lines: Sequence[PodLine] = ()
    cut: bool = False
    """There is more than is shown."""


async def output_of(client: Client, workload: str, namespace: str, wanted: Wanted) -> Output:
    """Raises NotFound for a pod that has gone."""
    pods = await pods_of(client, workload, namespace)
    names = [pod["metadata"]["name"] for pod in pods]
    if wanted.pod and wanted.pod not in names:
        raise NotFound(f"the pod {wanted.pod} has gone; its lines went with it")
    read = [pod for pod in pods if wanted.pod in ("", pod["metadata"]["name"])][:PODS_AT_ONCE]
    found = await asyncio.gather(*(_of_pod(client, pod, wanted) for pod in read))
    merged = list(heapq.merge(*found, key=lambda line: line.key))
    shown = _around(merged, wanted.line)
    one = read[0] if len(read) == 1 else None
    return Output(
        pods=[shown_pod(pod) for pod in pods],
        pod=one["metadata"]["name"] if one else "",
        containers=containers_of(one) if one else (),
        has_previous=bool(one and shown_pod(one)["restarts"]),
        lines=[
            PodLine(number, line.time_s, line.text, line.key, line.pod)
            for number, line in enumerate(shown, 1)
        ],
        cut=len(shown) < len(merged),
    )


async def pods_of(client: Client, workload: str, namespace: str) -> list[RawObject]:
    """The youngest first."""
    found = (await client.list(POD, namespace, labels=f"app.kubernetes.io/name={workload}")).items
    return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)


def containers_of(pod: RawObject) -> list[str]:
    spec = pod["spec"]
    return [one["name"] for one in [*spec["containers"], *(spec.get("initContainers") or ())]]


def sickest_pod(pods: Sequence[RawObject]) -> RawObject | None:
    """The youngest that is not ready; None when all are."""
    unready = [
        pod
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp") and shown_pod(pod)["phase"] != "Ready"
    ]
    return max(unready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def _around(lines: Sequence[PodLine], line: str) -> Sequence[PodLine]:
    """The end of the log; for a linked line what is around it."""
    if not line:
        return lines[-LINES_SHOWN:]
    at = next((index for index, one in enumerate(lines) if one.key >= line), 0)
    first = max(0, at - LINES_SHOWN // 2)
    return lines[first : first + LINES_SHOWN]


async def _of_pod(client: Client, pod: RawObject, wanted: Wanted) -> list[PodLine]:
    metadata = pod["metadata"]
    names = containers_of(pod)
    container = wanted.container if wanted.container in names else names[0]
    reading = cast(LogReader, client).pod_log(
        metadata["name"],
        metadata["namespace"],
        container=container,
        previous=wanted.previous,
        since=wanted.since,
        tail_lines=0 if wanted.since else LINES_SHOWN + 1,
        timestamps=True,
    )
    try:
        async with aclosing(reading):
            return await read_lines(reading, metadata["name"])
    except (NotFound, BadRequest):
        return []  # it has gone, or has written nothing yet


async def read_lines(reading: AsyncIterator[bytes], pod: str = "") -> list[PodLine]:
    number = 0
    lines = []
    async for line in reading:
        number += 1
        lines.append(line_of(number, line.decode(errors="replace"), pod))
    return lines


def line_of(number: int, line: str, pod: str = "") -> PodLine:
    """`2026-11-21T10:09:21.5Z the text`: the API's own form of a line with its time."""
    time, _, text = line.partition(" ")
    try:
        time_s = datetime.fromisoformat(time).timestamp()
    except ValueError:
        return PodLine(number, 0.0, line, "", pod)
    return PodLine(number, time_s, text, time.rstrip("Z").replace("-", "").replace(":", ""), pod)


def moment_of(key: str) -> datetime:
    """When the line of a key was written. Raises BadRequest."""
    try:
        return datetime.fromisoformat(key[:22]).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadRequest(f"{key!r} names no line of a log") from error


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shown_pod(pod: RawObject) -> dict[str, Any]:
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = bool(containers) and all(one.get("ready") for one in containers)
    reason = next(
        (
            state["waiting"].get("reason", "")
            for one in containers
            if (state := one.get("state") or {}) and state.get("waiting")
        ),
        "",
    )
    return {
        "name": pod["metadata"]["name"],
        "phase": reason or ("Ready" if ready else status.get("phase", "Pending")),
        "restarts": sum(int(one.get("restartCount", 0)) for one in containers),
        "started": status.get("startTime", ""),
    }

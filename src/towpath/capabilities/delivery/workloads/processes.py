"""What a workload's processes write, read from the cluster with the visitor's rights."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from towpath.client.protocols import Client, LogReader
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogLine

LINES_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Output:
    pods: Sequence[dict[str, Any]] = ()
    """Every pod: name, phase, ready, restarts, started."""
    pod: str = ""
    """The one whose lines these are."""
    lines: Sequence[LogLine] = ()


async def newest_output(client: Client, workload: str, namespace: str, wanted: str) -> Output:
    """The last lines of the pod that is asked for, else of the youngest."""
    labels = f"app.kubernetes.io/name={workload}"
    found = (await client.list(POD, namespace, labels=labels)).items
    pods = sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    names = [pod["metadata"]["name"] for pod in pods]
    if wanted and wanted not in names:
        raise NotFound(f"the pod {wanted} has gone")
    chosen = wanted or (names[0] if names else "")
    lines = await _lines(client, chosen, namespace) if chosen else []
    return Output([shown_pod(pod) for pod in pods], chosen, lines)


async def _lines(client: Client, pod: str, namespace: str) -> list[LogLine]:
    reader = cast(LogReader, client)
    read = reader.pod_log(pod, namespace, tail_lines=LINES_SHOWN, timestamps=True)
    try:
        async with aclosing(read):
            written = [line.decode(errors="replace") async for line in read]
    except (NotFound, BadRequest):
        return []  # it has gone, or has written nothing yet
    return [_line(number, line) for number, line in enumerate(written, 1)]


def _line(number: int, line: str) -> LogLine:
    """`2026-11-21T10:09:21.5Z the text`: the API's own form of a line with its time."""
    time, _, text = line.partition(" ")
    try:
        return LogLine(number, datetime.fromisoformat(time).timestamp(), text)
    except ValueError:
        return LogLine(number, 0.0, line)


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

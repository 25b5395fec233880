"""Why it is not well, from the cluster itself: the last lines of the sickest pod, and its warnings.

Kept in the promotion's log when it fails: the pod is gone when somebody looks.
"""

from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

from towpath.client.protocols import Client, LogReader
from towpath.hooks.runs import EVIDENCE
from towpath.machinery.core_kinds import EVENT, POD
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

LINES_MAX = 30
LINE_CHARACTERS_MAX = 500
WARNINGS_MAX = 5


async def evidence(client: Client, workload: str, namespace: str) -> list[str]:
    """Lines for the log; none when the cluster has nothing to say."""
    try:
        listed = await client.list(POD, namespace, labels=f"app.kubernetes.io/name={workload}")
    except StatusError:
        return []
    pod = sickest(listed.items)
    if pod is None:
        return []
    name: str = pod["metadata"]["name"]
    told = await _warnings(client, name, namespace)
    container = _container(pod)
    lines = await _last_lines(client, pod, container)
    if lines:
        told += [f"{EVIDENCE}{name}, container {container}:", *lines]
    return told


def sickest(pods: Sequence[RawObject]) -> RawObject | None:
    """The youngest of those that are not ready; None when all are. Pure."""
    unready = [pod for pod in pods if not _is_ready(pod)]
    return max(unready, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def _is_ready(pod: RawObject) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return True  # on its way out: nobody waits for it
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _container(pod: RawObject) -> str:
    """The one that is not ready, else the first."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    unready = (str(one["name"]) for one in statuses if not one.get("ready"))
    return next(unready, str(pod["spec"]["containers"][0]["name"]))


async def _warnings(client: Client, pod: str, namespace: str) -> list[str]:
    fields = f"involvedObject.name={pod},type=Warning"
    try:
        found = (await client.list(EVENT, namespace, fields=fields)).items
    except StatusError:
        return []
    newest = sorted(found, key=lambda event: str(event.get("lastTimestamp") or ""))
    return [f"{one.get('reason')}: {one.get('message')}" for one in newest[-WARNINGS_MAX:]]


async def _last_lines(client: Client, pod: RawObject, container: str) -> list[str]:
    """Of the container's life that ended, when it is between two."""
    reader, metadata = cast(LogReader, client), pod["metadata"]
    for previous in (False, True):
        lines = reader.pod_log(
            metadata["name"],
            metadata["namespace"],
            container=container,
            previous=previous,
            tail_lines=LINES_MAX,
        )
        try:
            async with aclosing(lines):
                found = [line.decode(errors="replace") async for line in lines]
        except StatusError:
            continue  # it has written nothing, or is gone
        if found:
            return [line[:LINE_CHARACTERS_MAX] for line in found]
    return []

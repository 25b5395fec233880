"""The logs of a workload's pods, side by side; with `follow` those of pods to come as well."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import cast

from towpath.client.protocols import Client, EventType, LogReader
from towpath.hooks.commands import CommandError
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import BadRequest, Gone, NotFound
from towpath.machinery.objects import RawObject, uid_of


async def print_logs(client: Client, app: str, namespace: str, *, follow: bool, tail: int) -> None:
    labels = f"app.kubernetes.io/name={app}"
    listed = await client.list(POD, namespace, labels=labels)
    pods = sorted(listed.items, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    if not follow:
        if not pods:
            raise CommandError(f"nothing of {app} runs in {namespace}", hint=f"towpath show {app}")
        for pod in pods:
            await _print_pod(client, pod, follow=False, tail=tail, named=len(pods) > 1)
        return
    async with asyncio.TaskGroup() as tasks:
        followed: set[str] = set()

        def start(pod: RawObject) -> None:
            if _has_begun(pod) and uid_of(pod) not in followed:
                followed.add(uid_of(pod))
                tasks.create_task(_print_pod(client, pod, follow=True, tail=tail, named=True))

        for pod in pods:
            start(pod)
        await _start_new(client, namespace, labels, listed.resource_version, start)


async def _start_new(
    client: Client, namespace: str, labels: str, since: str, start: Callable[[RawObject], None]
) -> None:
    while True:
        try:
            events = client.watch(POD, namespace, since=since, labels=labels)
            async with aclosing(events):
                async for event in events:
                    since = event.object["metadata"]["resourceVersion"]
                    if event.type in (EventType.ADDED, EventType.MODIFIED):
                        start(event.object)
        except Gone:
            listed = await client.list(POD, namespace, labels=labels)
            since = listed.resource_version
            for pod in listed.items:
                start(pod)


def _has_begun(pod: RawObject) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed")


async def _print_pod(
    client: Client, pod: RawObject, *, follow: bool, tail: int, named: bool
) -> None:
    reader = cast(LogReader, client)
    metadata = pod["metadata"]
    containers = [container["name"] for container in pod["spec"]["containers"]]
    for container in containers if not follow else containers[:1]:
        lines = reader.pod_log(
            metadata["name"],
            metadata["namespace"],
            container=container,
            follow=follow,
            tail_lines=tail,
        )
        try:
            async with aclosing(lines):
                async for line in lines:
                    prefix = f"{metadata['name']} " if named else ""
                    sys.stdout.write(f"{prefix}{line.decode(errors='replace')}\n")
                    sys.stdout.flush()
        except (NotFound, BadRequest):
            continue  # it has gone, or has written nothing yet

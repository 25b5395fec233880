"""What the cluster reports of a workload's objects: its events, the newest first."""

from typing import Any

from towpath.client.protocols import Client
from towpath.machinery.core_kinds import EVENT
from towpath.machinery.objects import RawObject

SHOWN_MAX = 20
READ_MAX = 500


async def happenings_of(client: Client, workload: str, namespace: str) -> list[dict[str, Any]]:
    """Of objects that are named after it, as what its manifests make is."""
    found = (await client.list(EVENT, namespace, limit=READ_MAX)).items
    own = [event for event in found if _is_of(_name(event), workload)]
    own.sort(key=_when, reverse=True)
    return [_shown(event) for event in own[:SHOWN_MAX]]


def _is_of(name: str, workload: str) -> bool:
    return name == workload or name.startswith(f"{workload}-")


def _name(event: RawObject) -> str:
    name: str = (event.get("involvedObject") or {}).get("name", "")
    return name


def _when(event: RawObject) -> str:
    return str(
        event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp", "")
    )


def _shown(event: RawObject) -> dict[str, Any]:
    count = int(event.get("count") or 1)
    times = f", {count} times" if count > 1 else ""
    kind = (event.get("involvedObject") or {}).get("kind", "")
    return {
        "title": str(event.get("reason", "")),
        "text": f"{kind} {_name(event)}: {event.get('message', '')}{times}",
        "time": _when(event),
        "status": "Warning" if event.get("type") == "Warning" else "",
    }

"""What `towpath status` says: every cluster, project and workload in one line."""

from dataclasses import dataclass
from typing import Any

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.infrastructure.clusters.kinds import CLUSTER
from towpath.hooks.commands import Terminal
from towpath.machinery.conditions import get_condition
from towpath.machinery.errors import Forbidden
from towpath.machinery.objects import RawObject


@dataclass(frozen=True, slots=True)
class Report:
    data: dict[str, Any]
    rows: list[dict[str, str]]
    words: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        return all(row["ready"] != "False" for row in self.rows)


async def platform_status(terminal: Terminal) -> Report:
    rows = [_row(obj) for obj in await _objects(terminal)]
    data = {"portal": await terminal.portal(), "user": await terminal.user(), "objects": rows}
    return Report(data, rows, (f"Portal {data['portal']}, signed in as {data['user']}",))


async def _objects(terminal: Terminal) -> list[RawObject]:
    """Everything, for those who may see all; the workloads of one's projects, for the others."""
    try:
        return [
            obj
            for kind in (CLUSTER, PROJECT, WORKLOAD)
            for obj in (await terminal.api.list(kind)).items
        ]
    except Forbidden:
        projects = [project["name"] for project in await terminal.read("projects")]
        return [obj for name in projects for obj in (await terminal.api.list(WORKLOAD, name)).items]


def _row(obj: RawObject) -> dict[str, str]:
    ready = get_condition(obj, "Ready") or {}
    return {
        "kind": obj["kind"],
        "namespace": obj["metadata"].get("namespace", ""),
        "name": obj["metadata"]["name"],
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "message": ready.get("message", ""),
    }

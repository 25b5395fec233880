"""The home page: the visitor's workloads, with what runs in each environment."""

from typing import Any
from urllib.parse import urlsplit

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.hooks.pages import Page, PageRoute, Visit
from towpath.machinery.objects import RawObject


async def home(visit: Visit) -> Page:
    return Page("home/home.html", {"projects": await _projects(visit)})


async def _projects(visit: Visit) -> list[dict[str, Any]]:
    """Every project the visitor may see, with its workloads' environments as rows."""
    shown = []
    for name in await _names(visit):
        workloads = (await visit.api.list(WORKLOAD, name)).items
        rows = [row for workload in workloads for row in _rows(workload)]
        shown.append({"name": name, "rows": rows})
    return shown


async def _names(visit: Visit) -> list[str]:
    if visit.viewer.projects is not None:
        return sorted(visit.viewer.projects)
    return [project["metadata"]["name"] for project in (await visit.api.list(PROJECT)).items]


def _rows(workload: RawObject) -> list[dict[str, str]]:
    status = workload.get("status") or {}
    known = {one["name"]: one for one in status.get("environments") or ()}
    return [_row(workload, name, known.get(name, {})) for name in workload["spec"]["environments"]]


def _row(workload: RawObject, environment: str, status: RawObject) -> dict[str, str]:
    url = status.get("url") or ""
    return {
        "workload": workload["metadata"]["name"],
        "owner": workload["spec"].get("owner", ""),
        "environment": environment,
        "release": status.get("release") or "",
        "health": status.get("health") or "Unknown",
        "sync": status.get("sync") or "Unknown",
        "url": url,
        "host": urlsplit(url).netloc,
    }


PAGES = (PageRoute("/", home, "Home"),)

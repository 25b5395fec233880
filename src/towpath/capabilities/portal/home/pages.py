"""Home: what needs me, how my services are, and what happened lately.

Every list is read once, for the projects that the visitor may see. What is shown is cut to what one
person reads; the rest is a link away.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import FAILED as PIPELINE_FAILED
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PROMOTION,
    WAITING_FOR_APPROVAL,
    creation_order,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import in_projects, person
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject

SERVICES_SHOWN = 30
ACTIVITY_SHOWN = 8
NEEDS_SHOWN = 10
OFFERS_SHOWN = 3

_SICKEST_FIRST = ("Degraded", "Missing", "Unknown", "Progressing", "Suspended", "Healthy")


async def home(visit: Visit) -> Page:
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    workloads, promotions, pipelines, runs, offered = await asyncio.gather(
        in_projects(visit.api, WORKLOAD, projects),
        in_projects(visit.api, PROMOTION, projects),
        in_projects(visit.api, PIPELINE_RUN, projects),
        in_projects(visit.api, TEMPLATE_RUN, projects),
        visit.api.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE),
    )
    services = _services(workloads, visit)
    needs = [
        *_approvals(promotions, visit.user.name),
        *_failed_pipelines(pipelines, workloads),
        *_failed_promotions(promotions),
        *_failed_runs(runs, visit.user.name),
    ]
    data = {
        "me": visit.user.name,
        "projects": projects,
        "is_member": projects is None or bool(projects),
        "needs": needs[:NEEDS_SHOWN],
        "needs_more": max(0, len(needs) - NEEDS_SHOWN),
        "services": services[:SERVICES_SHOWN],
        "total": len(services),
        "sick": sum(1 for one in services if one["health"] in ("Degraded", "Missing")),
        "activity": _activity(promotions, runs),
        "offers": [_offer(one) for one in offered.items[:OFFERS_SHOWN]],
    }
    return Page("home/home.html", data)


def _services(workloads: Sequence[RawObject], visit: Visit) -> list[dict[str, Any]]:
    """The sickest first, then those that my groups own."""
    mine = {visit.user.name, *visit.user.groups}
    shown = [_service(one) for one in workloads]
    return sorted(
        shown,
        key=lambda one: (
            _SICKEST_FIRST.index(one["health"]) if one["health"] in _SICKEST_FIRST[:3] else 9,
            one["owner"].rpartition("/")[2] not in mine,
            one["name"],
        ),
    )


def _service(workload: RawObject) -> dict[str, Any]:
    status, metadata = workload.get("status") or {}, workload["metadata"]
    stages = [stage for stage in status.get("environments") or () if stage.get("release")]
    words = [stage.get("health") or "Unknown" for stage in stages]
    health = min(words, key=_rank) if words else "Progressing"
    last = stages[-1] if stages else {}
    ready = get_condition(workload, "Ready") or {}
    if metadata.get("deletionTimestamp"):
        health, line = "Terminating", "It is being deleted."
    elif not stages:
        line = ready.get("message") or "It waits for its first release."
    elif ready.get("status") == "False" and health != "Healthy":
        line = ready.get("message", "")
    else:
        line = f"{last['release']} in {last['name']}"
    return {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "href": f"/projects/{metadata['namespace']}/workloads/{metadata['name']}",
        "owner": workload["spec"].get("owner", ""),
        "health": health,
        "line": line,
        "stages": [{"name": one["name"], "health": one.get("health", "")} for one in stages],
        "url": last.get("url", ""),
    }


def _rank(word: str) -> int:
    return _SICKEST_FIRST.index(word) if word in _SICKEST_FIRST else 2


def _approvals(promotions: Sequence[RawObject], me: str) -> list[dict[str, Any]]:
    """Those that I can decide: not my own, and not decided by me already."""
    waiting = [one for one in newest_first(promotions) if phase_of(one) == WAITING_FOR_APPROVAL]
    return [
        {
            "status": WAITING_FOR_APPROVAL,
            "title": f"Approve {one['spec']['release']} for {one['spec']['environment']}",
            "text": one["spec"].get("reason", ""),
            "who": person(one["spec"]["requestedBy"]),
            "time": one["metadata"].get("creationTimestamp", ""),
            "href": _promotion_page(one),
        }
        for one in waiting
        if one["spec"]["requestedBy"] != me
        and all(decision["user"] != me for decision in one["status"].get("approvals") or ())
    ]


def _failed_pipelines(
    runs: Sequence[RawObject], workloads: Sequence[RawObject]
) -> list[dict[str, Any]]:
    """The newest run of a workflow of a service that is still there, when it failed."""
    known = {(one["metadata"]["namespace"], one["spec"]["repository"]) for one in workloads}
    seen: set[tuple[str, str, str]] = set()
    failed = []
    for run in sorted(runs, key=creation_order, reverse=True):
        spec, metadata = run["spec"], run["metadata"]
        line = (metadata["namespace"], spec["repository"], spec["workflow"])
        if line in seen or line[:2] not in known:
            continue
        seen.add(line)
        status = run.get("status") or {}
        if status.get("phase") == PIPELINE_FAILED:
            failed.append(
                {
                    "status": FAILED,
                    "title": f"The pipeline of {spec['repository']} failed",
                    "text": status.get("message") or status.get("title", ""),
                    "who": spec.get("actor", ""),
                    "time": status.get("finishedAt", ""),
                    "href": f"/projects/{metadata['namespace']}/pipelines/{metadata['name']}",
                }
            )
    return failed


def _failed_promotions(promotions: Sequence[RawObject]) -> list[dict[str, Any]]:
    """The newest promotion to a stage, when it failed."""
    seen: set[tuple[str, str, str]] = set()
    failed = []
    for one in newest_first(promotions):
        spec = one["spec"]
        stage = (one["metadata"]["namespace"], spec["workload"], spec["environment"])
        if stage in seen:
            continue
        seen.add(stage)
        if phase_of(one) == FAILED:
            failed.append(
                {
                    "status": FAILED,
                    "title": f"{spec['release']} did not reach {spec['environment']}",
                    "text": one["status"].get("message", ""),
                    "who": person(spec["requestedBy"]),
                    "time": one["status"].get("finishedAt", ""),
                    "href": _promotion_page(one),
                }
            )
    return failed


def _failed_runs(runs: Sequence[RawObject], me: str) -> list[dict[str, Any]]:
    """My own runs of templates that made nothing."""
    return [
        {
            "status": FAILED,
            "title": f"Creating {_wanted(run)} failed",
            "text": (run.get("status") or {}).get("message", ""),
            "who": me,
            "time": (run.get("status") or {}).get("finishedAt", ""),
            "href": _run_page(run),
        }
        for run in newest_first(runs)
        if (run.get("status") or {}).get("phase") in ("Failed", "Undone")
        and run["spec"].get("requestedBy") == me
    ]


def _activity(promotions: Sequence[RawObject], runs: Sequence[RawObject]) -> list[dict[str, Any]]:
    """What happened lately, the newest first."""
    items = [
        {
            "status": phase_of(one),
            "title": f"{one['spec']['release']} to {one['spec']['environment']}",
            "who": person(one["spec"]["requestedBy"]),
            "text": "",
            "time": (one.get("status") or {}).get("finishedAt")
            or one["metadata"].get("creationTimestamp", ""),
            "href": _promotion_page(one),
        }
        for one in newest_first(promotions)[:ACTIVITY_SHOWN]
    ]
    items += [
        {
            "status": (run.get("status") or {}).get("phase") or "Pending",
            "title": f"Create {_wanted(run)}",
            "who": run["spec"].get("requestedBy", ""),
            "text": "",
            "time": run["metadata"].get("creationTimestamp", ""),
            "href": _run_page(run),
        }
        for run in newest_first(runs)[:ACTIVITY_SHOWN]
    ]
    return sorted(items, key=lambda item: str(item["time"]), reverse=True)[:ACTIVITY_SHOWN]


def _offer(template: RawObject) -> dict[str, str]:
    descriptor = template["spec"]["descriptor"]["metadata"]
    metadata = template["metadata"]
    return {
        "title": descriptor.get("title") or metadata["name"],
        "description": descriptor.get("description", ""),
        "href": f"/create/{metadata['namespace']}/{metadata['name']}",
    }


def _promotion_page(promotion: RawObject) -> str:
    metadata = promotion["metadata"]
    return f"/projects/{metadata['namespace']}/promotions/{metadata['name']}"


def _run_page(run: RawObject) -> str:
    return f"/projects/{run['metadata']['namespace']}/runs/{run['metadata']['name']}"


def _wanted(run: RawObject) -> str:
    parameters = run["spec"].get("parameters") or {}
    return str(parameters.get("name") or run["spec"]["template"]["name"])


def _live(visit: Visit) -> Sequence[LiveWatch]:
    projects = [""] if visit.viewer.projects is None else sorted(visit.viewer.projects)
    kinds = (WORKLOAD, PROMOTION, PIPELINE_RUN, TEMPLATE_RUN)
    return [LiveWatch(kind, project) for project in projects for kind in kinds]


PAGES = (PageRoute("/", home, "Home", live=_live, section="/"),)

"""Home: what needs me, how my services are, and what happened lately.

Every list is read once, for the projects that the visitor may see. What is shown is cut to what one
person reads; the rest is a link away.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import (
    PIPELINE_RUN,
    REPOSITORY_LABEL,
    label_value,
)
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    IN_PHASE,
    PROMOTION,
    WAITING_FOR_APPROVAL,
    creation_order,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.workloads.kinds import OF_WORKLOAD, WORKLOAD
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.hooks.showing import get_if_there, in_projects, lately_created, person
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject
from towpath.records.contract import EntityFilter

SERVICES_SHOWN = 20
SICK = ("Degraded", "Missing")
ACTIVITY_SHOWN = 8
NEEDS_SHOWN = 10
OFFERS_SHOWN = 3

_SICKEST_FIRST = ("Degraded", "Missing", "Unknown", "Progressing", "Suspended", "Healthy")


async def home(visit: Visit) -> Page:
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    services, needs, activity, offered, total = await asyncio.gather(
        _services(visit, projects),
        _needs(visit, projects),
        _activity(visit),
        visit.api.list(SOFTWARE_TEMPLATE, SYSTEM_NAMESPACE, limit=OFFERS_SHOWN),
        visit.records.catalog.facets(visit.viewer, EntityFilter(), ["kind"]),
    )
    data = {
        "me": visit.user.name,
        "projects": projects,
        "is_member": projects is None or bool(projects),
        "needs": needs[:NEEDS_SHOWN],
        "needs_more": max(0, len(needs) - NEEDS_SHOWN),
        "services": services,
        "total": max(total["kind"].get("Component", 0), len(services)),
        "sick": sum(1 for one in services if one["health"] in SICK),
        "activity": activity,
        "offers": [_offer(one) for one in offered.items],
    }
    return Page("home/home.html", data)


async def _needs(visit: Visit, projects: Sequence[str] | None) -> list[dict[str, Any]]:
    """What waits for me, then what has failed and has not been put right since."""
    me = visit.user.name
    waiting, pipelines, promotions, runs = await asyncio.gather(
        in_projects(visit.api, PROMOTION, projects, fields=IN_PHASE.format(WAITING_FOR_APPROVAL)),
        in_projects(visit.api, PIPELINE_RUN, projects, fields=IN_PHASE.format(FAILED)),
        in_projects(visit.api, PROMOTION, projects, fields=IN_PHASE.format(FAILED)),
        in_projects(visit.api, TEMPLATE_RUN, projects, fields=f"spec.requestedBy={me}"),
    )
    return [
        *_approvals(waiting, me),
        *_failed_pipelines(await _current_pipelines(visit, pipelines)),
        *_failed_promotions(await _current_promotions(visit, promotions)),
        *_failed_runs(runs, me),
    ]


async def _current_pipelines(visit: Visit, failed: Sequence[RawObject]) -> list[RawObject]:
    """With every other run of the same repositories, as long as their service is there."""
    newest = sorted(failed, key=creation_order, reverse=True)
    keys = list(
        dict.fromkeys((one["metadata"]["namespace"], one["spec"]["repository"]) for one in newest)
    )[:NEEDS_SHOWN]
    there = await asyncio.gather(
        *(get_if_there(visit.api, WORKLOAD, name, project) for project, name in keys)
    )
    lists = await asyncio.gather(
        *(
            visit.api.list(
                PIPELINE_RUN, project, labels=f"{REPOSITORY_LABEL}={label_value(repository)}"
            )
            for (project, repository), workload in zip(keys, there, strict=True)
            if workload is not None
        )
    )
    return [run for found in lists for run in found.items]


async def _current_promotions(visit: Visit, failed: Sequence[RawObject]) -> list[RawObject]:
    """With every other promotion of the same services, as long as these are there."""
    keys = list(
        dict.fromkeys(
            (one["metadata"]["namespace"], one["spec"]["workload"]) for one in newest_first(failed)
        )
    )[:NEEDS_SHOWN]
    there = await asyncio.gather(
        *(get_if_there(visit.api, WORKLOAD, name, project) for project, name in keys)
    )
    lists = await asyncio.gather(
        *(
            visit.api.list(PROMOTION, project, fields=OF_WORKLOAD.format(name))
            for (project, name), workload in zip(keys, there, strict=True)
            if workload is not None
        )
    )
    return [promotion for found in lists for promotion in found.items]


async def _services(visit: Visit, projects: Sequence[str] | None) -> list[dict[str, Any]]:
    """The sick ones first, then as many as fit."""
    lists = await asyncio.gather(
        *(
            in_projects(
                visit.api,
                WORKLOAD,
                projects,
                fields=f"status.health={word}" if word else "",
                limit=SERVICES_SHOWN,
            )
            for word in (*SICK, "")
        )
    )
    found = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one
        for workloads in lists
        for one in workloads
    }
    return _ordered(list(found.values())[:SERVICES_SHOWN], visit)


def _ordered(workloads: Sequence[RawObject], visit: Visit) -> list[dict[str, Any]]:
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


def _failed_pipelines(runs: Sequence[RawObject]) -> list[dict[str, Any]]:
    """The newest run of a workflow, when it failed."""
    seen: set[tuple[str, str, str]] = set()
    failed = []
    for run in sorted(runs, key=creation_order, reverse=True):
        spec, metadata = run["spec"], run["metadata"]
        line = (metadata["namespace"], spec["repository"], spec["workflow"])
        if line in seen:
            continue
        seen.add(line)
        status = run.get("status") or {}
        if status.get("phase") == FAILED:
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


async def _activity(visit: Visit) -> list[dict[str, Any]]:
    """What happened lately, the newest first."""
    promotions, runs = await asyncio.gather(
        lately_created(visit, PROMOTION, ACTIVITY_SHOWN),
        lately_created(visit, TEMPLATE_RUN, ACTIVITY_SHOWN),
    )
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

"""The page of a project: what runs in it, its stages, who is a member and how much fits in."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from towpath.capabilities.delivery.environments.kinds import (
    ENVIRONMENT,
    approvals_required,
    by_order,
)
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.showing import may, show_object
from towpath.machinery.conditions import get_condition
from towpath.machinery.core_kinds import RESOURCE_QUOTA
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}"
SERVICES_SHOWN = 50


async def project(visit: Visit) -> Page:
    name = visit.parameters["project"]
    if not visit.viewer.may_see(name):
        raise NotFound(f"there is no project {name}, or you are not a member")
    found, workloads, environments, quota, may_create = await asyncio.gather(
        visit.api.get(PROJECT, name),
        visit.api.list(
            WORKLOAD,
            name,
            limit=SERVICES_SHOWN,
            continue_token=visit.parameters.get("continue", ""),
        ),
        visit.api.list(ENVIRONMENT, name),
        _quota(visit, name),
        may(visit.api, "create", TEMPLATE_RUN, name),
    )
    spec = found.get("spec") or {}
    stages = sorted(environments.items, key=by_order)
    ready = get_condition(found, "Ready") or {}
    data = {
        "project": name,
        "title_shown": spec.get("displayName") or name,
        "description": spec.get("description", ""),
        "members": spec.get("members") or [],
        "stages": [_stage(one) for one in stages],
        "workloads": [_workload(one) for one in workloads.items],
        "next": f"/projects/{name}?{urlencode({'continue': workloads.continue_token})}"
        if workloads.continue_token
        else "",
        "quota": quota,
        "may_create": may_create,
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
        "shown": show_object(PROJECT, found),
    }
    return Page("projects/project.html", data, title=data["title_shown"])


def _stage(environment: RawObject) -> dict[str, Any]:
    spec = environment["spec"]
    ready = get_condition(environment, "Ready") or {}
    return {
        "name": environment["metadata"]["name"],
        "cluster": spec["cluster"],
        "mode": spec.get("mode", "manual"),
        "approvals": approvals_required(environment),
        "ready": {"True": "Ready", "False": "Degraded"}.get(ready.get("status", ""), "Pending"),
        "message": ready.get("message", "") if ready.get("status") == "False" else "",
        "description": spec.get("description", ""),
    }


def _workload(workload: RawObject) -> dict[str, Any]:
    status = workload.get("status") or {}
    ready = get_condition(workload, "Ready") or {}
    return {
        "name": workload["metadata"]["name"],
        "owner": workload["spec"].get("owner", ""),
        "description": workload["spec"].get("description", ""),
        "stages": [
            {
                "name": stage["name"],
                "health": stage.get("health", ""),
                "release": stage.get("release", ""),
            }
            for stage in status.get("environments") or ()
        ],
        "trouble": ready.get("message", "") if ready.get("status") == "False" else "",
        "deleting": bool(workload["metadata"].get("deletionTimestamp")),
    }


async def _quota(visit: Visit, name: str) -> list[dict[str, str]]:
    """What may be used and what is, as far as the API says so."""
    try:
        listed = (await visit.api.list(RESOURCE_QUOTA, name)).items
    except StatusError:
        return []
    rows = []
    for quota in listed:
        status = quota.get("status") or {}
        used = status.get("used") or {}
        hard = status.get("hard") or (quota.get("spec") or {}).get("hard") or {}
        for what in sorted(hard):
            rows.append({"what": what, "hard": str(hard[what]), "used": str(used.get(what, "0"))})
    return rows


def _live(visit: Visit) -> Sequence[LiveWatch]:
    name = visit.parameters["project"]
    return LiveWatch(WORKLOAD, name), LiveWatch(ENVIRONMENT, name)


PAGES = (PageRoute(PATH, project, "Project", live=_live, section="/catalog"),)

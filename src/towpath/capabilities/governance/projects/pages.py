"""The pages of a project: what runs in it, its stages, who is a member, how much fits in.

Rules: what a project has is read from its namespace, with a bound; what a visitor may change is
asked of the API, and refused by it where the page was wrong.
"""

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
from towpath.capabilities.governance.projects import activity, membership, settings
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.governance.projects.usage import quota_of
from towpath.capabilities.infrastructure.offerings.kinds import POSTGRESQL_INSTANCE
from towpath.hooks.pages import LiveWatch, Page, PageRoute, Visit
from towpath.hooks.project_frame import PATH, frame_of, read_project
from towpath.hooks.showing import object_page, show_object
from towpath.hooks.telling import state_of
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject, labels_of

SERVICES_SHOWN = 50
CLAIMS_SHOWN = 8
RECENT_SHOWN = 6
SECTION = "/catalog"


async def overview(visit: Visit) -> Page:
    found = await read_project(visit)
    name = found["metadata"]["name"]
    token = visit.parameters.get("continue", "")
    workloads, environments, quota, claims, frame, recent = await asyncio.gather(
        visit.api.list(WORKLOAD, name, limit=SERVICES_SHOWN, continue_token=token),
        visit.api.list(ENVIRONMENT, name),
        quota_of(visit.api, name),
        _claims(visit, name),
        frame_of(visit, found, ""),
        activity.activity_of(visit, name, limit=RECENT_SHOWN),
    )
    stages = sorted(environments.items, key=by_order)
    data = {
        **frame,
        "stages": [_stage(one) for one in stages],
        "workloads": [_workload(one) for one in workloads.items],
        "is_first": not token,
        "next": f"/projects/{name}?{urlencode({'continue': workloads.continue_token})}"
        if workloads.continue_token
        else "",
        "quota": quota,
        "claims": claims[:CLAIMS_SHOWN],
        "more_claims": len(claims) > CLAIMS_SHOWN,
        "recent": recent,
    }
    return Page("projects/overview.html", data, title=frame["title_shown"])


def _stage(environment: RawObject) -> dict[str, Any]:
    spec, metadata = environment["spec"], environment["metadata"]
    state = state_of(environment)
    return {
        "name": metadata["name"],
        "href": object_page(ENVIRONMENT, metadata["name"], metadata["namespace"]),
        "cluster": spec["cluster"],
        "mode": spec.get("mode", "manual"),
        "approvals": approvals_required(environment),
        "state": state.word or "Pending",
        "message": state.sentence if state.word not in ("Ready", "") else "",
        "description": spec.get("description", ""),
    }


def _workload(workload: RawObject) -> dict[str, Any]:
    status = workload.get("status") or {}
    state = state_of(workload)
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
        "runs": any(stage.get("release") for stage in status.get("environments") or ()),
        "trouble": state.sentence if state.word == "Degraded" else "",
        "deleting": state.word == "Terminating",
    }


async def _claims(visit: Visit, name: str) -> list[dict[str, Any]]:
    """What the project has claimed; one more than is shown tells that there are more."""
    try:
        listed = await visit.api.list(POSTGRESQL_INSTANCE, name, limit=CLAIMS_SHOWN + 1)
    except StatusError:
        return []  # the offering is not installed, or not for this visitor
    return [_claim(one) for one in listed.items]


def _claim(claim: RawObject) -> dict[str, Any]:
    metadata, labels = claim["metadata"], labels_of(claim)
    state = state_of(claim)
    return {
        "name": metadata["name"],
        "kind": claim["kind"],
        "href": f"/infrastructure/{metadata['namespace']}/{POSTGRESQL_INSTANCE.plural}/"
        f"{metadata['name']}",
        "environment": labels.get("towpath.dev/environment", ""),
        "workload": labels.get("towpath.dev/workload", ""),
        "size": (claim.get("spec") or {}).get("size", ""),
        "state": state.word or "Pending",
    }


async def as_yaml(visit: Visit) -> Page:
    found = await read_project(visit)
    frame = await frame_of(visit, found, "yaml")
    data = {**frame, "shown": show_object(PROJECT, found)}
    return Page("projects/yaml.html", data, title=f"{frame['title_shown']}: YAML")


def _live(visit: Visit) -> Sequence[LiveWatch]:
    name = visit.parameters["project"]
    return (
        LiveWatch(PROJECT, name=name),
        LiveWatch(WORKLOAD, name),
        LiveWatch(ENVIRONMENT, name),
        LiveWatch(POSTGRESQL_INSTANCE, name),
    )


def _live_project(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(PROJECT, name=visit.parameters["project"]),)


PAGES = (
    PageRoute("/projects", settings.projects, "Projects", section=SECTION),
    PageRoute(
        "/projects/-/new", settings.ask_new, "Create a project", settings.create, section=SECTION
    ),
    PageRoute(PATH, overview, "Project", live=_live, section=SECTION),
    PageRoute(
        f"{PATH}/members",
        membership.members,
        "Members",
        submit=membership.change,
        live=_live_project,
        section=SECTION,
    ),
    PageRoute(f"{PATH}/activity", activity.show, "Activity", live=_live_project, section=SECTION),
    PageRoute(f"{PATH}/yaml", as_yaml, "YAML", live=_live_project, section=SECTION),
    PageRoute(f"{PATH}/edit", settings.ask_edit, "Edit", submit=settings.edit, section=SECTION),
    PageRoute(
        f"{PATH}/delete", settings.ask_delete, "Delete", submit=settings.delete, section=SECTION
    ),
)

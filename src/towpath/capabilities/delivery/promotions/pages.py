"""The pages of promotions: ask for one, see how it goes, decide on one; and what moves just now.

A form posts what the command line does: the API decides who may, the page says what it answered.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import (
    ENVIRONMENT,
    approvals_required,
    by_order,
)
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.approving import approval_name
from towpath.capabilities.delivery.promotions.kinds import (
    APPROVAL,
    IN_PHASE,
    PROMOTION,
    WAITING_FOR_APPROVAL,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.promotions.timeline import run_of
from towpath.capabilities.delivery.workloads.kinds import (
    OF_WORKLOAD,
    RELEASE,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.showing import in_projects, lately_created, may, person
from towpath.machinery.errors import AlreadyExists, NotFound, StatusError
from towpath.machinery.objects import RawObject

PROMOTE = "/projects/{project}/promote/{workload}"
PROMOTION_PAGE = "/projects/{project}/promotions/{name}"
DELIVERY = "/delivery"
MOVES_SHOWN = 20


async def ask(visit: Visit) -> Page:
    return await _form(visit, visit.parameters)


async def promote(visit: Visit) -> Answer:
    """Create the Promotion as the visitor; what the API refuses is told above the form."""
    project, workload = visit.parameters["project"], visit.parameters["workload"]
    environment = visit.form.get("environment", "")
    release = visit.form.get("release", "")
    errors = {
        name: f"Choose {article} {name}."
        for name, article in (("environment", "an"), ("release", "a"))
        if not visit.form.get(name)
    }
    if errors:
        return await _form(visit, visit.form, errors=errors, status=422)
    spec: RawObject = {
        "workload": workload,
        "environment": environment,
        "release": release,
        "requestedBy": visit.user.name,
    }
    if reason := visit.form.get("reason", "").strip():
        spec["reason"] = reason
    name = f"{workload}-{environment}-{time.time_ns() // 10**6:x}"
    promotion = PROMOTION.object(name, project, spec=spec)
    promotion["metadata"]["labels"] = {PROJECT_LABEL: project, WORKLOAD_LABEL: workload}
    try:
        await visit.api.create(PROMOTION, promotion)
    except StatusError as error:
        return await _form(visit, visit.form, problem=error.message, status=error.code)
    return Redirect(
        f"/projects/{project}/workloads/{workload}", f"{release} is on its way to {environment}."
    )


async def _form(
    visit: Visit,
    given: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Page:
    project, name = visit.parameters["project"], visit.parameters["workload"]
    workload, environments, releases = await asyncio.gather(
        visit.api.get(WORKLOAD, name, project),
        visit.api.list(ENVIRONMENT, project),
        visit.api.list(RELEASE, project, fields=OF_WORKLOAD.format(name)),
    )
    listed: list[str] = workload["spec"]["environments"]
    stages = [one for one in environments.items if one["metadata"]["name"] in listed]
    running = {
        entry["name"]: entry.get("release", "")
        for entry in (workload.get("status") or {}).get("environments") or ()
    }
    ordered = sorted(stages, key=by_order)
    newest = [one["metadata"]["name"] for one in newest_first(releases.items)]
    usual = _usual(given.get("release") or (newest or [""])[0], ordered, running)
    data = {
        "project": project,
        "workload": name,
        "environments": [_stage(one, running) for one in ordered],
        "releases": [_choice(one, running) for one in newest_first(releases.items)],
        "given": {"reason": given.get("reason", ""), **usual, **_chosen(given)},
        "errors": errors or {},
        "problem": problem,
        "is_rollback": given.get("rollback") == "yes",
    }
    return Page("promotions/promote.html", data, status, title=f"Promote {name}")


def _usual(release: str, stages: Sequence[RawObject], running: Mapping[str, str]) -> dict[str, str]:
    """What is most likely meant: that release, in the first stage that does not run it yet."""
    names = [stage["metadata"]["name"] for stage in stages]
    to = next((name for name in names if running.get(name) != release), "")
    return {"release": release, "environment": to}


def _chosen(given: Mapping[str, str]) -> dict[str, str]:
    return {name: given[name] for name in ("environment", "release") if given.get(name)}


def _stage(environment: RawObject, running: Mapping[str, str]) -> dict[str, Any]:
    name: str = environment["metadata"]["name"]
    return {
        "name": name,
        "running": running.get(name, ""),
        "choice": (name, f"{name}: {running.get(name) or 'nothing yet'}"),
        "approvals": approvals_required(environment),
        "after": (environment["spec"].get("gates") or {}).get("after") or [],
    }


def _choice(release: RawObject, running: Mapping[str, str]) -> tuple[str, str]:
    """A release to choose, and where it runs."""
    name: str = release["metadata"]["name"]
    stages = [stage for stage, there in running.items() if there == name]
    return name, f"{name} (in {', '.join(stages)})" if stages else name


async def show(visit: Visit) -> Page:
    return await _run_page(visit)


async def _run_page(visit: Visit, problem: str = "", status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["name"]
    promotion = await visit.api.get(PROMOTION, name, project)
    spec = promotion["spec"]
    try:
        environment: RawObject | None = await visit.api.get(
            ENVIRONMENT, spec["environment"], project
        )
    except NotFound:
        environment = None  # it has been deleted since
    waits = phase_of(promotion) == WAITING_FOR_APPROVAL
    decisions = (promotion.get("status") or {}).get("approvals") or []
    mine = spec["requestedBy"] == visit.user.name
    decided = any(one["user"] == visit.user.name for one in decisions)
    data = {
        "run": run_of(promotion, environment),
        "waits": waits,
        "mine": mine,
        "may_decide": waits and not decided and await may(visit.api, "create", APPROVAL, project),
        "decided": decided,
        "decisions": decisions,
        "requester": person(spec["requestedBy"]),
        "comment": visit.form.get("comment", ""),
        "problem": problem,
    }
    return Page("promotions/promotion.html", data, status, title=f"Promotion {name}")


async def decide(visit: Visit) -> Answer:
    """An Approval in the visitor's name: the API refuses another's, and counts nobody twice."""
    project, name = visit.parameters["project"], visit.parameters["name"]
    decision = {"approve": "Approve", "reject": "Reject"}.get(visit.form.get("decision", ""))
    if decision is None:
        return await _run_page(visit, "Choose approve or reject.", 422)
    promotion = await visit.api.get(PROMOTION, name, project)
    user = visit.user.name
    if decision == "Approve" and promotion["spec"]["requestedBy"] == user:
        return await _run_page(visit, "You asked for this; somebody else must approve it.", 403)
    spec: RawObject = {
        "subject": {"kind": "Promotion", "name": name},
        "decision": decision,
        "user": user,
    }
    if comment := visit.form.get("comment", "").strip():
        spec["comment"] = comment
    approval = APPROVAL.object(approval_name(name, user), project, spec=spec)
    approval["metadata"]["labels"] = {PROJECT_LABEL: project}
    try:
        await visit.api.create(APPROVAL, approval)
    except AlreadyExists:
        return await _run_page(visit, "You have decided on this promotion already.", 409)
    except StatusError as error:
        return await _run_page(visit, error.message, error.code)
    word = "approved" if decision == "Approve" else "rejected"
    workload, environment = promotion["spec"]["workload"], promotion["spec"]["environment"]
    notice = f"You have {word} {promotion['spec']['release']} for {environment}."
    if visit.form.get("from") == "service":
        return Redirect(f"/projects/{project}/workloads/{workload}", notice)
    return Redirect(f"/projects/{project}/promotions/{name}", notice)


async def delivery(visit: Visit) -> Page:
    """What moves, over all projects: waiting, going on, and what went lately."""
    projects = None if visit.viewer.projects is None else sorted(visit.viewer.projects)
    waits = IN_PHASE.format(WAITING_FOR_APPROVAL)
    waiting, promotions, runs = await asyncio.gather(
        in_projects(visit.api, PROMOTION, projects, fields=waits, limit=MOVES_SHOWN),
        lately_created(visit, PROMOTION, MOVES_SHOWN),
        lately_created(visit, PIPELINE_RUN, MOVES_SHOWN),
    )
    data = {
        "waiting": [_move(one) for one in newest_first(waiting)],
        "moves": [_move(one) for one in promotions if phase_of(one) != WAITING_FOR_APPROVAL],
        "runs": [_pipeline(one) for one in runs],
        "me": visit.user.name,
    }
    return Page("promotions/delivery.html", data, title="Delivery")


def _move(promotion: RawObject) -> dict[str, Any]:
    spec, status, metadata = promotion["spec"], promotion.get("status") or {}, promotion["metadata"]
    return {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "workload": spec["workload"],
        "environment": spec["environment"],
        "release": spec["release"],
        "phase": phase_of(promotion),
        "by": person(spec["requestedBy"]),
        "reason": spec.get("reason", ""),
        "message": status.get("message", ""),
        "at": status.get("finishedAt") or metadata.get("creationTimestamp", ""),
    }


def _pipeline(run: RawObject) -> dict[str, Any]:
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    return {
        "name": metadata["name"],
        "project": metadata["namespace"],
        "repository": spec["repository"],
        "title": status.get("title") or spec["workflow"].rpartition("/")[2],
        "phase": status.get("phase") or "Pending",
        "actor": spec.get("actor", ""),
        "progress": status.get("progress", ""),
        "started": status.get("startedAt", ""),
        "finished": status.get("finishedAt", ""),
        "at": status.get("startedAt") or metadata.get("creationTimestamp", ""),
    }


def _live_one(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(PROMOTION, visit.parameters["project"], visit.parameters["name"]),)


def _live_all(visit: Visit) -> Sequence[LiveWatch]:
    projects = [""] if visit.viewer.projects is None else sorted(visit.viewer.projects)
    return [
        LiveWatch(resource, project)
        for project in projects
        for resource in (PROMOTION, PIPELINE_RUN)
    ]


PAGES = (
    PageRoute(PROMOTE, ask, "Promote", submit=promote, section="/catalog"),
    PageRoute(PROMOTION_PAGE, show, "Promotion", submit=decide, live=_live_one, section=DELIVERY),
    PageRoute(DELIVERY, delivery, "Delivery", live=_live_all, section=DELIVERY),
)

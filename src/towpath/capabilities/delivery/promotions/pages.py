"""The pages of promotions: ask for one, see how it goes, decide on one; and what moves just now.

A form posts what the command line does: the API decides who may, the page says what it answered.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.approving import approval_name
from towpath.capabilities.delivery.promotions.kinds import (
    APPROVAL,
    IN_PHASE,
    LOG_STEPS,
    PROMOTION,
    WAITING_FOR_APPROVAL,
    is_finished,
    log_stream,
    newest_first,
    phase_of,
)
from towpath.capabilities.delivery.promotions.pending import change_of
from towpath.capabilities.delivery.promotions.promote_page import PATH as PROMOTE
from towpath.capabilities.delivery.promotions.promote_page import ask, promote, promote_again
from towpath.capabilities.delivery.promotions.timeline import StepLog, run_of
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.runs import RunAction, last_lines
from towpath.hooks.showing import get_if_there, in_projects, lately_created, may, person
from towpath.machinery.errors import AlreadyExists, StatusError
from towpath.machinery.objects import RawObject

PROMOTION_PAGE = "/projects/{project}/promotions/{name}"
DELIVERY = "/delivery"
MOVES_SHOWN = 20


async def show(visit: Visit) -> Page:
    return await _run_page(visit)


async def _run_page(visit: Visit, problem: str = "", status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["name"]
    promotion = await visit.api.get(PROMOTION, name, project)
    spec = promotion["spec"]
    environment = await get_if_there(visit.api, ENVIRONMENT, spec["environment"], project)
    waits = phase_of(promotion) == WAITING_FOR_APPROVAL
    decisions = (promotion.get("status") or {}).get("approvals") or []
    decided = any(one["user"] == visit.user.name for one in decisions)
    again = is_finished(promotion) and await may(visit.api, "create", PROMOTION, project)
    logs = await _logs(visit, project, name)
    actions = (RunAction("again", "Promote again"),) if again else ()
    data = {
        "run": run_of(promotion, environment, logs=logs, actions=actions),
        "address_of_run": f"/projects/{project}/promotions/{name}",
        "waits": waits,
        "mine": spec["requestedBy"] == visit.user.name,
        "may_decide": waits and not decided and await may(visit.api, "create", APPROVAL, project),
        "decided": decided,
        "superseded_by": (promotion.get("status") or {}).get("supersededBy", ""),
        "change": await change_of(visit, promotion),
        "comment": visit.form.get("comment", ""),
        "problem": problem,
    }
    return Page("promotions/promotion.html", data, status, title=f"Promotion {name}")


async def _logs(visit: Visit, project: str, name: str) -> dict[str, StepLog]:
    if not visit.viewer.may_see(project):
        return {}
    ends = await asyncio.gather(
        *(last_lines(visit.records, log_stream(project, name, step)) for step in LOG_STEPS)
    )
    return {step: StepLog(*end) for step, end in zip(LOG_STEPS, ends, strict=True)}


async def act(visit: Visit) -> Answer:
    """A decision, or the same once more."""
    if visit.form.get("action") != "again":
        return await decide(visit)
    project, name = visit.parameters["project"], visit.parameters["name"]
    promotion = await visit.api.get(PROMOTION, name, project)
    try:
        again = await promote_again(visit, promotion)
    except StatusError as error:
        return await _run_page(visit, error.message, error.code)
    return Redirect(f"/projects/{project}/promotions/{again}", "The same is promoted again.")


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
    own = promotion["spec"]["requestedBy"] == user
    word = "approved" if decision == "Approve" else "taken back" if own else "rejected"
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
    PageRoute(PROMOTION_PAGE, show, "Promotion", submit=act, live=_live_one, section=DELIVERY),
    PageRoute(DELIVERY, delivery, "Delivery", live=_live_all, section=DELIVERY),
)

"""The pages of promotions: ask for one, see how it goes, decide on one; and what moves just now.

A form posts what the command line does: the API decides who may, the page says what it answered.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.promotions.kinds import (
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
from towpath.hooks.deciding import CannotDecide, decide_on_page, decision_of
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.runs import RunAction, last_lines
from towpath.hooks.showing import get_if_there, in_projects, lately_created, may, person
from towpath.machinery.errors import StatusError
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
    again = is_finished(promotion) and await may(visit.api, "create", PROMOTION, project)
    logs = await _logs(visit, project, name)
    actions = (RunAction("again", "Promote again"),) if again else ()
    data = {
        "run": run_of(promotion, environment, logs=logs, actions=actions),
        "address_of_run": f"/projects/{project}/promotions/{name}",
        "decision": await decision_of(visit, promotion),
        "noun": "promotion",
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
    promotion = await visit.api.get(PROMOTION, name, project)
    try:
        word = await decide_on_page(visit, promotion)
    except CannotDecide as refused:
        return await _run_page(visit, str(refused), refused.status)
    except StatusError as error:
        return await _run_page(visit, error.message, error.code)
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

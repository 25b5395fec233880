"""The page that asks for a promotion: which release, where to, and what that would change.

What is chosen is in the address; a second form sends it. It posts what the command line does: the
API decides who may, the page says what it answered.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from towpath.capabilities.delivery.environments.kinds import (
    ENVIRONMENT,
    approvals_required,
    by_order,
)
from towpath.capabilities.delivery.promotions.kinds import (
    PROMOTION,
    WAITING_FOR_APPROVAL,
    newest_first,
)
from towpath.capabilities.delivery.promotions.pending import Pending, pending_of
from towpath.capabilities.delivery.workloads.kinds import (
    OF_WORKLOAD,
    RELEASE,
    WORKLOAD,
    WORKLOAD_LABEL,
)
from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.hooks.pages import Answer, Page, Redirect, Visit
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}/promote/{workload}"


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
    try:
        name = await _request(visit, workload, environment, release)
    except StatusError as error:
        return await _form(visit, visit.form, problem=error.message, status=error.code)
    if visit.form.get("then") == "promotion":
        return Redirect(f"/projects/{project}/promotions/{name}")
    return Redirect(
        f"/projects/{project}/workloads/{workload}", f"{release} is on its way to {environment}."
    )


async def _request(visit: Visit, workload: str, environment: str, release: str) -> str:
    """Its name. Raises StatusError when the visitor may not, or it cannot be."""
    spec: RawObject = {
        "workload": workload,
        "environment": environment,
        "release": release,
        "requestedBy": visit.user.name,
    }
    if reason := visit.form.get("reason", "").strip():
        spec["reason"] = reason
    if changes := visit.form.get("changes", ""):
        spec["changes"] = _changes(changes)
    return await _create(visit, spec)


async def promote_again(visit: Visit, promotion: RawObject) -> str:
    """The same once more, as the visitor; its name."""
    spec = {**promotion["spec"], "requestedBy": visit.user.name}
    return await _create(visit, spec)


async def _create(visit: Visit, spec: RawObject) -> str:
    project = visit.parameters["project"]
    workload, environment = spec["workload"], spec["environment"]
    name = f"{workload}-{environment}-{time.time_ns() // 10**6:x}"
    promotion = PROMOTION.object(name, project, spec=spec)
    promotion["metadata"]["labels"] = {PROJECT_LABEL: project, WORKLOAD_LABEL: workload}
    await visit.api.create(PROMOTION, promotion)
    return name


def _changes(text: str) -> Any:
    """Accepted drift, as the resources page sends it. What it may be is the API's to say."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRequest(f"changes is no JSON: {error}") from error


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
    entries = (workload.get("status") or {}).get("environments") or ()
    running = {entry["name"]: entry.get("release", "") for entry in entries}
    waiting = {
        entry["name"]: entry.get("promotion", "")
        for entry in entries
        if entry.get("phase") == WAITING_FOR_APPROVAL
    }
    ordered = sorted(stages, key=by_order)
    newest = newest_first(releases.items)
    usual = _usual(given.get("release") or _name(newest[:1]), ordered, running)
    there = {
        "environment": [_name([one]) for one in ordered],
        "release": [_name([one]) for one in newest],
    }
    chosen = {**usual, **_chosen(given, there)}
    pending = await _pending(visit, workload, newest, running, chosen)
    stage = next((one for one in ordered if one["metadata"]["name"] == chosen["environment"]), None)
    data = {
        "project": project,
        "workload": name,
        "environments": [(_name([one]), _name([one])) for one in ordered],
        "releases": [_choice(one, running) for one in newest],
        "stage": _stage(stage, running) if stage else None,
        "displaced": waiting.get(chosen["environment"], ""),
        "given": {"reason": given.get("reason", ""), **chosen},
        "pending": pending,
        "errors": errors or {},
        "problem": problem or _unknown(given, there, name),
        "is_rollback": given.get("rollback") == "yes" or pending.span.direction == "back",
    }
    word = "Roll back" if data["is_rollback"] else "Promote"
    to, release = chosen["environment"], chosen["release"]
    where = f"{to} to {release}" if data["is_rollback"] else f"{release} to {to}"
    data["label"] = f"{word} {where}" if to and release else word
    return Page("promotions/promote.html", data, status, title=f"{word} {name}")


async def _pending(
    visit: Visit,
    workload: RawObject,
    releases: Sequence[RawObject],
    running: Mapping[str, str],
    chosen: Mapping[str, str],
) -> Pending:
    known = {one["metadata"]["name"]: one for one in releases}
    to = known.get(chosen["release"])
    if to is None or not chosen["environment"]:
        return Pending()
    here = known.get(running.get(chosen["environment"], ""))
    return await pending_of(visit, workload, chosen["environment"], here, to)


def _name(objects: Sequence[RawObject]) -> str:
    return str(objects[0]["metadata"]["name"]) if objects else ""


def _usual(release: str, stages: Sequence[RawObject], running: Mapping[str, str]) -> dict[str, str]:
    """What is most likely meant: that release, in the first stage that does not run it yet."""
    names = [stage["metadata"]["name"] for stage in stages]
    to = next((name for name in names if running.get(name) != release), "")
    return {"release": release, "environment": to or (names or [""])[-1]}


def _chosen(given: Mapping[str, str], there: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: given[name] for name, known in there.items() if given.get(name) in known}


def _unknown(given: Mapping[str, str], there: Mapping[str, Sequence[str]], workload: str) -> str:
    """Of an address that is old or was mistyped."""
    for name, known in there.items():
        if (asked := given.get(name, "")) and asked not in known:
            return f"{workload} has no {name} {asked}; choose one of those below."
    return ""


def _stage(environment: RawObject, running: Mapping[str, str]) -> dict[str, Any]:
    name: str = environment["metadata"]["name"]
    return {
        "name": name,
        "running": running.get(name, ""),
        "approvals": approvals_required(environment),
        "after": (environment["spec"].get("gates") or {}).get("after") or [],
    }


def _choice(release: RawObject, running: Mapping[str, str]) -> tuple[str, str]:
    """A release to choose, and where it runs."""
    name: str = release["metadata"]["name"]
    stages = [stage for stage, there in running.items() if there == name]
    return name, f"{name} (in {', '.join(stages)})" if stages else name

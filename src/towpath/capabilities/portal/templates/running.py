"""The page of a template's run: its steps, what came of them, and what happens next.

What happens next is the way that what was made goes by itself: pipeline, release, promotion, and
the address that answers. The page follows it until then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import (
    COMMIT_LABEL,
    PIPELINE_RUN,
    REPOSITORY_LABEL,
)
from towpath.capabilities.delivery.promotions.kinds import PROMOTION
from towpath.capabilities.delivery.workloads.kinds import RELEASE, WORKLOAD, release_name
from towpath.capabilities.portal.templates import progress
from towpath.capabilities.portal.templates.forms import run_name
from towpath.capabilities.portal.templates.kinds import (
    ADOPT,
    CANCELLED_BY,
    DECISION,
    FAILED,
    PENDING,
    RETRY,
    RUNNING,
    SUCCEEDED,
    TEMPLATE_RUN,
    UNDO,
    UNDONE,
)
from towpath.capabilities.portal.templates.story import (
    commit_of,
    first_automatic,
    newest_attempts,
)
from towpath.capabilities.portal.templates.telling import run_of
from towpath.hooks.deciding import CannotDecide, decide_on_page, decision_of
from towpath.hooks.forms import flat_values
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.runs import RunAction
from towpath.hooks.showing import get_if_there, may
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject

RUN = "/projects/{project}/runs/{run}"
DECIDED = {
    RETRY: "It is tried again.",
    UNDO: "What was made is being undone.",
    ADOPT: "What was made is kept.",
}
SUFFIX_CHARACTERS = 7
"""Of a run's name, after the name of what it makes: `-1a2b3c`."""


@dataclass(frozen=True, slots=True)
class Next:
    """One thing on the way from the commit to the address that answers; for `ui.steps`."""

    name: str
    phase: str
    message: str = ""
    href: str = ""
    started: str = ""
    finished: str = ""
    by: str = ""
    current: bool = False


async def show_run(visit: Visit) -> Page:
    return await _shown(visit, "")


async def _shown(visit: Visit, problem: str, status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["run"]
    found = await visit.api.get(TEMPLATE_RUN, name, project)
    run = await run_of(visit, found)
    if await may(visit.api, "create", TEMPLATE_RUN, project):
        run = replace(run, actions=_actions(found))
    ahead, url = await _next(visit, found, run.workload)
    data = {
        "run": run,
        "problem": problem,
        "address_of_run": f"/projects/{project}/runs/{name}",
        "ahead": ahead,
        "url": url,
        "answers": _answers(found) if _has_failed(found) else "",
        "cancelled": CANCELLED_BY in (found["metadata"].get("annotations") or {}),
        "decision": await decision_of(visit, found),
        "restarts": _restarts(found),
        "noun": "run",
        "comment": visit.form.get("comment", ""),
    }
    return Page("templates/run.html", data, status, title=run.title)


def _actions(run: RawObject) -> tuple[RunAction, ...]:
    if progress.is_undecided(run) and not progress.is_finished(run):
        return (
            RunAction(RETRY, "Try the step again", "primary"),
            RunAction(UNDO, "Undo what was made", "danger"),
            RunAction(ADOPT, "Keep what was made"),
        )
    if not progress.is_finished(run):
        if CANCELLED_BY in (run["metadata"].get("annotations") or {}):
            return ()
        return (RunAction("cancel", "Cancel and undo", "danger"),)
    return (RunAction("again", "Try again", "primary"),) if _has_failed(run) else ()


def _has_failed(run: RawObject) -> bool:
    return progress.is_finished(run) and progress.phase_of(run) in (FAILED, UNDONE)


def _answers(run: RawObject) -> str:
    """The address of the form, filled in as it was."""
    template = run["spec"]["template"]
    values = flat_values(run["spec"].get("parameters") or {})
    texts = {
        name: "\n".join(map(str, value)) if isinstance(value, list) else _text(value)
        for name, value in values.items()
    }
    query = urlencode({"project": run["metadata"]["namespace"], **texts})
    return f"/create/{template['namespace']}/{template['name']}?{query}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def act(visit: Visit) -> Answer:
    """Cancel the run, or run the same again."""
    project, name = visit.parameters["project"], visit.parameters["run"]
    action = visit.form.get("action", "")
    try:
        if action == "cancel":
            note = {"metadata": {"annotations": {CANCELLED_BY: visit.user.name}}}
            await visit.api.patch(TEMPLATE_RUN, name, project, note)
            return Redirect(f"/projects/{project}/runs/{name}", "It is being cancelled.")
        if action == "again":
            found = await visit.api.get(TEMPLATE_RUN, name, project)
            again = await _again(visit, found)
            return Redirect(f"/projects/{project}/runs/{again}", "The same run, once more.")
        if action.partition(":")[0] in DECIDED:
            await _decide(visit, action)
            said = DECIDED[action.partition(":")[0]]
            return Redirect(f"/projects/{project}/runs/{name}", said)
        if "decision" in visit.form:
            found = await visit.api.get(TEMPLATE_RUN, name, project)
            word = await decide_on_page(visit, found)
            return Redirect(f"/projects/{project}/runs/{name}", f"You have {word} this run.")
    except CannotDecide as refused:
        return await _shown(visit, str(refused), refused.status)
    except StatusError as error:
        return await _shown(visit, error.message, error.code)
    raise BadRequest(f"{action!r} is nothing that can be done with a run")


async def _decide(visit: Visit, action: str) -> None:
    """Raises BadRequest for a step that the run does not have."""
    project, name = visit.parameters["project"], visit.parameters["run"]
    found = await visit.api.get(TEMPLATE_RUN, name, project)
    step = action.partition(":")[2]
    if not progress.is_undecided(found):
        raise BadRequest("the run does not wait for a decision; somebody may have taken it")
    if step and step not in {one["id"] for one in progress.steps_of(found)}:
        raise BadRequest(f"the run has no step {step!r}")
    patch = {"metadata": {"annotations": {DECISION: action}}}
    await visit.api.patch(TEMPLATE_RUN, name, project, patch)


def _restarts(run: RawObject) -> list[tuple[str, str]]:
    """The steps that it could go on from, and their names."""
    if not progress.is_undecided(run) or progress.is_finished(run):
        return []
    return [(f"{RETRY}:{step['id']}", step["name"]) for step in progress.steps_of(run)]


async def _again(visit: Visit, run: RawObject) -> str:
    name, project = run["metadata"]["name"], run["metadata"]["namespace"]
    again = run_name(name[:-SUFFIX_CHARACTERS])
    spec = {**run["spec"], "requestedBy": visit.user.name}
    await visit.api.create(TEMPLATE_RUN, TEMPLATE_RUN.object(again, project, spec=spec))
    return again


async def _next(visit: Visit, run: RawObject, workload: str) -> tuple[list[Next], str]:
    """The way ahead, and the address once it answers."""
    commit = commit_of(run) if run.get("status") else ""
    if not workload or not commit or progress.phase_of(run) not in (RUNNING, SUCCEEDED):
        return [], ""
    project: str = run["metadata"]["namespace"]
    service = await get_if_there(visit.api, WORKLOAD, workload, project)
    if service is None:
        return [], ""
    repository: str = service["spec"]["repository"]
    steps = await _pipelines(visit, project, repository, commit)
    release = release_name(workload, commit)
    found = await get_if_there(visit.api, RELEASE, release, project)
    steps.append(Next(f"Release {release}" if found else "Release", _done(found)))
    stage = first_automatic((await visit.api.list(ENVIRONMENT, project)).items)
    if not stage:
        return [*steps, Next("Promotion", PENDING, "No environment takes releases by itself.")], ""
    steps.append(await _promotion(visit, project, f"{workload}-{stage}-{commit[:8]}", stage))
    health, url = _health(service, stage, release)
    message = "" if health == "Healthy" else "It waits for its processes to answer."
    where = f"/projects/{project}/workloads/{workload}"
    steps.append(Next(f"Healthy in {stage}", health, message if found else "", where))
    return steps, url if health == "Healthy" else ""


async def _pipelines(visit: Visit, project: str, repository: str, commit: str) -> list[Next]:
    labels = f"{REPOSITORY_LABEL}={repository},{COMMIT_LABEL}={commit}"
    found = (await visit.api.list(PIPELINE_RUN, project, labels=labels)).items
    steps = []
    runs = newest_attempts(found, commit)
    for run in sorted(runs, key=lambda run: run["metadata"]["creationTimestamp"]):
        status, name = run.get("status") or {}, run["metadata"]["name"]
        steps.append(
            Next(
                f"Pipeline {run['spec']['workflow'].rpartition('/')[2]}",
                status.get("phase") or PENDING,
                status.get("message", "") or _going_on(status),
                f"/projects/{project}/pipelines/{name}",
                status.get("startedAt", ""),
                status.get("finishedAt", ""),
            )
        )
    return steps or [Next("Pipeline", PENDING, "It begins with the commit.")]


def _going_on(status: RawObject) -> str:
    """The step that is under way."""
    for job in status.get("jobs") or ():
        for step in job.get("steps") or ():
            if step.get("phase") == RUNNING:
                return str(step.get("name", ""))
    return ""


async def _promotion(visit: Visit, project: str, name: str, stage: str) -> Next:
    found = await get_if_there(visit.api, PROMOTION, name, project)
    if found is None:
        return Next(f"Promotion to {stage}", PENDING)
    status = found.get("status") or {}
    phase = status.get("phase") or PENDING
    message = status.get("message", "") if phase == FAILED else ""
    return Next(f"Promotion to {stage}", phase, message, f"/projects/{project}/promotions/{name}")


def _done(found: RawObject | None) -> str:
    return SUCCEEDED if found is not None else PENDING


def _health(service: RawObject, stage: str, release: str) -> tuple[str, str]:
    for entry in (service.get("status") or {}).get("environments") or ():
        if entry["name"] == stage and entry.get("release") == release:
            return entry.get("health") or "Unknown", entry.get("url", "")
    return PENDING, ""


def live(visit: Visit) -> Sequence[LiveWatch]:
    """The run, and what it makes by the name that it begins with."""
    project, run = visit.parameters["project"], visit.parameters["run"]
    made = run[:-SUFFIX_CHARACTERS]
    return (
        LiveWatch(TEMPLATE_RUN, project, run),
        LiveWatch(WORKLOAD, project, made),
        LiveWatch(PIPELINE_RUN, project, labels=f"{REPOSITORY_LABEL}={made}"),
    )

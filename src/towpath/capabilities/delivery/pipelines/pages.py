"""The page of a pipeline run: its jobs as steps with their logs; cancel it, or run it again."""

import asyncio
from collections.abc import Sequence

from towpath.capabilities.delivery.pipelines.again import run_again
from towpath.capabilities.delivery.pipelines.kinds import (
    CANCELLED,
    FAILED,
    PENDING,
    PIPELINE_RUN,
    RUNNING,
    SKIPPED,
    is_finished,
    log_stream,
    phase_of,
)
from towpath.hooks.pages import Answer, LiveWatch, Page, PageRoute, Redirect, Visit
from towpath.hooks.runs import (
    Run,
    RunAction,
    RunFact,
    RunFailure,
    RunGroup,
    RunStep,
    last_lines,
    last_words,
)
from towpath.hooks.showing import may, show_object
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject

PATH = "/projects/{project}/pipelines/{run}"
CORRECT = (
    "Correct it and push; or run it again if nothing is wrong with the commit, as when a network "
    "was away."
)
NO_LOG = (PENDING, SKIPPED)


async def show(visit: Visit) -> Page:
    return await _run_page(visit)


async def act(visit: Visit) -> Answer:
    """Cancel, or run the same again; as the visitor."""
    project, name = visit.parameters["project"], visit.parameters["run"]
    action = visit.form.get("action", "")
    base = f"/projects/{project}/pipelines"
    try:
        if action == "cancel":
            await visit.api.patch(PIPELINE_RUN, name, project, {"spec": {"cancel": True}})
            return Redirect(f"{base}/{name}", "The run is being cancelled.")
        if action == "rerun":
            found = await visit.api.get(PIPELINE_RUN, name, project)
            again = await run_again(visit.api, found, visit.user.name)
            return Redirect(f"{base}/{again['metadata']['name']}", "The same commit runs again.")
    except StatusError as error:
        return await _run_page(visit, error.message, error.code)
    return await _run_page(visit, f"There is no action {action!r}.", 422)


async def _run_page(visit: Visit, problem: str = "", status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["run"]
    found = await visit.api.get(PIPELINE_RUN, name, project)
    may_write = await may(visit.api, "create", PIPELINE_RUN, project)
    run = await _run(visit, found, _actions(found) if may_write else ())
    data = {
        "run": run,
        "problem": problem,
        "address_of_run": f"/projects/{project}/pipelines/{name}",
    }
    return Page("pipelines/run.html", data, status, title=run.title)


def _actions(run: RawObject) -> Sequence[RunAction]:
    if is_finished(run):
        return (RunAction("rerun", "Run again"),)
    if run["spec"].get("cancel"):
        return ()
    return (RunAction("cancel", "Cancel", "danger"),)


async def _run(visit: Visit, found: RawObject, actions: Sequence[RunAction]) -> Run:
    spec, status, metadata = found["spec"], found.get("status") or {}, found["metadata"]
    project: str = metadata["namespace"]
    groups = await asyncio.gather(
        *(_group(visit, project, metadata["name"], job) for job in status.get("jobs") or ())
    )
    outputs = [
        RunFact(f"{job['name']}: {name}", str(value))
        for job in status.get("jobs") or ()
        for name, value in (job.get("outputs") or {}).items()
    ]
    return Run(
        kind="Pipeline run",
        name=metadata["name"],
        title=status.get("title") or metadata["name"],
        project=project,
        phase=phase_of(found),
        message=status.get("message", ""),
        who=spec.get("actor") or "the platform",
        why=f"{spec.get('event', 'push')} to {spec['ref'].removeprefix('refs/heads/')}",
        created=metadata.get("creationTimestamp", ""),
        started=status.get("startedAt", ""),
        finished=status.get("finishedAt", ""),
        groups=groups,
        inputs=(
            RunFact("Repository", spec["repository"]),
            RunFact("Workflow", spec["workflow"]),
            RunFact("Ref", spec["ref"]),
            RunFact("Commit", spec["commit"]),
            RunFact("Attempt", str(spec.get("attempt", 1))),
            *(RunFact(name, value) for name, value in (spec.get("inputs") or {}).items()),
        ),
        outputs=outputs,
        shown=show_object(PIPELINE_RUN, found),
        actions=actions,
        workload=spec["repository"],
        warnings=status.get("warnings") or (),
        failure=_failure(found, groups),
    )


def _failure(run: RawObject, groups: Sequence[RunGroup]) -> RunFailure | None:
    """Of the first step that failed; of the run itself when it never came to a step."""
    if phase_of(run) != FAILED:
        return None
    for group in groups:
        for step in group.steps:
            if group.phase == FAILED and step.phase == FAILED:
                told = f"Step {step.name!r} of job {group.name!r} failed"
                what = f"{told}: {step.message}" if step.message else f"{told}."
                return RunFailure(what, CORRECT, last_words(step.lines), step.id)
    message, _, _ = str((run.get("status") or {}).get("message", "")).partition("; its log: ")
    failed = next((group for group in groups if group.phase == FAILED), None)
    what = f"Job {failed.name!r} failed: {failed.message}" if failed and failed.message else message
    return RunFailure(what or "It failed and did not say why.", CORRECT)


async def _group(visit: Visit, project: str, run: str, job: RawObject) -> RunGroup:
    steps = await asyncio.gather(
        *(_step(visit, project, run, job["id"], step) for step in job.get("steps") or ())
    )
    return RunGroup(
        steps=steps,
        name=job["name"],
        phase=job["phase"],
        started=job.get("startedAt", ""),
        finished=job.get("finishedAt", ""),
        message=job.get("message", ""),
    )


async def _step(visit: Visit, project: str, run: str, job: str, step: RawObject) -> RunStep:
    phase = step["phase"]
    stream = "" if phase in NO_LOG else log_stream(project, run, job, step["number"])
    readable = stream and visit.viewer.may_see(project)
    lines, left_out = await last_lines(visit.records, stream) if readable else ((), 0)
    return RunStep(
        id=f"{job}-{step['number']}",
        name=step["name"],
        phase=phase,
        started=step.get("startedAt", ""),
        finished=step.get("finishedAt", ""),
        message=_message(step),
        stream=stream,
        lines=lines,
        left_out=left_out,
        is_open=phase in (RUNNING, FAILED, CANCELLED),
    )


def _message(step: RawObject) -> str:
    message: str = step.get("message", "")
    code = step.get("exitCode")
    return message or (f"It ended with exit code {code}." if code else "")


def _live(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(PIPELINE_RUN, visit.parameters["project"], visit.parameters["run"]),)


PAGES = (PageRoute(PATH, show, "Pipeline run", submit=act, live=_live, section="/delivery"),)

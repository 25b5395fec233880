"""The page of one run of an action: the one shape of a run, with what can be decided and done."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from towpath.capabilities.portal.actions.form_page import run_name
from towpath.capabilities.portal.actions.kinds import (
    ACTION_RUN,
    CANCELLED,
    CANCELLED_BY,
    FAILED,
    PENDING,
    RUNNING,
    STEPS,
    SUCCEEDED,
    UNDOING,
    UNDONE,
    WAITING_FOR_APPROVAL,
    is_finished,
    log_stream,
    phase_of,
    undo_asked,
    wants_undo,
)
from towpath.hooks.deciding import CannotDecide, decide_on_page, decision_of
from towpath.hooks.leases import EXPIRES
from towpath.hooks.pages import Answer, LiveWatch, Page, Redirect, Visit
from towpath.hooks.runs import (
    FAILURE_LINES,
    Run,
    RunAction,
    RunFact,
    RunFailure,
    RunGroup,
    RunStep,
    last_lines,
    why,
)
from towpath.hooks.showing import may, person, show_object
from towpath.machinery.errors import BadRequest, StatusError
from towpath.machinery.objects import RawObject, annotations_of
from towpath.records.contract import LogLine

RUN = "/projects/{project}/action-runs/{run}"
SUFFIX_CHARACTERS = 7
SKIPPED = "Skipped"
Logs = dict[str, tuple[Sequence[LogLine], int]]


async def show(visit: Visit) -> Page:
    return await _shown(visit)


async def _shown(visit: Visit, problem: str = "", status: int = 200) -> Page:
    project, name = visit.parameters["project"], visit.parameters["run"]
    found = await visit.api.get(ACTION_RUN, name, project)
    found = {"apiVersion": ACTION_RUN.api_version, "kind": ACTION_RUN.kind, **found}
    may_run = await may(visit.api, "create", ACTION_RUN, project)
    data = {
        "run": _run(found, await _logs(visit, project, name), _actions(found) if may_run else ()),
        "address_of_run": _address(project, name),
        "decision": await decision_of(visit, found),
        "noun": "action",
        "comment": visit.form.get("comment", ""),
        "problem": problem,
        "cancelled": CANCELLED_BY in annotations_of(found) and not is_finished(found),
    }
    return Page("actions/run.html", data, status, title=_title(found))


def _address(project: str, name: str) -> str:
    return f"/projects/{project}/action-runs/{name}"


async def _logs(visit: Visit, project: str, name: str) -> Logs:
    if not visit.viewer.may_see(project):
        return {}
    ends = await asyncio.gather(
        *(last_lines(visit.records, log_stream(project, name, step)) for step in STEPS)
    )
    return dict(zip(STEPS, ends, strict=True))


def _actions(run: RawObject) -> tuple[RunAction, ...]:
    phase, annotations = phase_of(run), annotations_of(run)
    if phase == UNDOING:
        return ()
    if not is_finished(run):
        return () if CANCELLED_BY in annotations else (RunAction("cancel", "Cancel", "danger"),)
    again = RunAction("again", "Run it again", "primary" if phase == FAILED else "")
    if phase == SUCCEEDED and not wants_undo(run) and _can_undo(run):
        return (again, RunAction("undo", "Undo", "danger"))
    return (again,)


def _can_undo(run: RawObject) -> bool:
    status = run.get("status") or {}
    action, plan, made = status.get("action") or {}, status.get("plan") or {}, status.get("made")
    if action.get("undo") or (made or {}).get("canUndo"):
        return True
    spec = plan.get("spec") or {}
    if plan.get("type") == "object":
        return spec.get("operation") in ("create", "patch")
    return plan.get("type") == "commit"


def _title(run: RawObject) -> str:
    title = ((run.get("status") or {}).get("action") or {}).get("title")
    shown = str(title or run["spec"]["action"]["name"])
    target = (run["spec"].get("target") or {}).get("name")
    return f"{shown}: {target}" if target else shown


def _run(run: RawObject, logs: Logs, actions: Sequence[RunAction]) -> Run:
    spec, status, metadata = run["spec"], run.get("status") or {}, run["metadata"]
    target: RawObject = spec.get("target") or {}
    project: str = metadata["namespace"]
    return Run(
        kind="Action",
        name=metadata["name"],
        title=_title(run),
        project=project,
        phase=phase_of(run),
        message=_message(run),
        who=person(spec["requestedBy"]),
        why=spec.get("reason", ""),
        created=metadata.get("creationTimestamp", ""),
        started=status.get("startedAt", ""),
        finished=status.get("finishedAt", ""),
        groups=(RunGroup(tuple(_steps(run, logs))),),
        inputs=tuple(_inputs(run)),
        outputs=tuple(_outputs(status)),
        shown=show_object(ACTION_RUN, run),
        actions=actions,
        workload=target.get("name", "") if target.get("kind") == "Workload" else "",
        failure=_failure(run, logs),
    )


def _message(run: RawObject) -> str:
    """The status tells how to approve by command; here the buttons are below it."""
    status = run.get("status") or {}
    message = str(status.get("message", ""))
    if phase_of(run) != WAITING_FOR_APPROVAL:
        return message
    missing = (status.get("approval") or {}).get("missing", 1)
    who = person(run["spec"]["requestedBy"])
    if missing == 1:
        return f"It waits for an approval by somebody other than {who}."
    return f"It waits for {missing} approvals by people other than {who}."


def _steps(run: RawObject, logs: Logs) -> Iterator[RunStep]:
    status, phase = run.get("status") or {}, phase_of(run)
    started, acted = status.get("startedAt", ""), status.get("actedAt", "")
    finished = status.get("finishedAt", "")
    yield RunStep("request", f"Asked for by {person(run['spec']['requestedBy'])}", SUCCEEDED)
    told = _decisions(status)
    required = (status.get("approval") or {}).get("required", 0)
    if required or told:
        reached = SUCCEEDED if acted else phase
        yield _step(run, logs, "approval", "Approval", reached, started, acted or finished, told)
    doing = _phase_of_doing(phase, acted)
    undo = status.get("undo") or {}
    ends = "" if doing == RUNNING else undo.get("runEndedAt") or finished
    yield _step(run, logs, "run", _doing(status), doing, acted, ends if acted else "")
    if undo:
        reached = {UNDOING: RUNNING, UNDONE: SUCCEEDED}.get(phase, FAILED)
        message = f"Wanted by {person(undo.get('by', ''))}."
        ended = finished if phase == UNDONE else ""
        begun = undo.get("since", "")
        yield _step(run, logs, "undo", "Take it back", reached, begun, ended, message)


def _phase_of_doing(phase: str, acted: str) -> str:
    if not acted:
        return SKIPPED if phase in (FAILED, CANCELLED) else PENDING
    return SUCCEEDED if phase in (UNDOING, UNDONE) else phase


def _doing(status: RawObject) -> str:
    words = {
        "webhook": "Ask the service",
        "workflow": "Run the workflow",
        "object": "Change the object",
        "commit": "Write it to Git",
        "template": "Run the template",
        "function": "Call the function",
    }
    kind = ((status.get("action") or {}).get("backend") or {}).get("type", "")
    return words.get(kind, "Do it")


def _step(
    run: RawObject,
    logs: Logs,
    step: str,
    name: str,
    phase: str,
    started: str,
    finished: str,
    message: str = "",
) -> RunStep:
    lines, left_out = logs.get(step, ((), 0))
    metadata = run["metadata"]
    return RunStep(
        step,
        name,
        phase,
        started,
        finished if started else "",
        message,
        stream=log_stream(metadata["namespace"], metadata["name"], step) if lines else "",
        lines=lines,
        left_out=left_out,
        is_open=phase in (RUNNING, FAILED),
    )


def _decisions(status: RawObject) -> str:
    return "; ".join(
        f"{one['user']} {'approved' if one['decision'] == 'Approve' else 'rejected'}"
        + (f": {one['comment']}" if one.get("comment") else "")
        + ("" if one.get("counts") else f" ({one.get('message', 'does not count')})")
        for one in status.get("approvals") or ()
    )


def _inputs(run: RawObject) -> Iterator[RunFact]:
    spec, status = run["spec"], run.get("status") or {}
    if target := spec.get("target"):
        yield RunFact(target["kind"], target["name"])
    for name, value in (status.get("inputs") or spec.get("inputs") or {}).items():
        yield RunFact(name, value if isinstance(value, str) else _text(value))
    if expires := ((status.get("plan") or {}).get("lease") or {}).get(EXPIRES):
        yield RunFact("kept until", expires)


def _outputs(status: RawObject) -> Iterator[RunFact]:
    for link in status.get("links") or ():
        yield RunFact("Link", link["title"], link["url"])
    for name, value in (status.get("outputs") or {}).items():
        yield RunFact(name, value if isinstance(value, str) else _text(value))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _failure(run: RawObject, logs: Logs) -> RunFailure | None:
    if phase_of(run) != FAILED:
        return None
    status = run.get("status") or {}
    message = str(status.get("message") or "It failed and did not say why.")
    if any(one["decision"] == "Reject" for one in status.get("approvals") or ()):
        return RunFailure(message, "Nothing was done. Talk to whoever rejected it.")
    if not status.get("actedAt"):
        return RunFailure(
            message, "Nothing was done. Correct what is named above and run it again."
        )
    lines = logs.get("run", ((), 0))[0]
    told = why(lines, message)[-FAILURE_LINES:]
    return RunFailure(message, "Look at the log, then run it again.", told, "run" if lines else "")


async def act(visit: Visit) -> Answer:
    """A decision; or cancel, undo, run the same again."""
    project, name = visit.parameters["project"], visit.parameters["run"]
    action = visit.form.get("action", "")
    try:
        if action == "again":
            again = await _again(visit, await visit.api.get(ACTION_RUN, name, project))
            return Redirect(_address(project, again), "The same, once more.")
        if action == "cancel":
            note = {"metadata": {"annotations": {CANCELLED_BY: visit.user.name}}}
            await visit.api.patch(ACTION_RUN, name, project, note)
            return Redirect(_address(project, name), "It is being cancelled.")
        if action == "undo":
            note = undo_asked(await visit.api.get(ACTION_RUN, name, project), visit.user.name)
            await visit.api.patch(ACTION_RUN, name, project, note)
            return Redirect(_address(project, name), "It is being taken back.")
        if "decision" in visit.form:
            found = await visit.api.get(ACTION_RUN, name, project)
            word = await decide_on_page(visit, {"kind": ACTION_RUN.kind, **found})
            return Redirect(_address(project, name), f"You have {word} {_title(found)}.")
    except CannotDecide as refused:
        return await _shown(visit, str(refused), refused.status)
    except StatusError as error:
        return await _shown(visit, error.message, error.code)
    raise BadRequest(f"{action!r} is nothing that can be done with a run")


async def _again(visit: Visit, run: RawObject) -> str:
    project: str = run["metadata"]["namespace"]
    again = run_name(run["metadata"]["name"][:-SUFFIX_CHARACTERS])
    spec = {**run["spec"], "requestedBy": visit.user.name}
    await visit.api.create(ACTION_RUN, ACTION_RUN.object(again, project, spec=spec))
    return again


def live(visit: Visit) -> Sequence[LiveWatch]:
    return (LiveWatch(ACTION_RUN, visit.parameters["project"], visit.parameters["run"]),)

"""A TemplateRun as Backstage knows it: a task with a status, and events that only grow.

A task's id is the run's uid.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from towpath.capabilities.portal.templates.descriptor import DescriptorInvalid, parse_descriptor
from towpath.capabilities.portal.templates.execution import template_ref
from towpath.capabilities.portal.templates.kinds import (
    CANCELLED_BY,
    FAILED,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    UNDONE,
    step_stream,
)
from towpath.capabilities.portal.templates.progress import AFTER_FAILURE, phase_of, steps_of
from towpath.machinery.objects import RawObject, annotations_of, uid_of
from towpath.machinery.references import person_ref
from towpath.records.contract import LogBook

LINES_MAX = 5000
INFO = "\x1b[32minfo\x1b[39m: "
"""Before what a step says, as clients get it there, colour and all."""
CANCELLED = "cancelled"
ENDED = ("completed", "failed", CANCELLED)

_STATUS_OF_STEP = {SUCCEEDED: "completed", FAILED: "failed", SKIPPED: "skipped", UNDONE: "failed"}


def status_of(run: RawObject) -> str:
    phase = phase_of(run)
    if CANCELLED_BY in annotations_of(run) and phase != SUCCEEDED:
        return CANCELLED
    if not run.get("status"):
        return "open"
    return {SUCCEEDED: "completed", FAILED: "failed", UNDONE: "failed"}.get(phase, "processing")


def task_of(run: RawObject) -> RawObject:
    metadata, spec, status = run["metadata"], run["spec"], run.get("status") or {}
    user = spec.get("requestedBy") or ""
    planned = (status.get("template") or {}).get("descriptor") or {}
    return {
        "id": metadata["uid"],
        "spec": {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "steps": steps_shown(planned),
            "output": (planned.get("spec") or {}).get("output") or {},
            "parameters": spec.get("parameters") or {},
            "user": {"ref": person_ref(user)},
            "templateInfo": {
                "entityRef": template_ref(run),
                "entity": {"metadata": planned.get("metadata") or {}},
            },
        },
        "status": status_of(run),
        "createdAt": metadata["creationTimestamp"],
        "lastHeartbeatAt": status.get("finishedAt") or metadata["creationTimestamp"],
        "createdBy": person_ref(user),
    }


def steps_shown(descriptor: RawObject) -> list[RawObject]:
    """With the ids and names that they have where the author gave none."""
    return [
        {
            **step,
            "id": step.get("id") or f"step-{index + 1}",
            "name": step.get("name") or step["action"],
        }
        for index, step in enumerate((descriptor.get("spec") or {}).get("steps") or [])
    ]


async def events_of(run: RawObject, logs: LogBook) -> list[RawObject]:
    """All there are so far, in the order of time; their ids count from 1."""
    found = [event async for event in _collected(run, logs)]
    found.sort(key=lambda event: event[:2])
    task, recoverable = uid_of(run), _is_recoverable(run)
    return [
        {
            "id": number,
            "isTaskRecoverable": recoverable,
            "taskId": task,
            "body": body,
            "type": kind,
            "createdAt": _shown(at),
        }
        for number, (at, _, kind, body) in enumerate(found, 1)
    ]


_Event = tuple[float, int, str, RawObject]
"""When, which of those at once, what kind, and what it says."""


async def _collected(run: RawObject, logs: LogBook) -> Any:
    steps = steps_of(run)
    begun = _seconds(run["metadata"]["creationTimestamp"])
    if steps:
        text = f"Starting up task with {len(steps)} steps"
        yield begun, 0, "log", {"message": text}
    namespace, name = run["metadata"]["namespace"], run["metadata"]["name"]
    order = 1
    for step in steps:
        lines = await logs.read(step_stream(namespace, name, step["id"]), limit=LINES_MAX)
        for event in _of_step(step, lines, order):
            yield event
        order += len(lines) + 2
    finished = (run.get("status") or {}).get("finishedAt")
    if status_of(run) in ENDED and (finished or phase_of(run) == FAILED):
        at = _seconds(finished or _last(steps, begun))
        if status_of(run) == CANCELLED:
            # Only now: it has a number, and what a step still said then has a smaller one.
            yield at, order, "cancelled", _cancellation(steps)
        yield at, order + 1, "completion", _completion(run)


def _of_step(step: RawObject, lines: Sequence[Any], order: int) -> Iterator[_Event]:
    started = step.get("startedAt") or (step.get("finishedAt") if step["phase"] == SKIPPED else "")
    if not started:
        return
    # Times of the status are whole seconds: what the step says is put between its ends.
    begin = _seconds(started)
    end = _seconds(step["finishedAt"]) if step.get("finishedAt") else None
    said = {"stepId": step["id"], "status": "processing"}
    if step["phase"] == SKIPPED:
        yield from _of_skipped(step, begin, order)
        return
    yield begin, order, "log", {**said, "message": f"Beginning step {step['name']}"}
    for index, (time_s, text) in enumerate(_messages(lines), 1):
        at = begin if end is None else min(begin, end)
        after = time_s if end is not None and time_s > end + 1 else at
        yield after, order + index, "log", {"stepId": step["id"], "message": INFO + text}
    if end is not None and step["phase"] != RUNNING:
        status = _STATUS_OF_STEP.get(step["phase"], "completed")
        text = step.get("message") or f"Finished step {step['name']}"
        body = {"stepId": step["id"], "status": status, "message": text}
        yield end, order + len(lines) + 1, "log", body


def _of_skipped(step: RawObject, at: float, order: int) -> Iterator[_Event]:
    """A step that its `if` skips has begun there; one after a failure has not."""
    said = {"stepId": step["id"]}
    why = "a previous step failed"
    if step.get("message") != AFTER_FAILURE:
        why = "its if condition was false"
        begun = {**said, "status": "processing", "message": f"Beginning step {step['name']}"}
        yield at, order, "log", begun
    text = f"Skipping step {step['id']} because {why}"
    yield at, order + 1, "log", {**said, "status": "skipped", "message": text}


def _messages(lines: Sequence[Any]) -> Iterator[tuple[float, str]]:
    """What was said at once is one message, of however many lines."""
    for time_s, said in groupby(lines, key=lambda line: line.time_s):
        yield time_s, "\n".join(line.text for line in said)


def _cancellation(steps: Sequence[RawObject]) -> RawObject:
    """Of the step that was the last to begin; there, too, 0 is what none is called."""
    begun = [step["id"] for step in steps if step.get("startedAt")]
    step = begun[-1] if begun else 0
    text = f"Step {step} has been cancelled."
    return {"message": text, "stepId": step, "status": CANCELLED}


def _completion(run: RawObject) -> RawObject:
    status = status_of(run)
    body: RawObject = {"message": f"Run completed with status: {status}"}
    if status == "completed":
        body["output"] = run["status"].get("output") or {}
    else:
        body["error"] = {"name": "Error", "message": run["status"].get("message", "")}
    return body


def _is_recoverable(run: RawObject) -> bool:
    planned = ((run.get("status") or {}).get("template") or {}).get("descriptor") or {}
    recovery = (planned.get("spec") or {}).get("EXPERIMENTAL_recovery") or {}
    return bool(recovery.get("EXPERIMENTAL_strategy") == "startOver")


def _last(steps: Sequence[RawObject], begun: float) -> str:
    ends = [step["finishedAt"] for step in steps if step.get("finishedAt")]
    return max(ends) if ends else _shown(begun)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def template_errors(raw: Any) -> str:
    """Why it is no template, "" when it is one."""
    if not isinstance(raw, dict):
        return "Input template is not a template"
    try:
        parse_descriptor(raw)
    except DescriptorInvalid as error:
        return f"Input template is not a template: {error}"
    except (TypeError, KeyError, AttributeError):
        return "Input template is not a template"
    return ""

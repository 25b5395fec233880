"""A run's status, step by step: what the run writes down before and after everything it does.

Pure changes to the run object. The status is all that a restart has: a step that is Running there
is done again, one that has Succeeded keeps its output.
"""

from collections.abc import Sequence
from typing import Any

from towpath.capabilities.portal.templates.descriptor import Descriptor, TemplateStep
from towpath.capabilities.portal.templates.kinds import (
    FAILED,
    PENDING,
    RUNNING,
    SKIPPED,
    SUCCEEDED,
    UNDONE,
)
from towpath.machinery.conditions import get_condition, now, set_condition
from towpath.machinery.objects import RawObject

PLANNED = "Planned"
DONE = "Succeeded"
TAKEN_BACK = "Undone"
UNDECIDED = "Undecided"
MESSAGE_LENGTH_MAX = 1000


def phase_of(run: RawObject) -> str:
    phase: str = (run.get("status") or {}).get("phase") or PENDING
    return phase


def is_finished(run: RawObject) -> bool:
    """Nothing is left to do, whichever way it went."""
    return phase_of(run) in (SUCCEEDED, UNDONE) or (
        phase_of(run) == FAILED and not _is_undoing(run)
    )


def _is_undoing(run: RawObject) -> bool:
    condition = get_condition(run, TAKEN_BACK)
    return condition is not None and condition["status"] == "Unknown"


def begin(run: RawObject, template: RawObject, plan: Descriptor) -> None:
    """Nothing speaks against it: from here on things are made.

    `template` is what a restart needs of the template: its descriptor, source and revision.
    """
    status = run.setdefault("status", {})
    status["phase"] = RUNNING
    status["startedAt"] = now()
    status["message"] = f"Running {plan.title}."
    status["template"] = template
    status["steps"] = [
        {"id": step.id, "name": step.name, "action": step.action, "phase": PENDING}
        for step in plan.steps
    ]
    set_condition(run, PLANNED, status=True, reason="Planned", message="Nothing speaks against it.")
    set_condition(run, DONE, status=None, reason="Running", message="Steps are running.")


def refuse(run: RawObject, reason: str, message: str) -> None:
    """It ends before anything was made."""
    status = run.setdefault("status", {})
    status["phase"] = FAILED
    status["finishedAt"] = now()
    status["message"] = _short(message)
    set_condition(run, PLANNED, status=False, reason=reason, message=_short(message))
    set_condition(run, DONE, status=False, reason=reason, message=_short(message))
    set_condition(
        run, TAKEN_BACK, status=True, reason="NothingMade", message="Nothing had been made."
    )


def steps_of(run: RawObject) -> list[RawObject]:
    steps: list[RawObject] = (run.get("status") or {}).get("steps") or []
    return steps


def outputs_of(run: RawObject) -> dict[str, Any]:
    """What expressions know as `steps`."""
    return {
        step["id"]: {"output": step.get("output") or {}}
        for step in steps_of(run)
        if step["phase"] in (SUCCEEDED, UNDONE)
    }


def step_begins(step: RawObject) -> None:
    step["phase"] = RUNNING
    step.setdefault("startedAt", now())
    step.pop("message", None)


def step_waits(step: RawObject, message: str) -> None:
    step["message"] = _short(message)


def step_succeeds(step: RawObject, output: dict[str, Any]) -> None:
    step["phase"] = SUCCEEDED
    step["finishedAt"] = now()
    step["output"] = output
    step.pop("message", None)


AFTER_FAILURE = "A step before it has failed."


def step_is_skipped(step: RawObject, message: str = "Its `if` does not hold.") -> None:
    step["phase"] = SKIPPED
    step["finishedAt"] = now()
    step["message"] = message


def step_fails(step: RawObject, message: str) -> None:
    step["phase"] = FAILED
    step["finishedAt"] = now()
    step["message"] = _short(message)


def start_over(run: RawObject) -> None:
    """The workspace is gone: every step runs again; they are idempotent."""
    for step in steps_of(run):
        step["phase"] = PENDING


def fail(run: RawObject, reason: str, message: str, *, asks: bool = False) -> None:
    """What was made is taken back from here on; or somebody is asked whether it shall be."""
    status = run["status"]
    status["phase"] = FAILED
    status["message"] = _short(message)
    set_condition(run, DONE, status=False, reason=reason, message=_short(message))
    if asks:
        text = "What was made is still there: undo it, try again, or keep it."
        set_condition(run, TAKEN_BACK, status=None, reason=UNDECIDED, message=text)
    else:
        undoing(run)


def undoing(run: RawObject) -> None:
    text = "What was made is being undone."
    set_condition(run, TAKEN_BACK, status=None, reason="Undoing", message=text)


def is_undecided(run: RawObject) -> bool:
    condition = get_condition(run, TAKEN_BACK)
    return condition is not None and condition.get("reason") == UNDECIDED


def adopted(run: RawObject, by: str) -> None:
    """It stays failed, and what it made is theirs now."""
    run["status"]["finishedAt"] = now()
    text = f"{by or 'Somebody'} kept what had been made."
    set_condition(run, TAKEN_BACK, status=False, reason="Kept", message=text)


def can_begin_again(run: RawObject) -> bool:
    """Its steps ran once, and nothing of it is under way."""
    return phase_of(run) in (FAILED, UNDONE) and bool(steps_of(run))


def begin_again(run: RawObject, step: str = "") -> None:
    """From the named step on, else from the first that has not been done."""
    steps = steps_of(run)
    names = [one["id"] for one in steps]
    start = names.index(step) if step in names else len(steps)
    for index, one in enumerate(steps):
        # What was skipped because of the failure is asked again.
        if index >= start or one["phase"] not in (SUCCEEDED,):
            one["phase"] = PENDING
            one.pop("finishedAt", None)
            one.pop("message", None)
    status = run["status"]
    status["phase"] = RUNNING
    status["finishedAt"] = None
    status["message"] = "Trying again."
    set_condition(run, DONE, status=None, reason="Running", message="Steps are running.")
    text = "It is tried again."
    set_condition(run, TAKEN_BACK, status=False, reason="TryingAgain", message=text)


def to_undo(run: RawObject) -> Sequence[RawObject]:
    """The steps that may have made something, the last one first."""
    return [
        step for step in reversed(steps_of(run)) if step["phase"] in (SUCCEEDED, RUNNING, FAILED)
    ]


def step_is_undone(step: RawObject, *, was_failed: bool) -> None:
    """A failed step keeps its phase: it is what a person looks for."""
    if was_failed:
        step["message"] = _short(f"{step.get('message', '')} What it had made is undone.".strip())
    else:
        step["message"] = "Undone, because the run did not succeed."
        step["phase"] = UNDONE


def undo_fails(run: RawObject, step: RawObject, message: str) -> None:
    text = f"{step['name']} cannot be undone yet, trying again: {message}"
    set_condition(run, TAKEN_BACK, status=None, reason="Retrying", message=_short(text))


def undone(run: RawObject) -> None:
    status = run["status"]
    status["phase"] = UNDONE
    status["finishedAt"] = now()
    set_condition(
        run, TAKEN_BACK, status=True, reason="Undone", message="What had been made is undone."
    )


def succeed(run: RawObject, output: dict[str, Any]) -> None:
    status = run["status"]
    status["phase"] = SUCCEEDED
    status["finishedAt"] = now()
    status["message"] = "Every step is done."
    status["output"] = output
    set_condition(run, DONE, status=True, reason="Succeeded", message="Every step is done.")


def failed_step(run: RawObject) -> RawObject | None:
    """The step to show when a run has failed."""
    return next((step for step in steps_of(run) if step["phase"] == FAILED), None)


def template_steps(plan: Descriptor, run: RawObject) -> list[tuple[TemplateStep, RawObject]]:
    """Each step with its status; both come from the same descriptor."""
    return list(zip(plan.steps, steps_of(run), strict=True))


def _short(message: str) -> str:
    return (
        message if len(message) <= MESSAGE_LENGTH_MAX else message[: MESSAGE_LENGTH_MAX - 1] + "…"
    )

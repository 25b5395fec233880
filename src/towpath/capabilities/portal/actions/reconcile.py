"""The steps of an action's run, in order: check, approve, plan, act; and undo, when asked for.

What will be done is in the status before it is done, so that whoever goes on after a crash does
that and nothing else, once. Who may is asked at the beginning and again right before it is done:
days can lie between.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.portal.actions.kinds import (
    ACTION,
    ACTION_RUN,
    FINALIZER,
    RUN_ANNOTATION,
    RUN_LABEL,
    STEPS,
    UNDOING,
    WAITING_FOR_APPROVAL,
    is_finished,
    log_stream,
    phase_of,
    wants_undo,
)
from towpath.capabilities.portal.actions.retention import drop_old_runs
from towpath.capabilities.portal.actions.rules import errors_of
from towpath.capabilities.portal.actions.running import RunSteps
from towpath.capabilities.portal.templates.kinds import TEMPLATE_RUN
from towpath.hooks.approvals import APPROVAL, asks_for
from towpath.hooks.platform import Platform
from towpath.hooks.showing import get_if_there
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key, RawObject, annotations_of, is_deleting, labels_of
from towpath.runtime.controller import Controller
from towpath.runtime.outcomes import Stalled
from towpath.runtime.sources import Watch
from towpath.runtime.steps import Subject, stepwise

Reconcile = Callable[[Key], Awaitable[float | None]]


def controllers(platform: Platform) -> Sequence[Controller]:
    steps = RunSteps(platform)
    run = stepwise(
        platform.api,
        ACTION_RUN,
        [
            steps.begin,
            steps.cancel,
            steps.check,
            steps.approve,
            steps.plan,
            steps.act,
            steps.plan_undo,
            steps.undo,
        ],
        finalizer=FINALIZER,
        release=[steps.stop, steps.forget],
        ready_reason="Succeeded",
        ready_message="It is done.",
    )
    return (
        Controller(
            "actions",
            stepwise(platform.api, ACTION, [_valid], ready_message="It can be run."),
            [Watch(platform.api, ACTION)],
        ),
        Controller(
            "actionruns",
            _until_finished(platform, run),
            [
                Watch(platform.api, ACTION_RUN),
                Watch(platform.api, APPROVAL, asks_for(ACTION_RUN.kind)),
                Watch(platform.api, PIPELINE_RUN, _run_of, labels=RUN_LABEL),
                Watch(platform.api, TEMPLATE_RUN, _run_of, labels=RUN_LABEL),
            ],
        ),
    )


async def _valid(subject: Subject) -> None:
    """An action that cannot be run says so where it is made."""
    if errors := errors_of(subject.spec):
        raise Stalled("Invalid", "; ".join(errors))


def _run_of(made: RawObject) -> Iterable[Key]:
    """The run that has made it."""
    name = labels_of(made).get(RUN_LABEL)
    if name and RUN_ANNOTATION in annotations_of(made):
        yield Key(made["metadata"]["namespace"], name)


def _until_finished(platform: Platform, steps: Reconcile) -> Reconcile:
    """What has ended stays so, until somebody wants it undone."""

    async def reconcile(key: Key) -> float | None:
        try:
            before = await platform.api.get(ACTION_RUN, key.name, key.namespace)
        except NotFound:
            return None
        if is_finished(before) and not (is_deleting(before) or wants_undo(before)):
            return None
        again_s = await steps(key)
        after = await get_if_there(platform.api, ACTION_RUN, key.name, key.namespace)
        if after is not None and not is_deleting(after):
            _tell(platform, before, after)
            if is_finished(after) and not is_finished(before):
                await drop_old_runs(platform.api, after)
        return again_s

    return reconcile


def _tell(platform: Platform, before: RawObject, after: RawObject) -> None:
    """What the run says now, in its log, if it said something else before."""
    metadata = after["metadata"]
    said, says = _message(before), _message(after)
    if says and says != said:
        stream = log_stream(metadata["namespace"], metadata["name"], _step(after))
        platform.logs.append(stream, [says])
    if is_finished(after):
        for step in STEPS:
            platform.logs.end(log_stream(metadata["namespace"], metadata["name"], step))


def _message(run: RawObject) -> str:
    return str((run.get("status") or {}).get("message") or "")


def _step(run: RawObject) -> str:
    status = run.get("status") or {}
    if phase_of(run) == UNDOING or status.get("undo"):
        return "undo"
    if phase_of(run) == WAITING_FOR_APPROVAL or "plan" not in status:
        return "approval"
    return "run"

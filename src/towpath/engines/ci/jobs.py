"""One job: its folders, its steps in order, its outputs and its result."""

import asyncio
import json
import time

from towpath.engines.ci.expressions import (
    ExpressionError,
    Scope,
    Value,
    is_truthy,
    render,
    render_text,
)
from towpath.engines.ci.expressions.values import to_number
from towpath.engines.ci.jobwork import JobWork
from towpath.engines.ci.programs import Stop
from towpath.engines.ci.scopes import default_variables
from towpath.engines.ci.state import JobState, Phase, StepState
from towpath.engines.ci.steplog import StepLog
from towpath.engines.ci.steps import Changed, StepRun, env_of
from towpath.engines.ci.workflow.model import Defaults, Job

AGAIN = "##[warning]From here on again: the platform ended while this job was running"
CLEANUP_S = 300.0
"""How long steps with `always()` may take after a job was cancelled or has run out of time."""


async def run_job(work: JobWork, job: Job, state: JobState, changed: Changed) -> None:
    """Run a job to its end; the result is in `state`. Cancelled from outside, it stays Running."""
    state.phase = Phase.RUNNING
    state.started_s = time.time()
    state.steps = [StepState(step.number, work.mask.hide(step.title)) for step in job.steps]
    changed()
    whole = False
    try:
        await asyncio.to_thread(_prepare, work)
        defaults = _begin(work, job)
        await _run_steps(work, job, state, defaults, changed)
        whole = not work.cancelled
        _collect_outputs(work, job, state)
    except (ExpressionError, OSError) as error:
        work.failed = True
        state.message = work.mask.hide(f"the job could not run: {error}")
    finally:
        await work.use_environment("", whole=whole)
    _finish(work, job, state)
    changed()


def _prepare(work: JobWork) -> None:
    work.place.prepare()
    event = work.place.control / "event.json"
    event.write_text(json.dumps(work.contexts["github"]["event"]))
    work.default_variables = default_variables(
        work.contexts["github"], work.contexts["runner"], event
    )


def _begin(work: JobWork, job: Job) -> Defaults:
    """Compute what holds for all steps. Raises ExpressionError."""
    order = work.order
    minutes = to_number(render(job.timeout_minutes, work.scope({})))
    work.deadline_s = asyncio.get_running_loop().time() + minutes * 60
    work.env = env_of(order.workflow.env, work.scope({}))
    work.env |= env_of(job.env, work.scope(work.env))
    scope = work.scope(work.env)
    own = Defaults(
        render_text(job.defaults.shell, scope), render_text(job.defaults.working_directory, scope)
    )
    return own.over(order.workflow.defaults)


async def _run_steps(
    work: JobWork, job: Job, state: JobState, defaults: Defaults, changed: Changed
) -> None:
    loop = asyncio.get_running_loop()
    for step, step_state in zip(job.steps, state.steps, strict=True):
        stream = work.order.log_stream(state.id, step.number)
        log = StepLog(work.means.book, stream, work.mask)
        note = AGAIN if state.is_second_try else ""
        await StepRun(work, step, step_state, defaults, log, changed, note).run()
        if step_state.phase is Phase.FAILED and not state.message and work.failed:
            state.message = f'step {step.number} "{step_state.name}" failed: {step_state.message}'
        if work.cancelled:
            continue
        if work.stop.is_set or loop.time() >= work.deadline_s:
            _cancel(work, state, loop.time())


def _cancel(work: JobWork, state: JobState, now_s: float) -> None:
    """From here on only steps run that ask for it with `always()` or `cancelled()`."""
    work.cancelled = True
    if work.stop.is_set:
        state.message = work.stop.reason
    else:
        work.failed = True
        state.message = "the job took longer than its timeout-minutes"
    work.stop = Stop()
    work.deadline_s = now_s + CLEANUP_S


def _collect_outputs(work: JobWork, job: Job, state: JobState) -> None:
    scope = work.scope(work.env)
    for name, raw in job.outputs.items():
        value = render_text(raw, scope)
        if work.mask.hides(value):
            # As on GitHub: what holds a secret does not leave the job.
            continue
        state.outputs[name] = value


def _finish(work: JobWork, job: Job, state: JobState) -> None:
    state.finished_s = time.time()
    for step in state.steps:
        if step.phase in (Phase.PENDING, Phase.RUNNING):
            step.phase = Phase.SKIPPED
    if work.failed:
        state.phase = Phase.FAILED
        state.tolerated = _is_tolerated(job, work.scope(work.env))
    elif work.cancelled:
        state.phase = Phase.CANCELLED
    else:
        state.phase = Phase.SUCCEEDED


def _is_tolerated(job: Job, scope: Scope) -> bool:
    try:
        value: Value = render(job.continue_on_error, scope)
    except ExpressionError:
        return False
    return is_truthy(value)

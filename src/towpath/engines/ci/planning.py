"""What happens next in a run: pure decisions over workflow and state, no doing.

`advance` decides every job whose needs have finished: skipped, failed before its beginning, or
ready, with a matrix as many jobs as it has combinations. The caller starts what is ready, and asks
again whenever a job has finished or somebody has cancelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from towpath.engines.ci.expressions import (
    ExpressionError,
    Scope,
    Value,
    is_truthy,
    render,
    render_text,
)
from towpath.engines.ci.expressions.values import to_number
from towpath.engines.ci.matrix import combinations, title
from towpath.engines.ci.state import JobState, Phase, RunState
from towpath.engines.ci.workflow.model import Job, Workflow
from towpath.engines.ci.workflow.needs import ancestors


@dataclass(frozen=True, slots=True)
class Plan:
    workflow: Workflow
    contexts: Mapping[str, Value]
    """github, inputs and vars."""


def first_state(workflow: Workflow) -> RunState:
    return RunState(
        [JobState(job.id, job.id, job.name or job.id) for job in workflow.jobs.values()]
    )


def advance(plan: Plan, state: RunState, *, cancelled: bool) -> list[JobState]:
    """Decide what can be decided; the jobs that may start now, in the order of the file."""
    while any(
        _decide(plan, state, job, cancelled=cancelled)
        for job in plan.workflow.jobs.values()
        if _is_undecided(plan.workflow, state, job)
    ):
        pass
    ready: list[JobState] = []
    for job in plan.workflow.jobs.values():
        if _needs_finished(state, job):
            ready += _startable(plan, state, job, cancelled=cancelled)
    return ready


def to_cancel(plan: Plan, state: RunState) -> list[JobState]:
    """Unfinished jobs whose matrix has failed elsewhere, with `fail-fast`."""
    doomed: list[JobState] = []
    for job in plan.workflow.jobs.values():
        siblings = state.of(job.id)
        failed = any(one.phase is Phase.FAILED and not one.tolerated for one in siblings)
        if len(siblings) > 1 and failed and fail_fast(plan, state, job):
            doomed += [one for one in siblings if not one.is_finished]
    return doomed


def is_finished(state: RunState) -> bool:
    return all(job.is_finished for job in state.jobs)


def result(state: RunState, *, cancelled: bool) -> Phase:
    results = {job.result for job in state.jobs}
    if cancelled and "cancelled" in results:
        return Phase.CANCELLED
    if results & {"failure", "cancelled"}:
        return Phase.FAILED
    return Phase.SUCCEEDED


def needs_context(state: RunState, job: Job) -> dict[str, Value]:
    """Result and outputs of the jobs that this one names; those further up are not seen."""
    return {
        need: {"result": result_of(state, need), "outputs": outputs_of(state, need)}
        for need in job.needs
    }


def result_of(state: RunState, job_id: str) -> str:
    """One result for all of a matrix: the worst; skipped only if all of it was."""
    results = {one.result for one in state.of(job_id)}
    for worst in ("failure", "cancelled", "success", "skipped"):
        if worst in results:
            return worst
    return ""


def outputs_of(state: RunState, job_id: str) -> dict[str, Value]:
    """Of a matrix: the value of who finished last and had one."""
    outputs: dict[str, Value] = {}
    for one in sorted(state.of(job_id), key=lambda one: one.finished_s or 0.0):
        outputs.update({name: value for name, value in one.outputs.items() if value})
    return outputs


def job_scope(plan: Plan, state: RunState, job: Job, *, cancelled: bool = False) -> Scope:
    """What a job's own keys can name before its matrix is known."""
    results = {result_of(state, other) for other in ancestors(plan.workflow.jobs, job.id)}
    return Scope(
        {**plan.contexts, "needs": needs_context(state, job)},
        {
            "success": lambda _: not cancelled and results <= {"success"},
            "failure": lambda _: not cancelled and "failure" in results,
            "always": lambda _: True,
            "cancelled": lambda _: cancelled,
        },
    )


def fail_fast(plan: Plan, state: RunState, job: Job) -> bool:
    if job.strategy is None:
        return False
    try:
        return is_truthy(render(job.strategy.fail_fast, job_scope(plan, state, job)))
    except ExpressionError:
        return True  # told when the matrix was computed


def max_parallel(plan: Plan, state: RunState, job: Job) -> int | None:
    if job.strategy is None or job.strategy.max_parallel is None:
        return None
    number = to_number(render(job.strategy.max_parallel, job_scope(plan, state, job)))
    if not number >= 1:
        raise ExpressionError(f"max-parallel is {number:g}, and at least 1 must run")
    return int(number)


def _is_undecided(workflow: Workflow, state: RunState, job: Job) -> bool:
    (first, *others) = state.of(job.id)
    is_placeholder = not others and first.phase is Phase.PENDING and first.matrix is None
    return is_placeholder and _needs_finished(state, job)


def _needs_finished(state: RunState, job: Job) -> bool:
    return all(one.is_finished for need in job.needs for one in state.of(need))


def _decide(plan: Plan, state: RunState, job: Job, *, cancelled: bool) -> bool:
    """True when something has changed that may decide other jobs."""
    (placeholder,) = state.of(job.id)
    scope = job_scope(plan, state, job, cancelled=cancelled)
    try:
        if not job.condition.holds(scope):
            placeholder.phase = Phase.CANCELLED if cancelled else Phase.SKIPPED
            placeholder.message = _why_not(state, job, cancelled=cancelled)
            return True
        if job.strategy is None:
            return False
        _expand(plan, state, job, placeholder, scope)
        max_parallel(plan, state, job)
    except ExpressionError as error:
        for one in state.of(job.id):
            one.phase = Phase.FAILED
            one.message = f"the job could not begin: {error}"
    return True


def _why_not(state: RunState, job: Job, *, cancelled: bool) -> str:
    if cancelled:
        return "cancelled before it began"
    missing = [need for need in job.needs if result_of(state, need) != "success"]
    if missing and not job.condition.asks_for_status:
        return f"skipped because {missing[0]} did not succeed"
    return f"skipped by its condition `{job.condition.text}`" if job.condition.text else "skipped"


def _expand(plan: Plan, state: RunState, job: Job, placeholder: JobState, scope: Scope) -> None:
    assert job.strategy is not None
    found = combinations(render(job.strategy.matrix, scope))
    jobs: list[JobState] = []
    for number, combination in enumerate(found, start=1):
        named = Scope({**scope.contexts, "matrix": combination, "strategy": {}}, scope.functions)
        name = render_text(job.name, named) if job.name else job.id
        if "${{" not in job.name:
            name = title(name, combination)
        jobs.append(
            JobState(
                f"{job.id}.{number}",
                job.id,
                name,
                matrix=combination,
                matrix_size=len(found),
            )
        )
    position = state.jobs.index(placeholder)
    state.jobs[position : position + 1] = jobs


def _startable(plan: Plan, state: RunState, job: Job, *, cancelled: bool) -> list[JobState]:
    siblings = state.of(job.id)
    pending = [one for one in siblings if one.phase is Phase.PENDING]
    if not pending:
        return []
    if cancelled and not job.condition.holds(job_scope(plan, state, job, cancelled=True)):
        for one in pending:
            one.phase = Phase.CANCELLED
            one.message = "cancelled before it began"
        return []
    limit = max_parallel(plan, state, job)
    if limit is None:
        return pending
    running = sum(one.phase is Phase.RUNNING for one in siblings)
    return pending[: max(limit - running, 0)]

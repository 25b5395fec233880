"""What a finished run says of itself in one sentence: job, step, why, and where to look."""

from towpath.engines.ci.order import RunOrder
from towpath.engines.ci.programs import Stop
from towpath.engines.ci.state import Phase, RunState


def message_of(order: RunOrder, state: RunState, phase: Phase, stop: Stop) -> str:
    if phase is Phase.CANCELLED:
        return stop.reason or "the run was cancelled"
    if phase is Phase.FAILED:
        failed = [job for job in state.jobs if job.result == "failure"]
        ended = failed or [job for job in state.jobs if job.result == "cancelled"]
        first = min(ended, key=lambda job: job.finished_s or 0.0)
        return (
            f'job "{first.name}": {first.message}; its log: '
            f"towpath pipeline logs {order.name} --project {order.repository.project}"
        )
    skipped = sum(job.phase is Phase.SKIPPED for job in state.jobs)
    if skipped == len(state.jobs):
        return "no job had anything to do"
    return "all jobs succeeded" if not skipped else f"succeeded; {skipped} jobs were skipped"

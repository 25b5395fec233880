"""A promotion as a run: asked for, approved, written to Git, brought to the cluster. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.environments.kinds import approvals_required
from towpath.capabilities.delivery.promotions.kinds import (
    FAILED,
    PENDING,
    PROMOTION,
    RENDERING,
    SUCCEEDED,
    SUPERSEDED,
    SYNCING,
    WAITING_FOR_APPROVAL,
    log_stream,
    phase_of,
)
from towpath.hooks.runs import (
    FAILURE_LINES,
    Run,
    RunAction,
    RunFact,
    RunFailure,
    RunGroup,
    RunStep,
    why,
)
from towpath.hooks.showing import person, show_object
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogLine

_RUNNING = "Running"
_SKIPPED = "Skipped"
_STEPS = (
    (WAITING_FOR_APPROVAL, "approval", "Approval"),
    (RENDERING, "commit", "Write it to Git"),
    (SYNCING, "sync", "Bring it to the cluster"),
)


@dataclass(frozen=True, slots=True)
class StepLog:
    """The end of a step's log, and how many lines come before it."""

    lines: Sequence[LogLine] = ()
    left_out: int = 0


def run_of(
    promotion: RawObject,
    environment: RawObject | None,
    *,
    logs: Mapping[str, StepLog],
    actions: Sequence[RunAction] = (),
) -> Run:
    """`logs` by step."""
    spec, status, metadata = promotion["spec"], promotion.get("status") or {}, promotion["metadata"]
    project: str = metadata["namespace"]
    who = person(spec["requestedBy"])
    service = f"/projects/{project}/workloads/{spec['workload']}"
    commit: str = status.get("commit", "")
    return Run(
        kind="Promotion",
        name=metadata["name"],
        title=f"{spec['release']} to {spec['environment']}",
        project=project,
        phase=phase_of(promotion),
        message=_message(promotion, environment, who),
        who=who,
        why=spec.get("reason", ""),
        created=metadata.get("creationTimestamp", ""),
        started=status.get("startedAt", ""),
        finished=status.get("finishedAt", ""),
        groups=(RunGroup(_steps(promotion, environment, who, logs)),),
        inputs=(
            RunFact("Service", spec["workload"], service),
            RunFact("Release", spec["release"]),
            RunFact("Environment", spec["environment"]),
            *(
                RunFact(f"{one['kind']} {one['path']}", one["value"])
                for one in spec.get("changes") or ()
            ),
        ),
        outputs=(RunFact("Commit", commit[:10]),) if commit else (),
        shown=show_object(PROMOTION, promotion),
        actions=actions,
        workload=spec["workload"],
        failure=_failure(promotion, logs),
    )


def _failure(promotion: RawObject, logs: Mapping[str, StepLog]) -> RunFailure | None:
    """What to do is in the sentence itself; here is what one can do on this page."""
    if phase_of(promotion) != FAILED:
        return None
    status = promotion.get("status") or {}
    message: str = status.get("message", "") or "It failed and did not say why."
    rejecting = [
        one["user"] for one in status.get("approvals") or () if one["decision"] == "Reject"
    ]
    if promotion["spec"]["requestedBy"] in rejecting:
        return RunFailure(message, "Nothing was written to Git. Promote it again at any time.")
    if rejecting:
        return RunFailure(message, "Talk to whoever rejected it, or promote another release.")
    step = _STEPS[min(_reached(status), len(_STEPS) - 1)][1]
    lines = logs.get(step, StepLog()).lines
    told = why(lines, message)
    if not status.get("commit"):
        following = "Nothing was written to Git. Correct what is named above, then promote again."
    else:
        following = (
            "Push a correction and promote its release, or roll the environment back to the "
            "release that ran before."
        )
    return RunFailure(message, following, told[-FAILURE_LINES:], step if lines else "")


def _message(promotion: RawObject, environment: RawObject | None, who: str) -> str:
    """The status tells how to approve by command; here the buttons are below it."""
    status = promotion.get("status") or {}
    message: str = status.get("message", "")
    if phase_of(promotion) != WAITING_FOR_APPROVAL or environment is None:
        return message
    counted = sum(1 for one in status.get("approvals") or () if one.get("counts"))
    missing = approvals_required(environment) - counted
    if missing == 1:
        return f"It waits for an approval by somebody other than {who}."
    return f"It waits for {missing} approvals by people other than {who}."


def _steps(
    promotion: RawObject,
    environment: RawObject | None,
    who: str,
    logs: Mapping[str, StepLog],
) -> Sequence[RunStep]:
    status = promotion.get("status") or {}
    asked = RunStep(
        "request",
        f"Asked for by {who}",
        SUCCEEDED,
    )
    reached = _reached(status)
    steps = [asked]
    for index, (_, step, name) in enumerate(_STEPS):
        phase = _phase(phase_of(promotion), index, reached)
        message = ""
        if step == "approval":
            message, phase = _approval(status, environment, phase, message)
        started, finished = _times(status, step, phase)
        log = logs.get(step, StepLog())
        steps.append(
            RunStep(
                step,
                name,
                phase,
                started,
                finished,
                message,
                stream=_stream(promotion, step) if log.lines else "",
                lines=log.lines,
                left_out=log.left_out,
                is_open=phase in (_RUNNING, FAILED),
            )
        )
    return steps


def _stream(promotion: RawObject, step: str) -> str:
    metadata = promotion["metadata"]
    return log_stream(metadata["namespace"], metadata["name"], step)


def _reached(status: RawObject) -> int:
    """The step that it is at, or that it ended in."""
    phase = status.get("phase") or PENDING
    if phase == SUCCEEDED:
        return len(_STEPS)
    for index, (its_phase, _, _) in enumerate(_STEPS):
        if phase == its_phase:
            return index
    if status.get("commit"):
        return 2
    rejected = any(one["decision"] == "Reject" for one in status.get("approvals") or ())
    agreed = get_condition({"status": status}, "Approved") or {}
    return 0 if rejected or phase == PENDING or agreed.get("status") == "False" else 1


def _phase(phase: str, index: int, reached: int) -> str:
    if index < reached:
        return SUCCEEDED
    if index > reached:
        return _SKIPPED if phase in (FAILED, SUPERSEDED) else PENDING
    if phase in (FAILED, SUPERSEDED, WAITING_FOR_APPROVAL, PENDING):
        return phase
    return _RUNNING


def _approval(
    status: RawObject, environment: RawObject | None, phase: str, message: str
) -> tuple[str, str]:
    required = approvals_required(environment) if environment else 0
    decisions = status.get("approvals") or ()
    told = "; ".join(
        f"{one['user']} {'approved' if one['decision'] == 'Approve' else 'rejected'}"
        + (f": {one['comment']}" if one.get("comment") else "")
        + ("" if one.get("counts") else f" ({one.get('message', 'does not count')})")
        for one in decisions
    )
    if phase == SUCCEEDED and not required and not decisions:
        return "No approval is required here.", _SKIPPED
    return told or message, phase


def _times(status: RawObject, step: str, phase: str) -> tuple[str, str]:
    committed, finished = status.get("committedAt", ""), status.get("finishedAt", "")
    if phase in (PENDING, _SKIPPED):
        return "", ""
    if step == "commit":
        return "", committed
    if step == "sync":
        return committed, finished
    if phase == WAITING_FOR_APPROVAL:
        return status.get("startedAt", ""), ""
    # It was decided when the next step began, or when all was over.
    decided = committed or finished
    return (status.get("startedAt", ""), decided) if decided else ("", "")

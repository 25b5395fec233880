"""What a promotion does, told line by line as it goes, in the same log books as pipelines.

One stream for each step. A reconciler sees states, not events: a line is written when what the
promotion says of itself has changed, so that a restart repeats nothing.
"""

from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import (
    LOG_STEPS,
    PENDING,
    RENDERING,
    WAITING_FOR_APPROVAL,
    is_finished,
    log_prefix,
    log_stream,
    phase_of,
)
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogBook
from towpath.runtime.steps import Subject

_STEP_OF = {PENDING: "approval", WAITING_FOR_APPROVAL: "approval", RENDERING: "commit"}


@dataclass(frozen=True, slots=True)
class Chronicle:
    logs: LogBook

    def note(self, subject: Subject, step: str, *lines: str) -> None:
        """Something that has happened in a step."""
        self.logs.append(log_stream(subject.key.namespace, subject.key.name, step), lines)

    def compare(self, before: RawObject, after: RawObject) -> None:
        """Tell what the promotion says now, if it said something else before."""
        said, says = _message(before), _message(after)
        metadata = after["metadata"]
        if says and says != said:
            stream = log_stream(metadata["namespace"], metadata["name"], _step(after))
            self.logs.append(stream, [says])
        if is_finished(after):
            for step in LOG_STEPS:
                self.logs.end(log_stream(metadata["namespace"], metadata["name"], step))

    async def forget(self, subject: Subject) -> None:
        """As a step of a deletion: the log goes with the promotion."""
        await self.logs.forget(log_prefix(subject.key.namespace, subject.key.name))


def _message(promotion: RawObject) -> str:
    message: str = (promotion.get("status") or {}).get("message", "")
    return message


def _step(promotion: RawObject) -> str:
    """Where what it says belongs: a failure to the step that it happened in."""
    status = promotion.get("status") or {}
    if status.get("commit"):
        return "sync"
    approved = next(
        (one["status"] for one in status.get("conditions") or () if one["type"] == "Approved"), ""
    )
    return _STEP_OF.get(phase_of(promotion), "commit" if approved == "True" else "approval")

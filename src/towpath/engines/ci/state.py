"""How far a run is: plain data that is shown while it happens and from which a restart goes on."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SKIPPED = "Skipped"


UNFINISHED = (Phase.PENDING, Phase.RUNNING)


@dataclass(slots=True)
class StepState:
    number: int
    name: str
    phase: Phase = Phase.PENDING
    started_s: float | None = None
    finished_s: float | None = None
    exit_code: int | None = None
    message: str = ""


@dataclass(slots=True)
class JobState:
    """One execution of a job: of the job itself, or of one combination of its matrix."""

    id: str
    """The job's key, with a matrix followed by its position from 1: `test.2`."""
    job: str
    """The job's key in the workflow file."""
    name: str
    phase: Phase = Phase.PENDING
    tolerated: bool = False
    """It has failed, and for the run and for dependants that counts as success."""
    matrix: dict[str, Any] | None = None
    """None for a job without a matrix, and for one whose matrix is not computed yet."""
    matrix_size: int = 0
    started_s: float | None = None
    finished_s: float | None = None
    message: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[StepState] = field(default_factory=list)
    is_second_try: bool = False
    """The platform ended in the middle of the first."""

    @property
    def is_finished(self) -> bool:
        return self.phase not in UNFINISHED

    @property
    def result(self) -> str:
        """In the words of the `needs` context; "" while it is not finished."""
        if self.tolerated:
            return "success"
        words = {
            Phase.SUCCEEDED: "success",
            Phase.FAILED: "failure",
            Phase.CANCELLED: "cancelled",
            Phase.SKIPPED: "skipped",
        }
        return words.get(self.phase, "")


@dataclass(slots=True)
class RunState:
    jobs: list[JobState] = field(default_factory=list)

    def of(self, job: str) -> list[JobState]:
        return [state for state in self.jobs if state.job == job]

    def begin_again(self) -> None:
        """After a crash: unfinished jobs start from their beginning, finished ones are kept."""
        for job in self.jobs:
            if not job.is_finished:
                job.is_second_try = job.phase is Phase.RUNNING
                job.phase = Phase.PENDING
                job.started_s = None
                job.message = ""
                job.outputs = {}
                job.steps = []

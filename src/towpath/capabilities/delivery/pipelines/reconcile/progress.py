"""Status and the engine's state, each from the other; written no more often than people look."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.client.protocols import Client
from towpath.engines.ci.state import JobState, Phase, RunState, StepState
from towpath.machinery.conditions import set_condition, timestamp
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import Key, RawObject

log = logging.getLogger(__name__)

WRITE_EVERY_S = 0.2
RETRY_S = 0.5
SUCCEEDED_CONDITION = "Succeeded"


def jobs_status(state: RunState) -> RawObject:
    """`jobs` and `progress` of a status."""
    finished = sum(job.is_finished for job in state.jobs)
    return {
        "jobs": [_job_status(job) for job in state.jobs],
        "progress": f"{finished}/{len(state.jobs)}" if state.jobs else "",
    }


def state_of(status: RawObject) -> RunState:
    """The state that a status tells of; empty before the first start."""
    return RunState([_job_state(job) for job in status.get("jobs") or ()])


def set_outcome(run: RawObject, phase: str, reason: str, message: str) -> None:
    """Phase, message and condition of a run's status."""
    status = run.setdefault("status", {})
    status["phase"] = phase
    status["message"] = message
    outcome = {"Succeeded": True, "Failed": False, "Cancelled": False}.get(phase)
    set_condition(run, SUCCEEDED_CONDITION, status=outcome, reason=reason, message=message)
    if generation := run["metadata"].get("generation"):
        status["observedGeneration"] = generation


class StatusWriter:
    """Writes a run's status when it has changed; `async with` writes while the run goes on."""

    def __init__(self, api: Client, key: Key, run: RawObject, state: RunState) -> None:
        self._api = api
        self._key = key
        self._run = run
        self._state = state
        self._changed = asyncio.Event()
        self._written: RawObject | None = None
        self._writing: asyncio.Task[None] | None = None

    def changed(self) -> None:
        self._changed.set()

    async def __aenter__(self) -> "StatusWriter":
        self._writing = asyncio.create_task(self._write_while_running(), name="run-status")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    async def write(self) -> None:
        """Write what there is now, unless that is what was written last. Raises StatusError."""
        status: dict[str, Any] = {**self._run.get("status", {}), **jobs_status(self._state)}
        if status == self._written:
            return
        await self._api.patch(
            PIPELINE_RUN,
            self._key.name,
            self._key.namespace,
            {"status": status},
            subresource="status",
        )
        self._written = status

    async def write_until_done(self) -> None:
        """The last word: it must arrive, unless the run is gone."""
        while True:
            try:
                await self.write()
            except NotFound:
                return
            except StatusError as error:
                log.warning("status not written", extra={"run": str(self._key), "why": str(error)})
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def _write_while_running(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.write()
            except StatusError as error:
                log.warning("status not written", extra={"run": str(self._key), "why": str(error)})
                self._changed.set()
            await asyncio.sleep(WRITE_EVERY_S)


def _times(state: JobState | StepState) -> RawObject:
    times = {"startedAt": state.started_s, "finishedAt": state.finished_s}
    return {
        name: timestamp(datetime.fromtimestamp(time_s, UTC))
        for name, time_s in times.items()
        if time_s is not None
    }


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _job_status(job: JobState) -> RawObject:
    status: RawObject = {
        "id": job.id,
        "job": job.job,
        "name": job.name,
        "phase": str(job.phase),
        **_times(job),
        "message": job.message,
        "outputs": dict(job.outputs),
        "steps": [_step_status(step) for step in job.steps],
    }
    if job.tolerated:
        status["tolerated"] = True
    if job.matrix is not None:
        status |= {"matrix": job.matrix, "matrixSize": job.matrix_size}
    return status


def _step_status(step: StepState) -> RawObject:
    status: RawObject = {
        "number": step.number,
        "name": step.name,
        "phase": str(step.phase),
        **_times(step),
        "message": step.message,
    }
    if step.exit_code is not None:
        status["exitCode"] = step.exit_code
    return status


def _job_state(status: RawObject) -> JobState:
    return JobState(
        id=status["id"],
        job=status["job"],
        name=status["name"],
        phase=Phase(status["phase"]),
        tolerated=bool(status.get("tolerated")),
        matrix=status.get("matrix"),
        matrix_size=status.get("matrixSize", 0),
        started_s=_seconds(status.get("startedAt")),
        finished_s=_seconds(status.get("finishedAt")),
        message=status.get("message", ""),
        outputs=dict(status.get("outputs") or {}),
        steps=[_step_state(step) for step in status.get("steps") or ()],
    )


def _step_state(status: RawObject) -> StepState:
    return StepState(
        number=status["number"],
        name=status["name"],
        phase=Phase(status["phase"]),
        started_s=_seconds(status.get("startedAt")),
        finished_s=_seconds(status.get("finishedAt")),
        exit_code=status.get("exitCode"),
        message=status.get("message", ""),
    )

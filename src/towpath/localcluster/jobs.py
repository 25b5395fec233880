"""Jobs: pods that run to their end, as often as asked for, again when they fail.

Indexed completion is refused by name. The status is worked out from the pods, which stay until
their job goes; a job that has finished never changes again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from towpath.localcluster.podtemplate import (
    is_active,
    is_ready,
    parse_time,
    phase_of,
    pod_name,
    pod_of,
    true_since,
    utc_now,
)
from towpath.localcluster.state import ClusterState
from towpath.machinery.conditions import get_condition, now
from towpath.machinery.core_kinds import JOB, POD
from towpath.machinery.objects import Key, RawObject, is_deleting, key_of, uid_of
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 360.0


def controller(state: ClusterState) -> Controller:
    jobs = Jobs(state)
    return Controller(
        "jobs",
        jobs.reconcile,
        [Subscribed(state[JOB].informer), Subscribed(state[POD].informer, owner_keys(JOB))],
    )


@dataclass(frozen=True, slots=True)
class Count:
    """A job's pods in numbers."""

    active: int
    ready: int
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job has ended."""

    succeeded: bool
    reason: str
    message: str


def outcome_of(spec: RawObject, count: Count, waited_s: float) -> Outcome | None:
    """None while it must go on."""
    completions = spec.get("completions")
    if completions is None:
        # A work queue: done when one has succeeded and nobody works any more.
        done = count.succeeded > 0 and count.active == 0
    else:
        done = count.succeeded >= int(completions)
    if done:
        return Outcome(True, "CompletionsReached", "Reached expected number of succeeded pods")
    if count.failed > int(spec.get("backoffLimit", 6)):
        return Outcome(False, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    deadline_s = spec.get("activeDeadlineSeconds")
    if deadline_s is not None and waited_s >= float(deadline_s):
        return Outcome(False, "DeadlineExceeded", "Job was active longer than specified deadline")
    return None


def missing(spec: RawObject, count: Count) -> int:
    """How many pods to start now; negative: how many are too many."""
    parallelism = int(spec.get("parallelism", 1))
    completions = spec.get("completions")
    if completions is None:
        wanted = count.active if count.succeeded else parallelism
    else:
        wanted = min(parallelism, int(completions) - count.succeeded)
    return wanted - count.active


class Jobs:
    def __init__(self, state: ClusterState) -> None:
        self._jobs = state[JOB]
        self._pods = state[POD]
        self._events = state.happenings("job-controller")

    async def reconcile(self, key: Key) -> float | None:
        job = self._jobs.get(key)
        if job is None or is_deleting(job):
            return None
        if finished_at(job):
            return await self._expire(job)
        if job["spec"].get("completionMode") == "Indexed":
            outcome = Outcome(
                False, "NotSupported", "Indexed completion is not done by a local cluster"
            )
            await self._finish(job, outcome, self._count(job))
            return None
        return await self._go_on(job)

    async def _go_on(self, job: RawObject) -> float | None:
        count, moment = self._count(job), utc_now()
        started = (job.get("status") or {}).get("startTime")
        waited_s = (moment - parse_time(started)).total_seconds() if started else 0.0
        if job["spec"].get("suspend"):
            await self._remove_active(job)
            await self._write(
                job, self._count(job), {"type": "Suspended", "reason": "JobSuspended"}
            )
            return None
        if outcome := outcome_of(job["spec"], count, waited_s):
            await self._finish(job, outcome, count)
            return 0.0
        wait_s = self._back_off_s(job, count, moment)
        number = missing(job["spec"], count)
        if number > 0 and wait_s <= 0:
            for _ in range(number):
                await self._create(job)
        elif number < 0:
            await self._remove_active(job, -number)
        await self._write(job, self._count(job))
        deadline_s = job["spec"].get("activeDeadlineSeconds")
        soon = [float(deadline_s) - waited_s] if deadline_s is not None else []
        if wait_s > 0:
            soon.append(wait_s)
        return max(0.05, min(soon)) if soon else None

    def _count(self, job: RawObject) -> Count:
        pods = self._pods.owned_by(job)
        active = [pod for pod in pods if is_active(pod)]
        return Count(
            active=len(active),
            ready=sum(is_ready(pod) for pod in active),
            succeeded=sum(phase_of(pod) == "Succeeded" for pod in pods),
            failed=sum(phase_of(pod) == "Failed" for pod in pods),
        )

    def _back_off_s(self, job: RawObject, count: Count, moment: datetime) -> float:
        """Seconds until a failed pod may be followed by another."""
        if not count.failed:
            return 0.0
        ends = [_ended_at(pod) for pod in self._pods.owned_by(job) if phase_of(pod) == "Failed"]
        pause = timedelta(seconds=min(BACKOFF_FIRST_S * 2 ** (count.failed - 1), BACKOFF_MAX_S))
        return (max(ends) + pause - moment).total_seconds()

    async def _create(self, job: RawObject) -> None:
        template = job["spec"]["template"]
        pod = pod_of(job, template, pod_name(key_of(job).name))
        pod["metadata"]["labels"] |= {
            "batch.kubernetes.io/job-name": key_of(job).name,
            "job-name": key_of(job).name,
            "batch.kubernetes.io/controller-uid": uid_of(job),
            "controller-uid": uid_of(job),
        }
        made = await self._pods.create(pod)
        self._events.normal(job, "SuccessfulCreate", f"Created pod: {key_of(made).name}")

    async def _remove_active(self, job: RawObject, number: int | None = None) -> None:
        active = [pod for pod in self._pods.owned_by(job) if is_active(pod)]
        for pod in active[:number]:
            await self._pods.delete(pod)
            self._events.normal(job, "SuccessfulDelete", f"Deleted pod: {key_of(pod).name}")

    async def _finish(self, job: RawObject, outcome: Outcome, count: Count) -> None:
        await self._remove_active(job)
        condition = {
            "type": "Complete" if outcome.succeeded else "Failed",
            "reason": outcome.reason,
            "message": outcome.message,
        }
        await self._write(job, Count(0, 0, count.succeeded, count.failed), condition)
        if outcome.succeeded:
            self._events.normal(job, "Completed", "Job completed")
        else:
            self._events.warning(job, outcome.reason, outcome.message)

    async def _write(
        self, job: RawObject, count: Count, condition: RawObject | None = None
    ) -> None:
        moment = now()
        status: RawObject = {
            "startTime": (job.get("status") or {}).get("startTime") or moment,
            "active": count.active,
            "ready": count.ready,
            "succeeded": count.succeeded,
            "failed": count.failed,
            "uncountedTerminatedPods": {},
        }
        status = {key: value for key, value in status.items() if value != 0 or key == "ready"}
        if condition is not None:
            stamped = {"status": "True", "lastProbeTime": moment, "lastTransitionTime": moment}
            known = get_condition(job, condition["type"])
            status["conditions"] = [known or {**condition, **stamped}]
            if condition["type"] == "Complete":
                status["completionTime"] = moment
        await self._jobs.set_status(job, status)

    async def _expire(self, job: RawObject) -> float | None:
        ttl_s = job["spec"].get("ttlSecondsAfterFinished")
        ended = finished_at(job)
        if ttl_s is None or ended is None:
            return None
        left_s = float(ttl_s) - (utc_now() - ended).total_seconds()
        if left_s > 0:
            return left_s
        await self._jobs.delete(job)
        return None


def finished_at(job: RawObject) -> datetime | None:
    return true_since(job, "Complete") or true_since(job, "Failed")


def _ended_at(pod: RawObject) -> datetime:
    ends = [
        (one.get("state") or {}).get("terminated", {}).get("finishedAt")
        for one in (pod.get("status") or {}).get("containerStatuses") or ()
    ]
    known = [parse_time(end) for end in ends if end]
    return max(known) if known else parse_time(pod["metadata"]["creationTimestamp"])

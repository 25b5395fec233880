"""CronJobs: a Job at each scheduled time, named after it, so that no time is served twice."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from towpath.localcluster.jobs import finished_at
from towpath.localcluster.podtemplate import parse_time, utc_now
from towpath.localcluster.schedule import Schedule, ScheduleInvalid
from towpath.localcluster.state import ClusterState
from towpath.machinery.conditions import is_true, timestamp
from towpath.machinery.core_kinds import CRON_JOB, JOB
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.objects import (
    Key,
    RawObject,
    is_deleting,
    key_of,
    owner_reference,
    uid_of,
)
from towpath.runtime.controller import Controller
from towpath.runtime.sources import Subscribed, owner_keys

MISSED_MAX = 100
LOOK_AGAIN_S_MAX = 3600.0


def controller(state: ClusterState) -> Controller:
    cron_jobs = CronJobs(state)
    return Controller(
        "cronjobs",
        cron_jobs.reconcile,
        [
            Subscribed(state[CRON_JOB].informer),
            Subscribed(state[JOB].informer, owner_keys(CRON_JOB)),
        ],
    )


class CronJobs:
    def __init__(self, state: ClusterState) -> None:
        self._cron_jobs = state[CRON_JOB]
        self._jobs = state[JOB]
        self._events = state.happenings("cronjob-controller")

    async def reconcile(self, key: Key) -> float | None:
        cron_job = self._cron_jobs.get(key)
        if cron_job is None or is_deleting(cron_job):
            return None
        jobs = self._jobs.owned_by(cron_job)
        await self._forget_old(cron_job, jobs)
        try:
            schedule = Schedule.parse(cron_job["spec"]["schedule"])
            zone = ZoneInfo(cron_job["spec"].get("timeZone") or "UTC")
        except (ScheduleInvalid, ZoneInfoNotFoundError) as error:
            self._events.warning(cron_job, "UnparseableSchedule", str(error))
            return None
        moment = utc_now().astimezone(zone)
        scheduled = None
        if not cron_job["spec"].get("suspend"):
            due = latest_due(schedule, _last(cron_job).astimezone(zone), moment)
            if due is not None and self._in_time(cron_job, due, moment):
                scheduled = await self._start(cron_job, jobs, due)
        await self._write_status(cron_job, self._jobs.owned_by(cron_job), scheduled)
        following = schedule.next_after(moment)
        if following is None:
            return None
        return min((following - moment).total_seconds() + 0.01, LOOK_AGAIN_S_MAX)

    def _in_time(self, cron_job: RawObject, due: datetime, moment: datetime) -> bool:
        deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
        if deadline_s is None or (moment - due).total_seconds() <= float(deadline_s):
            return True
        self._events.warning(
            cron_job, "MissSchedule", f"Missed scheduled time to start a job: {timestamp(due)}"
        )
        return False

    async def _start(
        self, cron_job: RawObject, jobs: list[RawObject], due: datetime
    ) -> datetime | None:
        """The time that was served, None when the policy says not now."""
        policy = cron_job["spec"].get("concurrencyPolicy", "Allow")
        active = [job for job in jobs if finished_at(job) is None]
        if active and policy == "Forbid":
            self._events.normal(
                cron_job, "JobAlreadyActive", "Not starting job because prior execution is running"
            )
            return None
        if policy == "Replace":
            for job in active:
                await self._jobs.delete(job)
        job = job_of(cron_job, due)
        try:
            await self._jobs.create(job)
            self._events.normal(cron_job, "SuccessfulCreate", f"Created job {key_of(job).name}")
        except AlreadyExists:
            pass  # made before a restart: this time has been served
        return due

    async def _forget_old(self, cron_job: RawObject, jobs: list[RawObject]) -> None:
        spec = cron_job["spec"]
        for succeeded, limit in (
            (True, int(spec.get("successfulJobsHistoryLimit", 3))),
            (False, int(spec.get("failedJobsHistoryLimit", 1))),
        ):
            ended = [job for job in jobs if finished_at(job) and _succeeded(job) is succeeded]
            ended.sort(key=lambda job: str(job["metadata"]["creationTimestamp"]))
            for job in ended[: max(0, len(ended) - limit)]:
                await self._jobs.delete(job)

    async def _write_status(
        self, cron_job: RawObject, jobs: list[RawObject], scheduled: datetime | None
    ) -> None:
        status = dict(cron_job.get("status") or {})
        status["active"] = [
            {
                "apiVersion": JOB.api_version,
                "kind": JOB.kind,
                "name": key_of(job).name,
                "namespace": key_of(job).namespace,
                "uid": uid_of(job),
            }
            for job in sorted(jobs, key=lambda job: key_of(job).name)
            if finished_at(job) is None
        ]
        if not status["active"]:
            del status["active"]
        if scheduled is not None:
            status["lastScheduleTime"] = timestamp(scheduled)
        ends = [end for job in jobs if _succeeded(job) and (end := finished_at(job))]
        if ends:
            status["lastSuccessfulTime"] = timestamp(max(ends))
        await self._cron_jobs.set_status(cron_job, status)


def latest_due(schedule: Schedule, last: datetime, moment: datetime) -> datetime | None:
    """The newest scheduled time after `last` that has come; missed ones before it are let go."""
    due = None
    following = schedule.next_after(last)
    for _ in range(MISSED_MAX):
        if following is None or following > moment:
            return due
        due = following
        following = schedule.next_after(following)
    # Very many were missed: the platform was off for long. Serve one, not the oldest.
    return latest_due(schedule, moment - timedelta(hours=1), moment)


def job_of(cron_job: RawObject, due: datetime) -> RawObject:
    key = key_of(cron_job)
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    job = JOB.object(f"{key.name[:52]}-{int(due.timestamp()) // 60}", key.namespace)
    job["metadata"] |= {
        "labels": dict(metadata.get("labels") or {}),
        "annotations": {
            **(metadata.get("annotations") or {}),
            "batch.kubernetes.io/cronjob-scheduled-timestamp": timestamp(due),
        },
        "ownerReferences": [owner_reference(cron_job)],
    }
    job["spec"] = template["spec"]
    return job


def _last(cron_job: RawObject) -> datetime:
    known = (cron_job.get("status") or {}).get("lastScheduleTime")
    return parse_time(known or cron_job["metadata"]["creationTimestamp"])


def _succeeded(job: RawObject) -> bool:
    return is_true(job, "Complete")

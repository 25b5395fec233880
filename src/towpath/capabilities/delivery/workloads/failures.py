"""Why something of a service failed, found without looking: a sentence, its last lines, what to do.

Of each stage its newest promotion, else its sickest pod; of the pipeline its newest run. Pods are
read only where a stage is unwell.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from towpath.capabilities.delivery.environments.kinds import target_namespace
from towpath.capabilities.delivery.pipelines.kinds import FAILED as RUN_FAILED
from towpath.capabilities.delivery.pipelines.kinds import log_stream as pipeline_log
from towpath.capabilities.delivery.pipelines.kinds import phase_of as run_phase
from towpath.capabilities.delivery.promotions.kinds import FAILED, log_stream
from towpath.capabilities.delivery.workloads.lanes import Facts, Lane
from towpath.capabilities.delivery.workloads.processes import PodLine, read_lines, sickest_pod
from towpath.client.protocols import LogReader
from towpath.hooks.pages import Visit
from towpath.hooks.runs import why
from towpath.machinery.core_kinds import POD
from towpath.machinery.errors import StatusError
from towpath.machinery.objects import RawObject
from towpath.records.contract import LogLine

LINES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Failure:
    title: str
    what: str
    next_step: str = ""
    lines: Sequence[LogLine | PodLine] = ()
    href: str = ""
    """Where all of it is told."""


async def failures_of(visit: Visit, facts: Facts, lanes: Sequence[Lane]) -> list[Failure]:
    """The most public stage first; the pipeline last."""
    found = await asyncio.gather(
        *(_of_stage(visit, facts, lane) for lane in reversed(lanes)), _of_pipeline(visit, facts)
    )
    return [failure for failure in found if failure is not None]


async def _of_stage(visit: Visit, facts: Facts, lane: Lane) -> Failure | None:
    project = visit.parameters["project"]
    if lane.moving.get("phase") == FAILED:
        name = lane.moving["name"]
        return Failure(
            f"{lane.moving['release']} did not come to {lane.name}",
            _without_advice(_without_title(lane.moving.get("message", ""), lane)),
            "Push a correction and promote its release, or go on with what runs.",
            await _told(visit, log_stream(project, name, "sync"), lane.moving.get("message", "")),
            f"/projects/{project}/promotions/{name}",
        )
    if lane.moving.get("unwell"):
        meanwhile = ", and what ran before goes on meanwhile" if lane.release else ""
        return Failure(
            f"{lane.moving['release']} does not come up in {lane.name}",
            _without_advice(lane.moving["message"]),
            f"Push a correction, or wait: it is given a few minutes{meanwhile}.",
            await _of_pod(visit, facts.name, lane),
            f"/projects/{project}/promotions/{lane.moving['name']}",
        )
    if lane.health not in ("Degraded", "Missing"):
        return None
    base = f"/projects/{project}/workloads/{facts.name}"
    lines = await _of_pod(visit, facts.name, lane)
    back = f"Roll {lane.name} back to {lane.previous}, or push" if lane.previous else "Push"
    return Failure(
        f"{lane.name} is {lane.health.lower()}",
        _without_advice(lane.message)
        or "Its parts do not say why; the tree of resources shows which it is.",
        f"{back} a correction.",
        lines,
        f"{base}/logs?environment={lane.name}" if lines else f"{base}/resources",
    )


def _without_advice(message: str) -> str:
    """What to do is said once, below; the message stands alone elsewhere and says it too."""
    return message.removesuffix("Correct it and push.").rstrip()


def _without_title(message: str, lane: Lane) -> str:
    """The message begins with what the title says."""
    return message.removeprefix(f"{lane.moving['release']} to {lane.name} failed: ")


async def _of_pod(visit: Visit, workload: str, lane: Lane) -> Sequence[LogLine | PodLine]:
    """The last lines of the pod that is unwell, now or in its life before."""
    namespace = target_namespace(visit.parameters["project"], lane.name)
    labels = f"app.kubernetes.io/name={workload}"
    try:
        client = visit.cluster(lane.cluster)
        pod = sickest_pod((await client.list(POD, namespace, labels=labels)).items)
        if pod is None:
            return ()
        name: str = pod["metadata"]["name"]
        for previous in (False, True):
            reading = cast(LogReader, client).pod_log(
                name, namespace, previous=previous, tail_lines=LINES_SHOWN, timestamps=True
            )
            async with aclosing(reading):
                if lines := await read_lines(reading):
                    return lines
    except StatusError:
        return ()  # the visitor may not read it, or it has written nothing
    return ()


async def _of_pipeline(visit: Visit, facts: Facts) -> Failure | None:
    """Only the newest run counts: what failed before it has been answered."""
    if not facts.runs or run_phase(facts.runs[0]) != RUN_FAILED:
        return None
    run = facts.runs[0]
    project, name = visit.parameters["project"], run["metadata"]["name"]
    status = run.get("status") or {}
    step = failed_step(status)
    lines: Sequence[LogLine] = ()
    if step is not None:
        job, failed = step
        lines = await _told(visit, pipeline_log(project, name, job["id"], failed["number"]))
    what = f"{_step_sentence(*step)}" if step else status.get("message", "")
    return Failure(
        f"The pipeline of {run['spec']['commit'][:8]} failed",
        what,
        "Push a correction, or run it again if nothing is wrong with the commit.",
        lines,
        f"/projects/{project}/pipelines/{name}",
    )


def failed_step(status: RawObject) -> tuple[RawObject, RawObject] | None:
    """The first step that failed, with its job; one that was tolerated is none."""
    for job in status.get("jobs") or ():
        if job["phase"] != RUN_FAILED or job.get("tolerated"):
            continue
        for step in job.get("steps") or ():
            if step["phase"] == RUN_FAILED:
                return job, step
    return None


def _step_sentence(job: RawObject, step: RawObject) -> str:
    code = step.get("exitCode")
    why = step.get("message") or (f"exit code {code}" if code else "")
    told = f"Step {step['name']!r} of job {job['name']!r} failed"
    return f"{told}: {why}." if why else f"{told}."


async def _told(visit: Visit, stream: str, besides: str = "") -> Sequence[LogLine]:
    if not visit.viewer.may_see(visit.parameters["project"]):
        return ()
    lines = await visit.records.logs.tail(stream, LINES_SHOWN * 4)
    return why(lines, besides)[-LINES_SHOWN:]

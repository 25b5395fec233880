"""`needs`: jobs that must have finished. Unknown ones and cycles are problems."""

from collections.abc import Mapping
from typing import Protocol

from towpath.engines.ci.workflow.places import Place


class Needing(Protocol):
    @property
    def needs(self) -> tuple[str, ...]: ...


def check_needs(jobs: Mapping[str, Needing], places: Mapping[str, Place]) -> None:
    for job_id, job in jobs.items():
        for need in job.needs:
            if need not in jobs:
                known = ", ".join(jobs)
                places[job_id].wrong(f"needs the job `{need}`, which does not exist; jobs: {known}")
    if cycle := find_cycle(jobs):
        places[cycle[0]].wrong(f"jobs need each other in a circle: {' -> '.join(cycle)}")


def find_cycle(jobs: Mapping[str, Needing]) -> list[str]:
    """One circle of needs, its first job again at the end; empty when there is none."""
    finished: set[str] = set()
    for start in jobs:
        way: list[str] = []
        waiting = [(start, 0)]
        while waiting:
            job_id, depth = waiting.pop()
            del way[depth:]
            if job_id in way:
                return [*way[way.index(job_id) :], job_id]
            if job_id in finished:
                continue
            way.append(job_id)
            unfinished = [
                need for need in jobs[job_id].needs if need in jobs and need not in finished
            ]
            if not unfinished:
                finished.add(job_id)
            waiting += [(need, depth + 1) for need in unfinished]
        finished.add(start)
    return []


def ancestors(jobs: Mapping[str, Needing], job_id: str) -> set[str]:
    """Every job that must have finished before this one, near or far."""
    found: set[str] = set()
    waiting = list(jobs[job_id].needs)
    while waiting:
        need = waiting.pop()
        if need not in found:
            found.add(need)
            waiting += jobs[need].needs
    return found

"""How each service is, kept beside its entity: a word to count by and a sentence to read.

Lists of thousands are sorted, counted and told from the index, and ask the API for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from towpath.capabilities.delivery.promotions.kinds import FAILED, WAITING_FOR_APPROVAL
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.client.protocols import Client
from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import Key, RawObject, is_deleting
from towpath.records.contract import CatalogIndex, WorkloadState
from towpath.runtime.controller import Controller
from towpath.runtime.informer import Informer
from towpath.runtime.sources import Enqueue, Running

_WELL = ("Healthy", "Suspended")


def controller(api: Client, index: CatalogIndex) -> Controller:
    workloads = Informer(api, WORKLOAD)
    return Controller(
        "catalog-states", States(index, workloads), [Running(workloads), _Observed(index)]
    )


@dataclass(frozen=True, slots=True)
class States:
    index: CatalogIndex
    workloads: Informer

    async def __call__(self, key: Key) -> None:
        await self.workloads.synced.wait()
        workload = self.workloads.get(key)
        state = None if workload is None else state_of(workload)
        await self.index.observe(key.namespace, key.name, state)


@dataclass(frozen=True, slots=True)
class _Observed:
    """Once: the workloads that the index knows, for those that have gone while nobody looked."""

    index: CatalogIndex

    async def run(self, enqueue: Enqueue) -> None:
        for project, name in await self.index.observed():
            enqueue(Key(project, name))


def state_of(workload: RawObject) -> WorkloadState:
    """Pure. The sickest stage that something runs in speaks for all; then the last one."""
    status = workload.get("status") or {}
    stages: Sequence[RawObject] = status.get("environments") or ()
    running = [stage for stage in stages if stage.get("release")]
    if is_deleting(workload):
        return WorkloadState("Terminating", "It is being deleted.")
    if not running:
        ill = next((stage for stage in stages if stage.get("health") == "Degraded"), None)
        if ill is not None:
            return WorkloadState("Degraded", _trouble(ill))
        return WorkloadState("Progressing", _before_the_first(workload))
    url = next((stage["url"] for stage in reversed(running) if stage.get("url")), "")
    sick = [stage for stage in running if stage.get("health") not in _WELL]
    if sick:
        worst = sick[-1]
        health = status.get("health") or worst.get("health") or "Unknown"
        return WorkloadState(health, _trouble(worst), url)
    return WorkloadState(status.get("health") or "Healthy", _well(stages, running), url)


def _before_the_first(workload: RawObject) -> str:
    status = workload.get("status") or {}
    for stage in status.get("environments") or ():
        if stage.get("phase") == FAILED:
            return f"{stage['name']}: {stage.get('message') or 'the promotion failed.'}"
    if latest := status.get("latestRelease"):
        return f"{latest} is on its way to its first stage."
    ready = get_condition(workload, "Ready") or {}
    if ready.get("status") == "False" and ready.get("message"):
        return str(ready["message"])
    return "It waits for its first release."


def _trouble(stage: RawObject) -> str:
    word = (stage.get("health") or "Unknown").lower()
    message = stage.get("message", "")
    return f"{stage['name']} is {word}" + (f": {message}" if message else ".")


def _well(stages: Sequence[RawObject], running: Sequence[RawObject]) -> str:
    last = running[-1]
    told = [f"{last['release']} in {last['name']}"]
    for stage in stages:
        name = stage["name"]
        if stage.get("phase") == WAITING_FOR_APPROVAL:
            told.append(f"{name} waits for an approval")
        elif stage.get("phase") == FAILED:
            told.append(f"the last promotion to {name} failed")
        elif not stage.get("release"):
            told.append(f"nothing in {name} yet")
        elif stage["release"] != last["release"]:
            told.append(f"{stage['release']} in {name}")
    return "; ".join(told)

"""One pod from its creation to its end.

Two things go on beside each other: the life (prepare, init containers, containers, farewell) and
the telling (whenever a state has changed, the status is worked out and written).

The farewell keeps requests whole: first the pod is no endpoint any more (its deletionTimestamp
alone does that), then, DRAIN_S later, when everybody who routes has heard it, SIGTERM.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from towpath.engines.processes.port import ProcessHost
from towpath.localcluster.collection import Collection
from towpath.localcluster.happenings import Happenings
from towpath.localcluster.pods.container import Container
from towpath.localcluster.pods.preparation import PodPlace, Preparation
from towpath.localcluster.pods.status import (
    ContainerState,
    PodState,
    Terminated,
    phase_of,
    status_of,
)
from towpath.machinery.conditions import now
from towpath.machinery.errors import NotFound, StatusError
from towpath.machinery.objects import RawObject, key_of

log = logging.getLogger(__name__)

DRAIN_S = 0.25
RETRY_STATUS_S = 0.5
GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all pods of a cluster share."""

    pods: Collection
    processes: ProcessHost
    preparation: Preparation
    events: Happenings
    config_changed: Callable[[str], asyncio.Event]
    """An event that is set at the next change of a ConfigMap or Secret in a namespace."""


class PodWorker:
    def __init__(self, pod: RawObject, place: PodPlace, around: Surroundings) -> None:
        self.pod = pod
        self._place = place
        self._around = around
        self._dirty = asyncio.Event()
        self._leaving = asyncio.Event()
        self._living: list[Container] = []
        self.state = _first_state(pod, place.address)

    def update(self, pod: RawObject) -> None:
        """The object has changed: somebody else's hand in the status is corrected."""
        for name in _debuggers(pod) - _debuggers(self.pod):
            words = f"Error: container {name} is ephemeral, and is not run here; use kubectl exec"
            self._around.events.warning(pod, "Failed", words)
        self.pod = pod
        self._dirty.set()

    def leave(self) -> None:
        """The pod is to end: it has a deletionTimestamp, or is gone already."""
        self.state.leaving = True
        self._leaving.set()

    @property
    def address(self) -> str:
        return self._place.address

    def container(self, name: str) -> Container | None:
        """One that runs just now, or waits to."""
        return next((one for one in self._living if one.name == name), None)

    async def run(self) -> None:
        """Until the pod's processes have ended and its object is gone."""
        telling = asyncio.create_task(self._tell())
        try:
            await self._live()
            # A pod that has ended stays as an object until somebody deletes it.
            await self._leaving.wait()
            await self._around.pods.delete(self.pod, grace_period_s=0)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    # -- life --------------------------------------------------------------------------------

    async def _live(self) -> None:
        if phase_of(self.pod, self.state) in ("Succeeded", "Failed"):
            self._dirty.set()
            return
        self._dirty.set()
        living = asyncio.create_task(self._run_containers())
        leaving = asyncio.create_task(self._leaving.wait())
        try:
            deadline_s = self.pod["spec"].get("activeDeadlineSeconds")
            await asyncio.wait(
                (living, leaving),
                timeout=float(deadline_s) if deadline_s else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not living.done():
                await self._farewell()
            await living
        finally:
            for task in (living, leaving):
                task.cancel()
            await asyncio.gather(living, leaving, return_exceptions=True)

    async def _run_containers(self) -> None:
        spec = self.pod["spec"]
        for raw, state in zip(spec.get("initContainers") or (), self.state.init, strict=True):
            await self._run([self._container(raw, state, is_init=True)])
            if not state.terminated or state.terminated.exit_code:
                return
        ended = self._ended_for_good()
        await self._run(
            [
                self._container(raw, state)
                for raw, state in zip(spec["containers"], self.state.main, strict=True)
                if state.name not in ended
            ]
        )

    async def _run(self, containers: list[Container]) -> None:
        if self._leaving.is_set():
            return
        self._living = containers
        async with asyncio.TaskGroup() as tasks:
            for container in containers:
                tasks.create_task(container.run(), name=f"container-{container.name}")
        self._living = []

    def _container(
        self, raw: RawObject, state: ContainerState, *, is_init: bool = False
    ) -> Container:
        namespace = key_of(self.pod).namespace
        return Container(
            self.pod,
            raw,
            state,
            self._place,
            preparation=self._around.preparation,
            processes=self._around.processes,
            events=self._around.events,
            changed=self._dirty.set,
            config_changed=lambda: self._around.config_changed(namespace),
            is_init=is_init,
        )

    def _ended_for_good(self) -> set[str]:
        """Containers that had ended before the platform restarted and need not run again."""
        policy = self.pod["spec"].get("restartPolicy", "Always")
        return {
            one.name
            for one in self.state.main
            if one.terminated is not None
            and policy != "Always"
            and (policy == "Never" or one.terminated.exit_code == 0)
        }

    async def _farewell(self) -> None:
        if not self._leaving.is_set():
            self.state.failure = (
                "DeadlineExceeded",
                "Pod was active on the node longer than the specified deadline",
            )
            self._dirty.set()
        elif any(one.ready for one in self.state.main):
            await asyncio.sleep(DRAIN_S)
        grace_s = self._grace_s()
        async with asyncio.TaskGroup() as tasks:
            for container in self._living:
                tasks.create_task(container.stop(grace_s))

    def _grace_s(self) -> float:
        chosen = self.pod["metadata"].get("deletionGracePeriodSeconds")
        if chosen is None:
            chosen = self.pod["spec"].get("terminationGracePeriodSeconds", GRACE_S)
        return float(chosen)

    # -- telling -----------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            known = self._around.pods.get(key_of(self.pod)) or self.pod
            if known["metadata"]["uid"] != self.pod["metadata"]["uid"]:
                return  # another pod of the same name: nothing of ours is left to tell
            try:
                await self._around.pods.set_status(known, status_of(known, self.state))
            except NotFound:
                return
            except StatusError as error:
                log.warning(
                    "pod status not written",
                    extra={"pod": str(key_of(self.pod)), "error": str(error)},
                )
                self._dirty.set()
                await asyncio.sleep(RETRY_STATUS_S)


def _first_state(pod: RawObject, address: str) -> PodState:
    """A new pod's state; for one that was there before the platform restarted, what is known."""
    status = pod.get("status") or {}
    spec = pod["spec"]
    state = PodState(address=address, started_at=status.get("startTime") or now())
    known = {one["name"]: one for one in status.get("containerStatuses") or ()}
    state.init = [
        ContainerState(one["name"], one["image"], waiting_reason="PodInitializing")
        for one in spec.get("initContainers") or ()
    ]
    reason = "PodInitializing" if state.init else "ContainerCreating"
    for one in spec["containers"]:
        container = ContainerState(one["name"], one["image"], waiting_reason=reason)
        if before := known.get(one["name"]):
            _recall(container, before, spec.get("restartPolicy", "Always"))
        state.main.append(container)
    if status.get("phase") == "Failed" and status.get("reason"):
        state.failure = (status["reason"], status.get("message", ""))
    return state


def _recall(container: ContainerState, before: RawObject, policy: str) -> None:
    """Its process ended with the platform: it is started again in place, and counted."""
    container.restarts = int(before.get("restartCount", 0))
    state = before.get("state") or {}
    if last := (before.get("lastState") or {}).get("terminated"):
        container.last = _terminated(last)
    if running := state.get("running"):
        container.last = Terminated(
            137, "Error", running["startedAt"], now(), "ended together with the platform"
        )
        container.restarts += 1
        if policy == "Never":
            container.end(container.last)
    elif ended := state.get("terminated"):
        container.end(_terminated(ended))


def _terminated(raw: RawObject) -> Terminated:
    return Terminated(
        int(raw.get("exitCode", 0)),
        raw.get("reason", ""),
        raw.get("startedAt", ""),
        raw.get("finishedAt", ""),
        raw.get("message", ""),
    )


def _debuggers(pod: RawObject) -> set[str]:
    return {str(one["name"]) for one in pod["spec"].get("ephemeralContainers") or ()}

"""A pod's row: what is going on in it, in one word.

Source of the rules: printPod in kubernetes' pkg/printers.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from towpath.machinery.objects import RawObject
from towpath.machinery.tables.columns import age_of, name_of, since

COLUMNS = "Name, Ready, Status, Restarts, Age, IP*, Node*, Nominated Node*, Readiness Gates*"


class _Tally(Struct):
    reason: str
    restarts: int = 0
    ready: int = 0
    last_restart: str = ""

    def count(self, container: RawObject) -> None:
        self.restarts += container.get("restartCount") or 0
        ended = (container.get("lastState") or {}).get("terminated") or {}
        self.last_restart = max(self.last_restart, ended.get("finishedAt") or "")


def cells(pod: RawObject, now: datetime) -> list[Any]:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    restartable = {
        container["name"]
        for container in spec.get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    }
    total = len(spec.get("containers") or ()) + len(restartable)
    tally = _tally(spec, status, restartable)
    restarts = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts = f"{tally.restarts} ({since(tally.last_restart, now)} ago)"
    addresses = status.get("podIPs") or ()
    return [
        name_of(pod),
        f"{tally.ready}/{total}",
        _after_deletion(pod, status, tally.reason),
        restarts,
        age_of(pod, now),
        addresses[0].get("ip") if addresses else status.get("podIP") or "<none>",
        spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>",
        _gates(spec, status),
    ]


def _condition(status: RawObject, condition_type: str) -> RawObject:
    for condition in status.get("conditions") or ():
        if condition.get("type") == condition_type:
            found: RawObject = condition
            return found
    return {}


def _tally(spec: RawObject, status: RawObject, restartable: set[str]) -> _Tally:
    tally = _Tally(status.get("reason") or status.get("phase") or "")
    if _condition(status, "PodScheduled").get("reason") == "SchedulingGated":
        tally.reason = "SchedulingGated"
    side_cars = _Tally("")
    initializing = _initialize(spec, status, restartable, tally, side_cars)
    if not initializing or _condition(status, "Initialized").get("status") == "True":
        tally.restarts, tally.last_restart = side_cars.restarts, side_cars.last_restart
        _run(status, tally)
    return tally


def _initialize(
    spec: RawObject, status: RawObject, restartable: set[str], tally: _Tally, side_cars: _Tally
) -> bool:
    """Whether an init container is still to finish; the reason says which and why."""
    for position, container in enumerate(status.get("initContainerStatuses") or ()):
        tally.count(container)
        if container.get("name") in restartable:
            side_cars.count(container)
        state = container.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if container.get("name") in restartable and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        if ended is not None:
            tally.reason = "Init:" + _ending(ended)
        elif waiting.get("reason") and waiting["reason"] != "PodInitializing":
            tally.reason = "Init:" + waiting["reason"]
        else:
            tally.reason = f"Init:{position}/{len(spec.get('initContainers') or ())}"
        return True
    return False


def _ending(terminated: RawObject) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode')}"


def _run(status: RawObject, tally: _Tally) -> None:
    has_running, error = False, ""
    for container in reversed(status.get("containerStatuses") or ()):
        tally.count(container)
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            tally.reason = waiting["reason"]
        elif ended is not None:
            tally.reason = _ending(ended)
            if ended.get("exitCode"):
                error = tally.reason
        elif container.get("ready") and state.get("running") is not None:
            has_running = True
            tally.ready += 1
    if tally.reason == "Completed":
        if has_running and _condition(status, "Ready").get("status") == "True":
            tally.reason = "Running"
        elif error:
            tally.reason = error
        elif has_running:
            tally.reason = "NotReady"


def _after_deletion(pod: RawObject, status: RawObject, reason: str) -> str:
    if not pod["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _gates(spec: RawObject, status: RawObject) -> str:
    gates = spec.get("readinessGates") or ()
    if not gates:
        return "<none>"
    open_count = sum(
        _condition(status, gate.get("conditionType", "")).get("status") == "True" for gate in gates
    )
    return f"{open_count}/{len(gates)}"

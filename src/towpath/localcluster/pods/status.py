"""A pod's status, as the kubelet writes it, from the state of its containers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from towpath.localcluster.nodes import NODE_ADDRESS
from towpath.machinery.conditions import get_condition, now
from towpath.machinery.objects import RawObject


@dataclass(slots=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    message: str = ""

    def to_raw(self, container_id: str) -> RawObject:
        raw: RawObject = {
            "exitCode": self.exit_code,
            "reason": self.reason,
            "startedAt": self.started_at,
            "finishedAt": self.finished_at,
            "containerID": container_id,
        }
        if self.message:
            raw["message"] = self.message
        return raw


@dataclass(slots=True)
class ContainerState:
    """One container now: waiting, running since, or terminated; exactly one of the three."""

    name: str
    image: str
    waiting_reason: str = "ContainerCreating"
    waiting_message: str = ""
    running_since: str = ""
    terminated: Terminated | None = None
    last: Terminated | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False
    process_id: str = ""
    not_listening: str = ""
    """A sentence when it runs but nothing listens where its requests go."""
    failing_check: str = ""
    """Why its last readiness check failed, "" when it did not."""

    def wait(self, reason: str, message: str = "") -> None:
        self.waiting_reason, self.waiting_message = reason, message
        self.running_since, self.started, self.ready = "", False, False
        self.terminated = None

    def run(self, since: str, process_id: str) -> None:
        self.running_since, self.process_id = since, process_id
        self.waiting_reason = self.waiting_message = self.not_listening = ""
        self.failing_check = ""
        self.terminated = None

    def end(self, terminated: Terminated) -> None:
        self.terminated = terminated
        self.waiting_reason = self.waiting_message = self.running_since = self.not_listening = ""
        self.failing_check = ""
        self.started = self.ready = False

    def to_raw(self) -> RawObject:
        raw: RawObject = {
            "name": self.name,
            "image": self.image,
            "imageID": self.image,
            "containerID": self._id(),
            "restartCount": self.restarts,
            "started": self.started,
            "ready": self.ready,
            "state": self._now(),
            "lastState": {"terminated": self.last.to_raw(self._id())} if self.last else {},
        }
        return raw

    def _id(self) -> str:
        return f"process://{self.process_id}" if self.process_id else ""

    def _now(self) -> RawObject:
        if self.terminated is not None:
            return {"terminated": self.terminated.to_raw(self._id())}
        if self.running_since:
            return {"running": {"startedAt": self.running_since}}
        waiting = {"reason": self.waiting_reason}
        if self.waiting_message:
            waiting["message"] = self.waiting_message
        return {"waiting": waiting}


@dataclass(slots=True)
class PodState:
    address: str = ""
    started_at: str = ""
    init: list[ContainerState] = field(default_factory=list)
    main: list[ContainerState] = field(default_factory=list)
    failure: tuple[str, str] | None = None
    """Reason and message of a pod that failed as a whole, such as DeadlineExceeded."""
    leaving: bool = False


def status_of(pod: RawObject, state: PodState) -> RawObject:
    phase = phase_of(pod, state)
    status: RawObject = {
        "phase": phase,
        "hostIP": NODE_ADDRESS,
        "hostIPs": [{"ip": NODE_ADDRESS}],
        "qosClass": _quality(pod),
        "conditions": _conditions(pod, state, phase),
        "containerStatuses": [container.to_raw() for container in state.main],
    }
    if state.started_at:
        status["startTime"] = state.started_at
    if state.address:
        status |= {"podIP": state.address, "podIPs": [{"ip": state.address}]}
    if state.init:
        status["initContainerStatuses"] = [container.to_raw() for container in state.init]
    if state.failure:
        status["reason"], status["message"] = state.failure
    return status


def phase_of(pod: RawObject, state: PodState) -> str:
    if state.failure:
        return "Failed"
    policy = pod["spec"].get("restartPolicy", "Always")
    if any(one.terminated and one.terminated.exit_code for one in state.init) and policy == "Never":
        return "Failed"
    ended = [one.terminated for one in state.main]
    if all(ended) and (policy != "Always" or state.leaving):
        failed = any(one and one.exit_code for one in ended)
        if not failed:
            return "Succeeded"
        if policy == "Never" or state.leaving:
            return "Failed"
    begun = any(one.running_since or one.terminated or one.last for one in state.main)
    return "Running" if begun else "Pending"


def _conditions(pod: RawObject, state: PodState, phase: str) -> list[RawObject]:
    initialized = all(one.terminated and one.terminated.exit_code == 0 for one in state.init)
    conditions = [_condition(pod, "PodScheduled", True)]
    if phase == "Succeeded":
        conditions.append(_condition(pod, "Initialized", True, "PodCompleted"))
        unready = ("PodCompleted", "")
    elif phase == "Failed":
        conditions.append(_condition(pod, "Initialized", initialized))
        unready = ("PodFailed", "")
    elif not initialized:
        waiting = _names([one for one in state.init if not one.terminated])
        text = f"containers with incomplete status: {waiting}"
        conditions.append(_condition(pod, "Initialized", False, "ContainersNotInitialized", text))
        unready = _why_unready(state)
    else:
        conditions.append(_condition(pod, "Initialized", True))
        unready = _why_unready(state)
    is_ready = phase == "Running" and all(one.ready for one in state.main)
    for name in ("ContainersReady", "Ready"):
        reason, message = ("", "") if is_ready else unready
        conditions.append(_condition(pod, name, is_ready, reason, message))
    return conditions


def _why_unready(state: PodState) -> tuple[str, str]:
    for one in state.main:
        if one.not_listening:
            return "NotListening", one.not_listening
    unready = _names([one for one in state.main if not one.ready])
    checks = "; ".join(filter(None, (one.failing_check for one in state.main)))
    text = f"containers with unready status: {unready}"
    return "ContainersNotReady", f"{text}: {checks}" if checks else text


def _names(containers: Sequence[ContainerState]) -> str:
    return f"[{' '.join(one.name for one in containers)}]"


def _condition(
    pod: RawObject, condition_type: str, status: bool, reason: str = "", message: str = ""
) -> RawObject:
    """The transition time moves only with the status, so that an unchanged pod stays unwritten."""
    word = "True" if status else "False"
    known = get_condition(pod, condition_type) or {}
    moved = known.get("status") != word
    raw: RawObject = {
        "type": condition_type,
        "status": word,
        "lastTransitionTime": now() if moved else known["lastTransitionTime"],
    }
    if reason:
        raw["reason"] = reason
    if message:
        raw["message"] = message
    return raw


def _quality(pod: RawObject) -> str:
    resources = [container.get("resources") or {} for container in pod["spec"]["containers"]]
    if not any(one.get("limits") or one.get("requests") for one in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(one.get("limits") or {})
        and (one.get("requests") or one["limits"]) == one["limits"]
        for one in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"

"""Is it well? Pure functions from an object's status, one per kind, as Argo CD judges.

Authority: argoproj/argo-cd `docs/operator-manual/health.md`, gitops-engine `pkg/health`. A kind
without a judgement here, and without a Ready condition, has no health and counts for nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from towpath.machinery.conditions import get_condition
from towpath.machinery.objects import RawObject, is_deleting


class HealthStatus(StrEnum):
    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


_WORST_LAST = list(HealthStatus)


@dataclass(frozen=True, slots=True)
class Health:
    status: HealthStatus
    message: str = ""
    attention: bool = False
    """It may get well by itself, and somebody should look all the same."""

    def to_raw(self) -> RawObject:
        raw: RawObject = {"status": self.status.value}
        if self.message:
            raw["message"] = self.message
        if self.attention:
            raw["attention"] = True
        return raw


HEALTHY = Health(HealthStatus.HEALTHY)
MISSING = Health(HealthStatus.MISSING)


def worst(parts: Iterable[Health]) -> Health:
    """The health of a whole: that of its sickest part; of nothing, healthy."""
    return max(parts, key=lambda part: _WORST_LAST.index(part.status), default=HEALTHY)


def assess(obj: RawObject) -> Health | None:
    """None: the kind has no health."""
    if is_deleting(obj):
        return _progressing("It is being deleted.")
    group = obj["apiVersion"].rpartition("/")[0]
    judge = _JUDGES.get((group, obj["kind"]))
    return judge(obj) if judge else _by_ready_condition(obj)


def _progressing(message: str) -> Health:
    return Health(HealthStatus.PROGRESSING, message)


def _degraded(message: str) -> Health:
    return Health(HealthStatus.DEGRADED, message)


def _status(obj: RawObject) -> RawObject:
    status: RawObject = obj.get("status") or {}
    return status


def _is_stale(obj: RawObject) -> bool:
    observed = _status(obj).get("observedGeneration")
    generation = obj["metadata"].get("generation")
    return bool(observed is None or (generation is not None and observed < generation))


def _deployment(obj: RawObject) -> Health:
    status, wanted = _status(obj), obj["spec"].get("replicas", 1)
    if obj["spec"].get("paused"):
        return Health(HealthStatus.SUSPENDED, "The Deployment is paused.")
    if _is_stale(obj):
        return _progressing("Waiting for the Deployment to be noticed.")
    progress = get_condition(obj, "Progressing")
    if progress and progress["reason"] == "ProgressDeadlineExceeded":
        return _degraded(progress.get("message") or "The roll-out makes no progress.")
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return _progressing(f"{updated} of {wanted} replicas run the new version.")
    if total > updated:
        return _progressing(f"{total - updated} old replicas still run.")
    if available < updated:
        return _progressing(f"{available} of {updated} replicas are available.")
    return HEALTHY


def _replica_set(obj: RawObject) -> Health:
    if _is_stale(obj):
        return _progressing("Waiting for the ReplicaSet to be noticed.")
    failure = get_condition(obj, "ReplicaFailure")
    if failure and failure["status"] == "True":
        return _degraded(_why_no_pod(failure.get("message", "")))
    available, wanted = _status(obj).get("availableReplicas", 0), obj["spec"].get("replicas", 1)
    if available < wanted:
        return _progressing(f"{available} of {wanted} replicas are available.")
    return HEALTHY


def _why_no_pod(message: str) -> str:
    if "exceeded quota" in message:
        return (
            f"No pod can be made, because the environment's quota is used up: {_sentence(message)} "
            "Ask for less in score.yaml (containers.*.resources), or have the quota raised."
        )
    return f"No pod can be made: {_sentence(message)}" if message else "No pod can be made."


def _stateful_set(obj: RawObject) -> Health:
    status, wanted = _status(obj), obj["spec"].get("replicas", 1)
    if _is_stale(obj):
        return _progressing("Waiting for the StatefulSet to be noticed.")
    ready = status.get("readyReplicas", 0)
    if ready < wanted:
        return _progressing(f"{ready} of {wanted} replicas are ready.")
    update = status.get("updateRevision")
    if (
        update
        and status.get("currentRevision") != update
        and status.get("updatedReplicas") != wanted
    ):
        return _progressing("The new version is being rolled out.")
    return HEALTHY


def _daemon_set(obj: RawObject) -> Health:
    status = _status(obj)
    if _is_stale(obj):
        return _progressing("Waiting for the DaemonSet to be noticed.")
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if min(updated, available) < wanted:
        return _progressing(f"{min(updated, available)} of {wanted} pods are up to date.")
    return HEALTHY


def _job(obj: RawObject) -> Health:
    if (failed := get_condition(obj, "Failed")) and failed["status"] == "True":
        return _degraded(failed.get("message") or "The Job failed.")
    if (complete := get_condition(obj, "Complete")) and complete["status"] == "True":
        return Health(HealthStatus.HEALTHY, complete.get("message", ""))
    if (suspended := get_condition(obj, "Suspended")) and suspended["status"] == "True":
        return Health(HealthStatus.SUSPENDED, suspended.get("message", ""))
    return _progressing("The Job runs.")


NOT_YET = "It runs, and is not ready yet."
RESTARTS_SICK = 2
_IMAGE_TROUBLE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
_CANNOT_BE_MADE = ("CreateContainerError", "RunContainerError")


def _pod(obj: RawObject) -> Health:
    status = _status(obj)
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for container in containers:
        if health := _container(container):
            return health
    match status.get("phase"):
        case "Succeeded":
            return HEALTHY
        case "Failed":
            return _degraded(status.get("message") or "The pod failed.")
        case "Running":
            ready = get_condition(obj, "Ready")
            if ready and ready["status"] == "True":
                return HEALTHY
            why = _why_unready(ready)
            return Health(HealthStatus.PROGRESSING, why, attention=why != NOT_YET)
        case _:
            return _progressing(status.get("message") or _why_pending(obj))


def _container(container: RawObject) -> Health | None:
    """What keeps a container from running, with what to do about it; None when nothing does."""
    name, waiting = container["name"], (container.get("state") or {}).get("waiting") or {}
    reason, detail = waiting.get("reason", ""), _sentence(waiting.get("message", ""))
    if reason in _IMAGE_TROUBLE:
        why = detail.removeprefix("Failed to pull image: ") or "The registry does not have it."
        return _degraded(
            f"The image of container {name} cannot be pulled: {why} Run its pipeline again, then "
            "promote the release that it makes."
        )
    if reason == "CrashLoopBackOff":
        return _degraded(_why_it_ends(container))
    if reason in _CANNOT_BE_MADE:
        return _degraded(f"Container {name} cannot be started: {detail or reason}")
    if reason == "CreateContainerConfigError":
        # A secret often comes a moment after what needs it: no failure yet.
        return _progressing(f"Container {name} waits for what it is configured with: {detail}")
    if container.get("restartCount", 0) >= RESTARTS_SICK and not container.get("ready"):
        # Between two crashes it runs for a moment: that is no other state.
        return _degraded(_why_it_ends(container))
    return None


def _why_it_ends(container: RawObject) -> str:
    """Without how often: a sentence that counts is a new one every time."""
    name = container["name"]
    last = (container.get("lastState") or {}).get("terminated") or {}
    if last.get("reason") == "OOMKilled":
        return (
            f"Container {name} needs more memory than it may have, again and again: raise its "
            "resources.limits.memory in score.yaml."
        )
    code = last.get("exitCode")
    if code == 0:
        return (
            f"Container {name} ends by itself without an error, again and again; a service must "
            "go on running: look at its command in score.yaml."
        )
    how = "" if code is None else f" with exit code {code}"
    return (
        f"Container {name} ends{how}, again and again: its last lines say why. Correct it and push."
    )


def _why_unready(ready: RawObject | None) -> str:
    message = (ready or {}).get("message", "")
    if (ready or {}).get("reason") == "NotListening":
        return _sentence(message)
    _, colon, check = message.partition("]: ")
    if colon:
        return (
            f"It runs, and its health check fails: {_sentence(check)} Look at the path and the "
            "port of its readinessProbe in score.yaml, and at its log."
        )
    return NOT_YET


def _why_pending(obj: RawObject) -> str:
    scheduled = get_condition(obj, "PodScheduled")
    if scheduled and scheduled["status"] == "False":
        return f"No node has room for it: {_sentence(scheduled.get('message', ''))}"
    return "It is starting."


def _sentence(text: str) -> str:
    """Ended by a full stop; the case of its first letter is its author's."""
    return text if text.endswith((".", "!", "?")) or not text else f"{text}."


def _service(obj: RawObject) -> Health:
    if obj["spec"].get("type") != "LoadBalancer":
        return HEALTHY
    if (_status(obj).get("loadBalancer") or {}).get("ingress"):
        return HEALTHY
    return _progressing("Waiting for the load balancer's address.")


def _healthy(obj: RawObject) -> Health:
    return HEALTHY


def _volume_claim(obj: RawObject) -> Health:
    match _status(obj).get("phase"):
        case "Bound":
            return HEALTHY
        case "Lost":
            return _degraded("The volume is lost.")
        case _:
            return _progressing("The volume is not bound yet.")


def _autoscaler(obj: RawObject) -> Health:
    active = get_condition(obj, "ScalingActive")
    if active and active["status"] == "False" and active["reason"].startswith("FailedGet"):
        return _degraded(active.get("message", ""))
    return Health(HealthStatus.HEALTHY, (active or {}).get("message", ""))


def _external_secret(obj: RawObject) -> Health:
    ready = get_condition(obj, "Ready")
    if ready is None or ready["status"] == "Unknown":
        return _progressing("Waiting for the secret.")
    if ready["status"] == "True":
        return HEALTHY
    # A composite's connection Secret comes a moment after its ExternalSecret: that is progress.
    if "not found" in ready.get("message", "").lower() or "does not exist" in ready.get(
        "message", ""
    ):
        return _progressing(ready["message"])
    return _degraded(ready.get("message", ""))


def _by_ready_condition(obj: RawObject) -> Health | None:
    """Composites, managed resources, our own kinds, and most others of the ecosystem."""
    synced = get_condition(obj, "Synced")
    if synced and synced["status"] == "False" and synced["reason"] == "ReconcileError":
        return _degraded(synced.get("message", ""))
    ready = get_condition(obj, "Ready") or get_condition(obj, "Available")
    if ready is not None:
        if ready["status"] == "True":
            return HEALTHY
        if ready["reason"] in ("Creating", "Deleting", "Progressing", "Unavailable", "Pending"):
            return _progressing(ready.get("message") or ready["reason"])
        if ready["status"] == "Unknown":
            return _progressing(ready.get("message", ""))
        return _degraded(ready.get("message") or ready["reason"])
    if obj["apiVersion"].startswith("offerings."):
        return _progressing("Waiting for it to be composed.")
    return None


_JUDGES: dict[tuple[str, str], Callable[[RawObject], Health]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _healthy,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _volume_claim,
    # As on a cluster without a load balancer: an Ingress is well once it is accepted.
    ("networking.k8s.io", "Ingress"): _healthy,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("external-secrets.io", "ExternalSecret"): _external_secret,
}

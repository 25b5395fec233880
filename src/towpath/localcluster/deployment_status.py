"""What a Deployment's status says: numbers, and the conditions Available, Progressing and failures.

Pure: from the deployment and its ReplicaSets to the status, and when to look again.
"""

from datetime import datetime

from towpath.localcluster.podtemplate import parse_time
from towpath.localcluster.rollout import Bounds, bounds
from towpath.machinery.conditions import get_condition, timestamp
from towpath.machinery.objects import RawObject, key_of

PROGRESS_DEADLINE_S = 600


def status_of(
    deployment: RawObject, new: RawObject | None, old: list[RawObject], moment: datetime
) -> tuple[RawObject, float | None]:
    every = [*old, *([new] if new else [])]
    wanted = int(deployment["spec"].get("replicas", 1))
    status: RawObject = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": _sum(every, "replicas"),
        "updatedReplicas": _sum([new] if new else [], "replicas"),
        "readyReplicas": _sum(every, "readyReplicas"),
        "availableReplicas": _sum(every, "availableReplicas"),
    }
    status["unavailableReplicas"] = max(
        0, max(wanted, status["replicas"]) - status["availableReplicas"]
    )
    for name in ("unavailableReplicas", "readyReplicas", "availableReplicas"):
        if not status[name]:
            del status[name]
    progressing, again_s = _progressing(deployment, new, status, wanted, moment)
    conditions = [_available(deployment, status, wanted, moment), progressing]
    if failure := _failure(every):
        conditions.append(_condition(deployment, "ReplicaFailure", True, *failure, moment))
    status["conditions"] = conditions
    return status, again_s


def _sum(replica_sets: list[RawObject], field: str) -> int:
    return sum(int((one.get("status") or {}).get(field, 0)) for one in replica_sets)


def _failure(replica_sets: list[RawObject]) -> tuple[str, str] | None:
    for one in replica_sets:
        if condition := get_condition(one, "ReplicaFailure"):
            return condition["reason"], condition["message"]
    return None


def is_recreate(deployment: RawObject) -> bool:
    return bool((deployment["spec"].get("strategy") or {}).get("type") == "Recreate")


def limits_of(deployment: RawObject) -> Bounds:
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    return bounds(
        int(deployment["spec"].get("replicas", 1)),
        rolling.get("maxSurge", "25%"),
        rolling.get("maxUnavailable", "25%"),
    )


def _available(
    deployment: RawObject, status: RawObject, wanted: int, moment: datetime
) -> RawObject:
    spared = 0 if is_recreate(deployment) else limits_of(deployment).max_unavailable
    if status.get("availableReplicas", 0) >= wanted - spared:
        reason = "MinimumReplicasAvailable"
        text = "Deployment has minimum availability."
        return _condition(deployment, "Available", True, reason, text, moment)
    reason = "MinimumReplicasUnavailable"
    text = "Deployment does not have minimum availability."
    return _condition(deployment, "Available", False, reason, text, moment)


def is_complete(deployment: RawObject, status: RawObject) -> bool:
    wanted = int(deployment["spec"].get("replicas", 1))
    fields = ("updatedReplicas", "replicas", "availableReplicas")
    return all(int(status.get(field, 0)) == wanted for field in fields)


def _progressing(
    deployment: RawObject, new: RawObject | None, status: RawObject, wanted: int, moment: datetime
) -> tuple[RawObject, float | None]:
    known = get_condition(deployment, "Progressing") or {}
    if deployment["spec"].get("paused"):
        text = "Deployment is paused"
        return _condition(deployment, "Progressing", None, "DeploymentPaused", text, moment), None
    name = key_of(new).name if new else ""
    if is_complete(deployment, status):
        text = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition(
            deployment, "Progressing", True, "NewReplicaSetAvailable", text, moment
        ), None
    deadline_s = float(deployment["spec"].get("progressDeadlineSeconds", PROGRESS_DEADLINE_S))
    text = f'ReplicaSet "{name}" is progressing.'
    if _has_moved(deployment, status) or not known:
        moved = _condition(deployment, "Progressing", True, "ReplicaSetUpdated", text, moment)
        moved["lastUpdateTime"] = timestamp(moment)
        return moved, deadline_s + 1.0
    waited_s = (moment - parse_time(known.get("lastUpdateTime", timestamp(moment)))).total_seconds()
    if known.get("reason") == "ProgressDeadlineExceeded" or waited_s > deadline_s:
        text = f'ReplicaSet "{name}" has timed out progressing.'
        return _condition(
            deployment, "Progressing", False, "ProgressDeadlineExceeded", text, moment
        ), None
    kept = _condition(deployment, "Progressing", True, "ReplicaSetUpdated", text, moment)
    return kept, deadline_s - waited_s + 1.0


def _has_moved(deployment: RawObject, status: RawObject) -> bool:
    """More of the new, less of the old or more that serve: something happens."""
    before = deployment.get("status") or {}
    if before.get("observedGeneration") != status["observedGeneration"]:
        return True
    old_now = status["replicas"] - status["updatedReplicas"]
    old_before = int(before.get("replicas", 0)) - int(before.get("updatedReplicas", 0))
    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_now < old_before or any(
        int(status.get(field, 0)) > int(before.get(field, 0)) for field in grown
    )


def _condition(
    deployment: RawObject,
    condition_type: str,
    status: bool | None,
    reason: str,
    message: str,
    moment: datetime,
) -> RawObject:
    """Kubernetes' older shape of a condition, with lastUpdateTime."""
    word = {True: "True", False: "False", None: "Unknown"}[status]
    known = get_condition(deployment, condition_type) or {}
    now = timestamp(moment)
    same = known.get("status") == word and known.get("reason") == reason
    return {
        "type": condition_type,
        "status": word,
        "reason": reason,
        "message": message,
        "lastUpdateTime": known.get("lastUpdateTime", now) if same else now,
        "lastTransitionTime": known.get("lastTransitionTime", now)
        if known.get("status") == word
        else now,
    }

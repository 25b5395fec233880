"""Conditions: what a status says to people. One stable sentence each, with the next place to look.

Shape and semantics are those of Kubernetes' metav1.Condition; `lastTransitionTime` moves only when
`status` changes, so that an unchanged condition is an unchanged object.
"""

from datetime import UTC, datetime
from functools import lru_cache
from time import time

from towpath.machinery.objects import RawObject


def timestamp(moment: datetime) -> str:
    """RFC 3339 with seconds, as the API writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    return _timestamp_of(int(time()))


@lru_cache(maxsize=1)
def _timestamp_of(second: int) -> str:
    """A write asks three times, and thousands of writes share a second."""
    return timestamp(datetime.fromtimestamp(second, UTC))


def get_condition(obj: RawObject, condition_type: str) -> RawObject | None:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == condition_type:
            return dict(condition)
    return None


def is_true(obj: RawObject, condition_type: str) -> bool:
    condition = get_condition(obj, condition_type)
    return condition is not None and condition["status"] == "True"


def set_condition(
    obj: RawObject, condition_type: str, *, status: bool | None, reason: str, message: str = ""
) -> None:
    """Set one condition in obj's status; `status` None means Unknown."""
    words = {True: "True", False: "False", None: "Unknown"}
    new: RawObject = {
        "type": condition_type,
        "status": words[status],
        "reason": reason,
        "message": message,
        "lastTransitionTime": now(),
    }
    if generation := obj["metadata"].get("generation"):
        new["observedGeneration"] = generation
    conditions: list[RawObject] = obj.setdefault("status", {}).setdefault("conditions", [])
    for index, old in enumerate(conditions):
        if old["type"] == condition_type:
            if old["status"] == new["status"]:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[index] = new
            return
    conditions.append(new)

"""Pods from a template: their names, labels and owner, and which of them still count."""

import copy
import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from towpath.localcluster.nodes import NODE_NAME
from towpath.machinery.conditions import get_condition, is_true
from towpath.machinery.core_kinds import POD
from towpath.machinery.objects import RawObject, is_deleting, labels_of, owner_reference

TEMPLATE_HASH = "pod-template-hash"
# No vowels and no look-alikes, as Kubernetes chooses them.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_NAME_MAX = 63


def random_suffix() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def hash_of(template: RawObject) -> str:
    """Ten letters that stand for the template's content."""
    text = json.dumps(without_hash(template), sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    letters = ""
    for _ in range(10):
        number, index = divmod(number, len(_LETTERS))
        letters += _LETTERS[index]
    return letters


def without_hash(template: RawObject) -> RawObject:
    plain = copy.deepcopy(template)
    metadata: RawObject = plain.get("metadata") or {}
    labels = metadata.get("labels") or {}
    labels.pop(TEMPLATE_HASH, None)
    # Different spellings of nothing are the same template.
    plain["metadata"] = {key: value for key, value in metadata.items() if value}
    return plain


def pod_of(owner: RawObject, template: RawObject, name: str) -> RawObject:
    """A new pod of the owner's template, already on the one node there is."""
    metadata = template.get("metadata") or {}
    pod = POD.object(name, owner["metadata"]["namespace"])
    pod["metadata"]["labels"] = dict(metadata.get("labels") or {})
    if metadata.get("annotations"):
        pod["metadata"]["annotations"] = dict(metadata["annotations"])
    pod["metadata"]["ownerReferences"] = [owner_reference(owner)]
    pod["spec"] = {**copy.deepcopy(template["spec"]), "nodeName": NODE_NAME}
    return pod


def pod_name(prefix: str) -> str:
    return f"{prefix[: _NAME_MAX - 6]}-{random_suffix()}"


def phase_of(pod: RawObject) -> str:
    return str((pod.get("status") or {}).get("phase") or "Pending")


def is_active(pod: RawObject) -> bool:
    """It runs or will run: neither finished nor on its way out."""
    return not is_deleting(pod) and phase_of(pod) not in ("Succeeded", "Failed")


def is_ready(pod: RawObject) -> bool:
    return is_true(pod, "Ready")


def ready_since(pod: RawObject) -> datetime | None:
    return true_since(pod, "Ready")


def true_since(obj: RawObject, condition_type: str) -> datetime | None:
    condition = get_condition(obj, condition_type)
    if condition is None or condition["status"] != "True":
        return None
    return parse_time(condition["lastTransitionTime"])


def available_in_s(pod: RawObject, min_ready_s: int, now: datetime) -> float | None:
    """Seconds until the pod has been ready long enough: 0 is available, None not ready at all."""
    since = ready_since(pod)
    if since is None:
        return None
    # Conditions have whole seconds, so a moment just written may look like the future.
    return max(0.0, min_ready_s - max(0.0, (now - since).total_seconds())) if min_ready_s else 0.0


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc_now() -> datetime:
    return datetime.now(UTC)


def cheapest_to_lose(pods: Iterable[RawObject]) -> list[RawObject]:
    """In the order in which a controller gives pods up: unstarted, unready, youngest first."""
    order = {"Pending": 0, "Unknown": 1}
    # Two sorts: a stable sort keeps the youngest first within equal ranks.
    youngest = sorted(pods, key=lambda pod: pod["metadata"]["creationTimestamp"], reverse=True)
    return sorted(youngest, key=lambda pod: (order.get(phase_of(pod), 2), is_ready(pod)))


def has_labels(obj: RawObject, wanted: RawObject) -> bool:
    labels = labels_of(obj)
    return all(labels.get(key) == value for key, value in wanted.items())

"""Pods: what is particular to them beside their spec, and which changes of it are refused."""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import INT32_MAX
from towpath.apiserver.kinds.podspec.spec import (
    default_pod_spec,
    prepare_pod_spec,
    validate_pod_spec,
)
from towpath.machinery.causes import forbidden, invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

LOST_NODE_S = 300
CONTAINER_LISTS = ("initContainers", "containers")
MUTABLE_POD_FIELDS = (
    "ephemeralContainers",  # by a subresource of their own, which `writing.confine` sees to
    "activeDeadlineSeconds",
    "tolerations",
    "schedulingGates",
)
GATED: RawObject = {
    "lastProbeTime": None,
    "message": "Scheduling is blocked due to non-empty scheduling gates",
    "reason": "SchedulingGated",
    "status": "False",
    "type": "PodScheduled",
}
"""The condition of a pod that begins with gates."""
GATED_POD_FIELDS = ("nodeSelector", "affinity")


def containers_of(spec: RawObject) -> Iterator[RawObject]:
    for name in CONTAINER_LISTS:
        for container in spec.get(name) or ():
            if isinstance(container, dict):
                yield container


def default_pod(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in containers_of(spec):
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))
        # What is limited and not asked for is asked for as much as it is limited.
        resources = container["resources"]
        for name, quantity in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, quantity)


def prepare_pod(obj: RawObject, old: RawObject | None) -> None:
    if isinstance(obj.get("spec"), dict):
        prepare_pod_spec(obj["spec"])
        _tolerate_lost_nodes(obj["spec"])
    if old is None:
        spec = obj.get("spec") or {}
        spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = spec["serviceAccountName"]
        obj["status"] = {"phase": "Pending", "qosClass": quality_of(spec)}
        if spec.get("schedulingGates"):
            obj["status"]["conditions"] = [{**GATED, "lastTransitionTime": None}]


def _tolerate_lost_nodes(spec: RawObject) -> None:
    """For some minutes, unless the pod says how long."""
    tolerations = spec.get("tolerations") or []
    for name in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{name}"
        if not any(
            one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "")
            for one in tolerations
        ):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": LOST_NODE_S,
                }
            )
    spec["tolerations"] = tolerations


def quality_of(spec: RawObject) -> str:
    asked = [container.get("resources") or {} for container in containers_of(spec)]
    if not any(resources.get("requests") or resources.get("limits") for resources in asked):
        return "BestEffort"
    for resources in asked:
        limits = resources.get("limits") or {}
        if not {"cpu", "memory"} <= set(limits) or (resources.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def validate_pod(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(validate_pod_spec(obj.get("spec") or {}, "spec", of_pod=True))
    if old is None and (obj.get("spec") or {}).get("ephemeralContainers"):
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if old is not None:
        causes += _validate_pod_change(obj.get("spec") or {}, old.get("spec") or {})
    return causes


def _validate_pod_change(spec: RawObject, old: RawObject) -> list[Cause]:
    """Images, deadlines and tolerations of a pod change; nothing else does."""
    for name in CONTAINER_LISTS[::-1]:
        if len(spec.get(name) or ()) != len(old.get(name) or ()):
            words = "pod updates may not add or remove containers"
            return [forbidden(f"spec.{name}", words)]
    causes = [*_deadline_causes(spec, old), *_toleration_changes(spec, old)]
    causes += _gate_changes(spec, old)
    gated = bool(old.get("schedulingGates"))
    if not old.get("nodeName"):
        # Who schedules writes it; there by a subresource of its own.
        old = {**old, "nodeName": spec.get("nodeName")}
    if _fixed(spec, gated) != _fixed(old, gated):
        causes.append(forbidden("spec", FIXED_WORDS))
    return causes


FIXED_WORDS = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
    "set to 1 if it was previously negative)"
)


def _fixed(one: RawObject, gated: bool) -> RawObject:
    """What stays as it is; where a pod runs is open as long as a gate holds it back."""
    open_fields = (*MUTABLE_POD_FIELDS, *(GATED_POD_FIELDS if gated else ()))
    kept = {name: one[name] for name in one if name not in open_fields and one[name] is not None}
    for name in CONTAINER_LISTS:
        kept[name] = [{**container, "image": None} for container in one.get(name) or ()]
    return kept


def _deadline_causes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    field = "spec.activeDeadlineSeconds"
    after, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if after is not None:
        if not 0 <= after <= INT32_MAX:
            yield invalid_value(field, after, f"must be between 0 and {INT32_MAX}, inclusive")
        elif before is not None and after > before:
            yield invalid_value(field, after, "must be less than or equal to previous value")
    elif before is not None:
        yield invalid_value(field, None, "must not update from a positive integer to nil value")


def _gate_changes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    known = [gate.get("name") for gate in old.get("schedulingGates") or ()]
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        if (name := gate.get("name")) not in known:
            words = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", words)


def _toleration_changes(spec: RawObject, old: RawObject) -> Iterator[Cause]:
    """Tolerations are added; of those that are there only the seconds change."""

    def plain(toleration: RawObject) -> RawObject:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    now = [plain(toleration) for toleration in spec.get("tolerations") or ()]
    if any(plain(before) not in now for before in old.get("tolerations") or ()):
        words = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", words)

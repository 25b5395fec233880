"""Small kinds: leases, events, classes, revisions, accounts, volumes. What each of them refuses."""

from collections.abc import Iterator
from datetime import UTC, datetime

from towpath.apiserver.kinds.containers import named, not_negative, one_of
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.conditions import timestamp
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    label_errors,
    label_value_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
PRIORITY_MAX = 1_000_000_000
SYSTEM_PRIORITIES = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
RECLAIM_POLICIES = ("Delete", "Retain")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
GATED_LEASE_FIELDS = ("strategy", "preferredHolder")
EVENT_FIELD_LENGTH_MAX, EVENT_MESSAGE_LENGTH_MAX = 128, 1024
IMMUTABLE = "field is immutable"
IMMUTABLE_CLAIM = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)


def _prepare_lease(obj: RawObject, _old: RawObject | None) -> None:
    """Fields of features that Kubernetes has switched off are dropped."""
    for name in GATED_LEASE_FIELDS:
        (obj.get("spec") or {}).pop(name, None)


def _validate_lease(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        words = "must be greater than 0"
        causes.append(invalid_value("spec.leaseDurationSeconds", duration, words))
    return causes + list(not_negative("spec.leaseTransitions", spec.get("leaseTransitions")))


def _validate_event(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    """Events with an eventTime are of the newer form, which says more."""
    namespace = obj["metadata"].get("namespace") or ""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    newer = bool(obj.get("eventTime"))
    anywhere = ("default", "kube-system") if newer else ("default",)
    causes: list[Cause] = []
    if (namespace not in anywhere) if not about else (not newer and about != namespace):
        words = "does not match event.namespace"
        causes.append(invalid_value("involvedObject.namespace", about, words))
    return causes + (_newer_event_causes(obj) if newer else [])


def _newer_event_causes(obj: RawObject) -> list[Cause]:
    causes: list[Cause] = []
    component = obj.get("reportingComponent") or ""
    if not component:
        causes.append(required("reportingComponent"))
    problems = qualified_name_errors(component)
    causes += [invalid_value("reportingComponent", component, problem) for problem in problems]
    for name in ("reportingInstance", "action", "reason"):
        text = obj.get(name) or ""
        if not text:
            causes.append(required(name))
        if len(text) > EVENT_FIELD_LENGTH_MAX:
            words = f"can have at most {EVENT_FIELD_LENGTH_MAX} characters"
            causes.append(invalid_value(name, "", words))
    if len(obj.get("message") or "") > EVENT_MESSAGE_LENGTH_MAX:
        words = f"can have at most {EVENT_MESSAGE_LENGTH_MAX} characters"
        causes.append(invalid_value("message", "", words))
    return causes


def _default_priority(obj: RawObject) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _validate_priority(obj: RawObject, old: RawObject | None) -> list[Cause]:
    policy = obj.get("preemptionPolicy")
    causes: list[Cause] = []
    if old is None:
        name, value = obj["metadata"].get("name") or "", obj.get("value", 0)
        if name.startswith("system-") and SYSTEM_PRIORITIES.get(name) != value:
            words = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {name} is not a known system priority class"
            )
            causes.append(forbidden("metadata.name", words))
        elif name not in SYSTEM_PRIORITIES and value > PRIORITY_MAX:
            words = f"maximum allowed value of a user defined priority is {PRIORITY_MAX}"
            causes.append(forbidden("value", words))
        return causes + list(one_of("preemptionPolicy", policy, PREEMPTION_POLICIES))
    if obj.get("value") != old.get("value"):
        causes.append(forbidden("value", "may not be changed in an update."))
    if policy != old.get("preemptionPolicy"):
        causes.append(invalid_value("preemptionPolicy", policy, IMMUTABLE))
    return causes


def _default_storage_class(obj: RawObject) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _validate_storage_class(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = []
    if old is not None:
        for name in ("parameters", "provisioner", "reclaimPolicy"):
            if (obj.get(name) or None) != (old.get(name) or None):
                causes.append(forbidden(name, f"updates to {name} are forbidden."))
        if obj.get("volumeBindingMode") != old.get("volumeBindingMode"):
            found = obj.get("volumeBindingMode")
            causes.append(invalid_value("volumeBindingMode", found, IMMUTABLE))
        return causes
    if not obj.get("provisioner"):
        causes.append(required("provisioner"))
    elif qualified_name_errors(obj["provisioner"].lower()):
        words = qualified_name_errors(obj["provisioner"].lower())
        causes += named("provisioner", obj["provisioner"], words)
    if obj.get("reclaimPolicy") not in RECLAIM_POLICIES:
        causes.append(unsupported("reclaimPolicy", obj.get("reclaimPolicy"), RECLAIM_POLICIES))
    if obj.get("volumeBindingMode") not in BINDING_MODES:
        found = obj.get("volumeBindingMode")
        causes.append(unsupported("volumeBindingMode", found, BINDING_MODES))
    return causes


def _validate_revision(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = []
    data = obj.get("data")
    if data is None and old is None:
        causes.append(required("data", "data is mandatory"))
    elif data is not None and not isinstance(data, dict):
        causes.append(required("data", "data must be a valid JSON object"))
    causes += not_negative("revision", obj.get("revision", 0))
    if old is not None and old.get("data") != data:
        causes.append(invalid_value("data", data, IMMUTABLE))
    return causes


def _prepare_account(obj: RawObject, _old: RawObject | None) -> None:
    """Of the secrets only their names are kept."""
    for secret in obj.get("secrets") or ():
        for name in [name for name in secret if name != "name"]:
            del secret[name]


def _default_volume(obj: RawObject) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")
        if (path := spec.get("hostPath")) is not None:
            path.setdefault("type", "")


def _prepare_volume(obj: RawObject, old: RawObject | None) -> None:
    if old is None:
        moment = timestamp(datetime.now(UTC))
        obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": moment}


def _validate_volume(obj: RawObject, old: RawObject | None) -> list[Cause]:
    if old is None:
        return []
    before, after = (
        {
            name: value
            for name, value in (one.get("spec") or {}).items()
            if name not in OPEN_VOLUME_FIELDS
        }
        for one in (old, obj)
    )
    if before == after:
        return []
    field = "spec.persistentvolumesource"
    return [forbidden(field, f"{field} is immutable after creation")]


OPEN_VOLUME_FIELDS = frozenset(
    (
        *("accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity", "volumeMode"),
        *("persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName"),
    )
)
"""What a volume may change; where it is stays."""


def _default_claim(obj: RawObject) -> None:
    if isinstance(obj.get("spec"), dict):
        obj["spec"].setdefault("volumeMode", "Filesystem")


def _prepare_claim(obj: RawObject, old: RawObject | None) -> None:
    if old is None:
        obj["status"] = {"phase": "Pending"}


def _validate_claim(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(claim_causes(obj.get("spec") or {}, "spec"))
    if old is not None:
        bound = (old.get("status") or {}).get("phase") == "Bound"
        open_fields = ["resources"] if bound else []
        if not (old.get("spec") or {}).get("volumeName"):
            open_fields.append("volumeName")  # by whoever binds the claim to a volume
        before, after = (
            {**(one.get("spec") or {}), **dict.fromkeys(open_fields)} for one in (old, obj)
        )
        if before != after:
            causes.append(forbidden("spec", IMMUTABLE_CLAIM))
    return causes


def claim_causes(spec: RawObject, path: str) -> Iterator[Cause]:
    modes = spec.get("accessModes") or []
    if not modes:
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    if (selector := spec.get("selector")) is not None:
        yield from selector_causes(selector, f"{path}.selector")
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield unsupported(f"{path}.accessModes", mode, ACCESS_MODES)
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield required(f"{path}.resources[storage]")
    if name := spec.get("storageClassName"):
        yield from named(f"{path}.storageClassName", name, subdomain_errors(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        yield unsupported(f"{path}.volumeMode", mode, VOLUME_MODES)


def _default_node(obj: RawObject) -> None:
    spec = obj.get("spec") or {}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    status = obj.get("status") or {}
    if "capacity" in status and "allocatable" not in status:
        status["allocatable"] = {**status["capacity"]}


def _validate_node(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes: list[Cause] = []
    before, after = (((one or {}).get("spec") or {}).get("podCIDRs") for one in (old, obj))
    if before and before != after:
        words = 'node updates may not change podCIDR except from "" to valid'
        causes.append(forbidden("spec.podCIDRs", words))
    for index, taint in enumerate((obj.get("spec") or {}).get("taints") or ()):
        field = f"metadata.taints[{index}]"
        key, value = taint.get("key") or "", taint.get("value") or ""
        causes += named(f"{field}.key", key, qualified_name_errors(key))
        causes += named(f"{field}.value", value, label_value_errors(value))
        effects = ("NoSchedule", "PreferNoSchedule", "NoExecute")
        causes += one_of(f"{field}.effect", taint.get("effect"), effects)
    return causes


def _default_driver(obj: RawObject) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        for name, value in DRIVER_DEFAULTS.items():
            if spec.get(name) is None:
                spec[name] = [*value] if isinstance(value, list) else value


def _validate_driver(obj: RawObject, old: RawObject | None) -> list[Cause]:
    before, after = (((one or obj).get("spec") or {}) for one in (old, obj))
    if before.get("attachRequired") == after.get("attachRequired"):
        return []
    # Spelt so there.
    return [invalid_value("spec.attachedRequired", after.get("attachRequired"), IMMUTABLE)]


DRIVER_DEFAULTS: RawObject = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "volumeLifecycleModes": ["Persistent"],
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def _validate_attributes(obj: RawObject, old: RawObject | None) -> list[Cause]:
    if old is None:
        name = obj.get("driverName") or ""
        if not name:
            return [required("driverName")]
        return list(named("driverName", name, subdomain_errors(name.lower())))
    causes: list[Cause] = []
    if obj.get("driverName") != old.get("driverName"):
        words = "updates to driverName are forbidden."
        causes.append(forbidden("driverName", words))
    if (obj.get("parameters") or {}) != (old.get("parameters") or {}):
        causes.append(forbidden("parameters", "updates to parameters are forbidden."))
    return causes


def _validate_runtime(obj: RawObject, old: RawObject | None) -> list[Cause]:
    handler = obj.get("handler") or ""
    if old is not None and handler != old.get("handler"):
        return [invalid_value("handler", handler, IMMUTABLE)]
    return list(named("handler", handler, label_errors(handler)))


ACCOUNT = Behaviour(prepare=_prepare_account, delete_returns_object=True)
CLAIM = Behaviour(
    default=_default_claim,
    prepare=_prepare_claim,
    validate=_validate_claim,
    delete_returns_object=True,
)
EVENT = Behaviour(validate=_validate_event)
LEASE = Behaviour(prepare=_prepare_lease, validate=_validate_lease)
NODE = Behaviour(default=_default_node, validate=_validate_node)
PRIORITY_CLASS = Behaviour(
    default=_default_priority, validate=_validate_priority, counts_generations=True
)
REVISION = Behaviour(validate=_validate_revision)
STORAGE_CLASS = Behaviour(
    default=_default_storage_class, validate=_validate_storage_class, delete_returns_object=True
)
DRIVER = Behaviour(default=_default_driver, validate=_validate_driver, delete_returns_object=True)
STORED = Behaviour(delete_returns_object=True)
"""Of kinds that storage drivers write, and nobody here acts on."""
ATTRIBUTES = Behaviour(validate=_validate_attributes, delete_returns_object=True)
RUNTIME = Behaviour(validate=_validate_runtime)
VOLUME = Behaviour(
    default=_default_volume,
    prepare=_prepare_volume,
    validate=_validate_volume,
    delete_returns_object=True,
)

"""Small kinds: leases, events, classes, revisions, accounts. What each of them refuses."""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, not_negative, one_of
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, show
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    label_errors,
    label_value_errors,
    network_errors,
    qualified_name_errors,
    subdomain_errors,
)
from towpath.machinery.objects import RawObject

PRIORITY_MAX = 1_000_000_000
SYSTEM_PRIORITIES = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
GATED_LEASE_FIELDS = ("strategy", "preferredHolder")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
EVENT_FIELD_LENGTH_MAX, EVENT_MESSAGE_LENGTH_MAX = 128, 1024
IMMUTABLE = "field is immutable"


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


def _validate_revision(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = []
    data = obj.get("data")
    if data is None and old is None:
        causes.append(required("data", "data is mandatory"))
    elif old is None and not isinstance(data, dict):
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


def _default_node(obj: RawObject) -> None:
    spec = obj.get("spec") or {}
    if spec.get("podCIDR") and not spec.get("podCIDRs"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    status = obj.get("status") or {}
    if "capacity" in status and "allocatable" not in status:
        status["allocatable"] = {**status["capacity"]}


def _validate_node(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    causes = list(_taints(spec.get("taints") or []))
    networks = spec.get("podCIDRs") or []
    for index, network in enumerate(networks):
        causes += named(f"spec.podCIDRs[{index}]", network, network_errors(network))
    if len(networks) > 1 and (len(networks) > 2 or len({":" in one for one in networks}) < 2):
        wrong = [(at, one) for at, one in enumerate(networks) if network_errors(one)]
        for at, one in wrong[:1]:
            why = f"invalid CIDR[{at}]: <nil> (invalid CIDR address: {one})"
            words = f"invalid PodCIDRs. failed to check with dual stack with error:{why}"
            causes.append(Cause("InternalError", f"Internal error: {words}", "spec.podCIDRs"))
        words = "may specify no more than one CIDR for each IP family"
        causes.append(invalid_value("spec.podCIDRs", networks, words))
    if old is None:
        return causes
    # Kubernetes looks at them as a node's and as a change.
    causes += _taints(spec.get("taints") or [])
    if (known := before.get("podCIDRs")) and known != networks:
        words = 'node updates may not change podCIDR except from "" to valid'
        causes.append(forbidden("spec.podCIDRs", words))
    if (provider := before.get("providerID")) and provider != spec.get("providerID"):
        words = 'node updates may not change providerID except from "" to valid'
        causes.append(forbidden("spec.providerID", words))
    if (before.get("externalID") or "") != (spec.get("externalID") or ""):
        causes.append(forbidden("spec.externalID", "may not be updated"))
    return causes


def _taints(taints: list[RawObject]) -> Iterator[Cause]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        field = f"metadata.taints[{index}]"
        key, value = taint.get("key") or "", taint.get("value") or ""
        yield from named(f"{field}.key", key, qualified_name_errors(key))
        if errors := label_value_errors(value):
            yield invalid_value(f"{field}.value", value, ";".join(errors))
        effect = taint.get("effect") or ""
        yield from one_of(f"{field}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            words = f"Duplicate value: {show(taint)}: taints must be unique by key and effect pair"
            yield Cause("FieldValueDuplicate", words, field)
        seen.add((key, effect))


def _prepare_node(obj: RawObject, _old: RawObject | None) -> None:
    """Of a feature that Kubernetes has taken away."""
    (obj.get("spec") or {}).pop("configSource", None)


def _warn_of_node(obj: RawObject, _old: RawObject | None) -> list[str]:
    if (obj.get("spec") or {}).get("externalID"):
        return ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]
    return []


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
EVENT = Behaviour(validate=_validate_event)
LEASE = Behaviour(prepare=_prepare_lease, validate=_validate_lease)
NODE = Behaviour(
    default=_default_node, prepare=_prepare_node, validate=_validate_node, warn=_warn_of_node
)
PRIORITY_CLASS = Behaviour(
    default=_default_priority,
    validate=_validate_priority,
    counts_generations=True,
    stays_first_generation=True,
)
REVISION = Behaviour(validate=_validate_revision)
DRIVER = Behaviour(default=_default_driver, validate=_validate_driver, delete_returns_object=True)
STORED = Behaviour(delete_returns_object=True)
"""Of kinds that storage drivers write, and nobody here acts on."""
ATTRIBUTES = Behaviour(validate=_validate_attributes, delete_returns_object=True)
RUNTIME = Behaviour(validate=_validate_runtime)

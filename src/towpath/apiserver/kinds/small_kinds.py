"""Kinds with few rules: leases, events, classes of priority and runtime, revisions, accounts."""

from towpath.apiserver.kinds.checks import named, not_negative, one_of
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    label_errors,
    qualified_name_errors,
)
from towpath.machinery.objects import RawObject

PRIORITY_MAX = 1_000_000_000
SYSTEM_PRIORITIES = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
GATED_LEASE_FIELDS = ("strategy", "preferredHolder")
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


def _validate_runtime(obj: RawObject, old: RawObject | None) -> list[Cause]:
    handler = obj.get("handler") or ""
    if old is not None and handler != old.get("handler"):
        return [invalid_value("handler", handler, IMMUTABLE)]
    return list(named("handler", handler, label_errors(handler)))


ACCOUNT = Behaviour(prepare=_prepare_account, delete_returns_object=True)
EVENT = Behaviour(validate=_validate_event)
LEASE = Behaviour(prepare=_prepare_lease, validate=_validate_lease)
PRIORITY_CLASS = Behaviour(
    default=_default_priority,
    validate=_validate_priority,
    counts_generations=True,
    stays_first_generation=True,
)
REVISION = Behaviour(validate=_validate_revision)
RUNTIME = Behaviour(validate=_validate_runtime)

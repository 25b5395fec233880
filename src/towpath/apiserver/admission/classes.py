"""What objects get from the class or account that they name, or from the one that is the default.

Priorities, runtimes, storage and ingresses have classes; a pod acts as a service account.
"""

from typing import NamedTuple

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.small_kinds import SYSTEM_PRIORITIES
from towpath.machinery.objects import RawObject

PODS = "core/pods"
ACCOUNTS = "core/serviceaccounts"
PRIORITIES = "scheduling.k8s.io/priorityclasses"
RUNTIMES = "node.k8s.io/runtimeclasses"


class Classes(NamedTuple):
    field: str
    """That names a class."""
    collection: str
    mark: str
    """The annotation of a default one."""


CLASSES = {
    "core/persistentvolumeclaims": Classes(
        "storageClassName",
        "storage.k8s.io/storageclasses",
        "storageclass.kubernetes.io/is-default-class",
    ),
    "networking.k8s.io/ingresses": Classes(
        "ingressClassName",
        "networking.k8s.io/ingressclasses",
        "ingressclass.kubernetes.io/is-default-class",
    ),
}
INGRESS_CLASS = "kubernetes.io/ingress.class"
"""The annotation that named the class of an ingress before there was a field."""


async def default_class(core: Core, operation: Operation) -> None:
    if operation.kind != "CREATE":
        return
    classes = CLASSES[operation.served.collection]
    spec, annotations = operation.obj.get("spec"), operation.obj["metadata"].get("annotations")
    if not isinstance(spec, dict) or spec.get(classes.field) is not None:
        return
    if INGRESS_CLASS in (annotations or {}):
        return
    marked = (
        loads(stored.value)["metadata"]
        for _, stored in core.store.scan(classes.collection)
        if classes.mark.encode() in stored.value
    )
    defaults = [
        each for each in marked if (each.get("annotations") or {}).get(classes.mark) == "true"
    ]
    if defaults:
        newest = max(each["creationTimestamp"] for each in defaults)
        names = [each["name"] for each in defaults if each["creationTimestamp"] == newest]
        spec[classes.field] = min(names)


async def pod_classes(core: Core, operation: Operation) -> None:
    if operation.kind != "CREATE":
        return
    spec = operation.obj.get("spec")
    if isinstance(spec, dict) and not operation.target.subresource:
        _require_account(core, operation, spec)
        _assign_priority(core, operation, spec)
        if spec.get("runtimeClassName"):
            _assign_runtime(core, operation, spec)


def _require_account(core: Core, operation: Operation, spec: RawObject) -> None:
    """All but the one that each namespace gets a moment after it is made."""
    name = spec.get("serviceAccountName")
    if name == "default" or core.store.get(ACCOUNTS, f"{operation.namespace}/{name}"):
        return
    why = (
        f"error looking up service account {operation.namespace}/{name}: "
        f'serviceaccount "{name}" not found'
    )
    raise refusals.forbidden(operation.served, operation.name, why)


def _assign_priority(core: Core, operation: Operation, spec: RawObject) -> None:
    chosen = _priority_class(core, operation, spec)
    if chosen:
        spec["priorityClassName"] = chosen["metadata"]["name"]
    computed = chosen.get("value", 0)
    given = spec.setdefault("priority", computed)
    if given != computed:
        why = (
            f"the integer value of priority ({given}) must not be provided in pod spec; priority "
            f"admission controller computed {computed} from the given PriorityClass name"
        )
        raise refusals.forbidden(operation.served, operation.name, why)
    spec.setdefault("preemptionPolicy", chosen.get("preemptionPolicy", "PreemptLowerPriority"))


def _priority_class(core: Core, operation: Operation, spec: RawObject) -> RawObject:
    if name := spec.get("priorityClassName"):
        stored = core.store.get(PRIORITIES, name)
        if stored is None:
            why = f"no PriorityClass with name {name} was found"
            raise refusals.forbidden(operation.served, operation.name, why)
        return dict(loads(stored.value))
    defaults = [
        each
        for _, stored in core.store.scan(PRIORITIES)
        if b'"globalDefault":true' in stored.value
        and (each := loads(stored.value)).get("globalDefault")
    ]
    return min(defaults, key=lambda each: each.get("value", 0), default={})


def _assign_runtime(core: Core, operation: Operation, spec: RawObject) -> None:
    name = spec["runtimeClassName"]
    stored = core.store.get(RUNTIMES, name)
    if stored is None:
        why = f'pod rejected: RuntimeClass "{name}" not found'
        raise refusals.forbidden(operation.served, operation.name, why)
    chosen = loads(stored.value)
    if fixed := (chosen.get("overhead") or {}).get("podFixed"):
        spec["overhead"] = fixed
    scheduling = chosen.get("scheduling") or {}
    if selector := scheduling.get("nodeSelector"):
        spec["nodeSelector"] = {**selector, **(spec.get("nodeSelector") or {})}
    known = spec.get("tolerations") or []
    added = [each for each in scheduling.get("tolerations") or () if each not in known]
    if added:
        spec["tolerations"] = [*known, *added]


async def immortal_priorities(_core: Core, operation: Operation) -> None:
    if operation.kind == "DELETE" and operation.name in SYSTEM_PRIORITIES:
        why = "this is a system priority class and cannot be deleted"
        raise refusals.forbidden(operation.served, operation.name, why)

"""What one object uses, in the names that quotas limit, and what a namespace uses altogether."""

from collections.abc import Iterable
from fractions import Fraction

from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.pods import containers_of
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity
from towpath.store.contract import Store

Usage = dict[str, Fraction]

PODS, SERVICES, CLAIMS = "core/pods", "core/services", "core/persistentvolumeclaims"
COUNTED = (
    "pods",
    "services",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "resourcequotas",
)
"""Core resources that quotas may count by their bare name."""
ENDED = ("Succeeded", "Failed")
COMPUTE = ("cpu", "memory", "ephemeral-storage")
NODE_PORT_TYPES = ("NodePort", "LoadBalancer")


def collections_of(names: Iterable[str]) -> set[str]:
    """The collections whose objects count against these limits."""
    return {_collection_of(name) for name in names}


def _collection_of(name: str) -> str:
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return f"{group or 'core'}/{plural}"
    if name.startswith("services"):
        return SERVICES
    if name == "requests.storage" or "storageclass.storage.k8s.io" in name:
        return CLAIMS
    return f"core/{name}" if name in COUNTED else PODS


def usage_of(collection: str, obj: RawObject) -> Usage:
    group, _, plural = collection.partition("/")
    usage: Usage = {f"count/{plural}" + ("" if group == "core" else f".{group}"): Fraction(1)}
    if group == "core" and plural in COUNTED:
        usage[plural] = Fraction(1)
    spec = obj.get("spec") or {}
    if collection == PODS:
        if (obj.get("status") or {}).get("phase") in ENDED:
            del usage["pods"]
        else:
            usage |= _compute(spec)
    elif collection == SERVICES:
        if spec.get("type") in NODE_PORT_TYPES:
            usage["services.nodeports"] = Fraction(len(spec.get("ports") or ()))
        if spec.get("type") == "LoadBalancer":
            usage["services.loadbalancers"] = Fraction(1)
    elif collection == CLAIMS:
        requests = (spec.get("resources") or {}).get("requests") or {}
        if "storage" in requests:
            usage["requests.storage"] = parse_quantity(str(requests["storage"]))
    return usage


def _compute(spec: RawObject) -> Usage:
    """Containers together, or one init container if that alone needs more."""
    usage: Usage = {}
    for part in ("requests", "limits"):
        for name in COMPUTE:
            running = _sum(spec.get("containers") or (), part, name)
            starting = [_amount(one, part, name) for one in spec.get("initContainers") or ()]
            amount = max([running, *starting])
            if amount:
                usage[f"{part}.{name}"] = amount
                if part == "requests":
                    usage[name] = amount
    return usage


def _sum(containers: Iterable[RawObject], part: str, name: str) -> Fraction:
    return sum((_amount(one, part, name) for one in containers), Fraction(0))


def _amount(container: RawObject, part: str, name: str) -> Fraction:
    quantity = ((container.get("resources") or {}).get(part) or {}).get(name)
    return parse_quantity(str(quantity)) if quantity is not None else Fraction(0)


def unspecified(spec: RawObject, names: Iterable[str]) -> list[str]:
    """Limited amounts that some container does not state, as Kubernetes lists them."""
    found = []
    for name in sorted(names):
        part, _, resource = name.rpartition(".")
        if resource not in COMPUTE:
            continue
        missing = [
            container.get("name", "")
            for container in containers_of(spec)
            if resource not in ((container.get("resources") or {}).get(part or "requests") or {})
        ]
        if missing:
            found.append(f"{name} for: {','.join(missing)}")
    return found


def takes(quota: RawObject, collection: str, obj: RawObject) -> bool:
    """Whether the quota's scopes include the object. Scopes are about pods only."""
    scopes = (quota.get("spec") or {}).get("scopes") or ()
    if not scopes:
        return True
    if collection != PODS:
        return False
    spec = obj.get("spec") or {}
    best_effort = not any(
        (container.get("resources") or {}).get("requests")
        or (container.get("resources") or {}).get("limits")
        for container in containers_of(spec)
    )
    ends = spec.get("activeDeadlineSeconds") is not None
    answers = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": ends,
        "NotTerminating": not ends,
    }
    return all(answers.get(scope, False) for scope in scopes)


def used_in(store: Store, namespace: str, quota: RawObject) -> Usage:
    """What the namespace uses of everything that the quota limits."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    used: Usage = dict.fromkeys(hard, Fraction(0))
    prefix = f"{namespace}/"
    for collection in collections_of(hard):
        names = [name for name in hard if _collection_of(name) == collection]
        if collection not in (PODS, SERVICES, CLAIMS):
            for name in names:
                used[name] += store.count(collection, prefix)
            continue
        for _, stored in store.scan(collection, prefix):
            obj = loads(stored.value)
            if takes(quota, collection, obj):
                usage = usage_of(collection, obj)
                for name in names:
                    used[name] += usage.get(name, 0)
    return used

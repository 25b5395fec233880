"""Rows of services and networks, configuration, nodes, access, policies and events."""

from datetime import datetime
from typing import Any

from towpath.machinery.durations import human_duration
from towpath.machinery.objects import RawObject
from towpath.machinery.tables.columns import age_of, name_of, since
from towpath.machinery.tables.workloads import labels_text, parts, selector_text

SERVICE = "Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector*"
INGRESS = "Name, Class, Hosts, Address, Ports, Age"
INGRESS_CLASS = "Name, Controller, Parameters, Age"
NETWORK_POLICY = "Name, Pod-Selector, Age"
ENDPOINTS = "Name, Endpoints, Age"
ENDPOINT_SLICE = "Name, AddressType, Ports, Endpoints, Age"
CONFIG_MAP = "Name, Data, Age"
SECRET = "Name, Type, Data, Age"  # noqa: S105
NAME_AND_AGE = "Name, Age"
NAMESPACE = "Name, Status, Age"
QUOTA = "Name, Request, Limit, Age"
NODE = (
    "Name, Status, Roles, Age, Version, Internal-IP*, External-IP*, OS-Image*, Kernel-Version*, "
    "Container-Runtime*"
)
EVENT = "Last Seen, Type, Reason, Object, Subobject*, Source*, Message, First Seen*, Count*, Name*"
BINDING = "Name, Role, Age, Users*, Groups*, ServiceAccounts*"
LEASE = "Name, Holder, Age"
POLICY = "Name, Validations:integer, ParamKind, Age"
MUTATING_POLICY = "Name, Mutations:integer, ParamKind, Age"
POLICY_BINDING = "Name, PolicyName, ParamRef, Age"
WEBHOOKS = "Name, Webhooks:integer, Age"
VOLUME = (
    "Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, "
    "VolumeAttributesClass, Reason, Age, VolumeMode*"
)
CLAIM = (
    "Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, "
    "VolumeMode*"
)
STORAGE_CLASS = "Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age"
SCALE = "Name, Desired:integer, Available:integer, Age"
CERTIFICATE_REQUEST = "Name, Age, SignerName, Requestor, RequestedDuration, Condition"
PRIORITY_CLASS = "Name, Value:integer, Global-Default:boolean, Age, PreemptionPolicy"
FLOW_SCHEMA = "Name, PriorityLevel, MatchingPrecedence, DistinguisherMethod, Age, MissingPL"
PRIORITY_LEVEL = "Name, Type, NominalConcurrencyShares, Queues, HandSize, QueueLengthLimit, Age"

_SHOWN_MAX = 3
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _some(items: list[str], none: str) -> str:
    """The first few, and how many more."""
    if not items:
        return none
    text = ",".join(items[:_SHOWN_MAX])
    return text if len(items) <= _SHOWN_MAX else f"{text} + {len(items) - _SHOWN_MAX} more..."


def service(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP") or "<none>"]
    ports = []
    for port in spec.get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    return [
        name_of(obj),
        spec.get("type", "ClusterIP"),
        addresses[0],
        _external(spec, status),
        ",".join(ports) or "<none>",
        age_of(obj, now),
        labels_text(spec.get("selector")),
    ]


def _external(spec: RawObject, status: RawObject) -> str:
    own = spec.get("externalIPs") or []
    match spec.get("type", "ClusterIP"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            return ",".join([*_balancers(status), *own]) or "<pending>"
        case _:
            return ",".join(own) or "<none>"


def _balancers(status: RawObject) -> list[str]:
    given = (status.get("loadBalancer") or {}).get("ingress") or ()
    return sorted({address.get("ip") or address.get("hostname") or "" for address in given})


def ingress(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    return [
        name_of(obj),
        spec.get("ingressClassName") or "<none>",
        _some(hosts, "*"),
        ",".join(_balancers(status)),
        "80, 443" if spec.get("tls") else "80",
        age_of(obj, now),
    ]


def ingress_class(obj: RawObject, now: datetime) -> list[Any]:
    spec, _ = parts(obj)
    parameters, shown = spec.get("parameters"), "<none>"
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
        shown = f"{parameters.get('kind')}{group}/{parameters.get('name')}"
    return [name_of(obj), spec.get("controller", ""), shown, age_of(obj, now)]


def network_policy(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), selector_text(parts(obj)[0].get("podSelector") or {}), age_of(obj, now)]


def endpoints(obj: RawObject, now: datetime) -> list[Any]:
    shown = []
    for subset in obj.get("subsets") or ():
        addresses = [address.get("ip", "") for address in subset.get("addresses") or ()]
        for port in subset.get("ports") or [{}]:
            suffix = f":{port['port']}" if port.get("port") else ""
            shown += [f"{address}{suffix}" for address in addresses]
    return [name_of(obj), _some(shown, "<none>"), age_of(obj, now)]


def endpoint_slice(obj: RawObject, now: datetime) -> list[Any]:
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    addresses = [
        address
        for endpoint in obj.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    return [
        name_of(obj),
        obj.get("addressType", ""),
        _some(ports, "<unset>"),
        _some(addresses, "<unset>"),
        age_of(obj, now),
    ]


def config_map(obj: RawObject, now: datetime) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), count, age_of(obj, now)]


def secret(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("type", "Opaque"), len(obj.get("data") or ()), age_of(obj, now)]


def name_and_age(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), age_of(obj, now)]


def namespace(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), parts(obj)[1].get("phase", ""), age_of(obj, now)]


def quota(obj: RawObject, now: datetime) -> list[Any]:
    hard, used = parts(obj)[1].get("hard") or {}, parts(obj)[1].get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(hard):
        target = limits if name.startswith("limits.") else requests
        target.append(f"{name}: {used.get(name, '0')}/{hard[name]}")
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age_of(obj, now)]


def node(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    ready = [
        "Ready" if condition.get("status") == "True" else "NotReady"
        for condition in status.get("conditions") or ()
        if condition.get("type") == "Ready"
    ]
    states = ready or ["Unknown"]
    if spec.get("unschedulable"):
        states.append("SchedulingDisabled")
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    info = status.get("nodeInfo") or {}
    addresses = {
        address.get("type"): address.get("address") for address in status.get("addresses") or ()
    }
    return [
        name_of(obj),
        ",".join(states),
        ",".join(filter(None, roles)) or "<none>",
        age_of(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or "<unknown>",
        info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def event(obj: RawObject, now: datetime) -> list[Any]:
    """Both the core kind and the one of events.k8s.io, which renames a few fields."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    kind, name = about.get("kind", "").lower(), about.get("name")
    first = since(
        obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime"),
        now,
    )
    last_time = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    last = since(last_time, now) if last_time else first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series := obj.get("series"):
        last, count = since(series.get("lastObservedTime"), now), series.get("count", count)
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    speaker = source.get("component") or obj.get("reportingComponent") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{name}" if name else kind,
        about.get("fieldPath", ""),
        f"{speaker}, {host}" if host else speaker,
        (obj.get("message") or obj.get("note") or "").strip(),
        first,
        count,
        name_of(obj),
    ]


def binding(obj: RawObject, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    names: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in obj.get("subjects") or ():
        name = subject.get("name", "")
        if subject.get("kind") == "ServiceAccount":
            name = f"{subject.get('namespace', '')}/{name}"
        names.setdefault(subject.get("kind", ""), []).append(name)
    return [
        name_of(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age_of(obj, now),
        *(", ".join(names[kind]) for kind in ("User", "Group", "ServiceAccount")),
    ]


def lease(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), parts(obj)[0].get("holderIdentity", ""), age_of(obj, now)]


def policy(obj: RawObject, now: datetime) -> list[Any]:
    spec, _ = parts(obj)
    kind = spec.get("paramKind")
    shown = f"{kind.get('apiVersion')}/{kind.get('kind')}" if kind else "<unset>"
    rules = spec.get("validations") or spec.get("mutations") or ()
    return [name_of(obj), len(rules), shown, age_of(obj, now)]


def policy_binding(obj: RawObject, now: datetime) -> list[Any]:
    spec, _ = parts(obj)
    reference, shown = spec.get("paramRef") or {}, "<unset>"
    if reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector") is not None:
        shown = selector_text(reference["selector"])
    return [name_of(obj), spec.get("policyName", ""), shown, age_of(obj, now)]


def webhooks(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), len(obj.get("webhooks") or ()), age_of(obj, now)]


def _modes(modes: list[str] | None) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in dict.fromkeys(modes or ()))


def volume(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    claim = spec.get("claimRef")
    deleting = obj["metadata"].get("deletionTimestamp")
    return [
        name_of(obj),
        (spec.get("capacity") or {}).get("storage", "0"),
        _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        "Terminating" if deleting else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        status.get("reason", ""),
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def claim(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    bound = spec.get("volumeName") or ""
    deleting = obj["metadata"].get("deletionTimestamp")
    return [
        name_of(obj),
        "Terminating" if deleting else status.get("phase", ""),
        bound,
        (status.get("capacity") or {}).get("storage", "0") if bound else "",
        _modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>",
        age_of(obj, now),
        spec.get("volumeMode") or "<unset>",
    ]


def storage_class(obj: RawObject, now: datetime) -> list[Any]:
    mark = "storageclass.kubernetes.io/is-default-class"
    is_default = (obj["metadata"].get("annotations") or {}).get(mark) == "true"
    return [
        f"{name_of(obj)} (default)" if is_default else name_of(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def scale(obj: RawObject, now: datetime) -> list[Any]:
    desired = (obj.get("spec") or {}).get("replicas", 0)
    return [name_of(obj), desired, (obj.get("status") or {}).get("replicas", 0), age_of(obj, now)]


def certificate_request(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    said = [one["type"] for one in status.get("conditions") or ()]
    decided = [kind for kind in ("Approved", "Denied", "Failed") if kind in said] or ["Pending"]
    issued = ["Issued"] if status.get("certificate") else []
    seconds = spec.get("expirationSeconds")
    lasts = human_duration(float(seconds)) if seconds else "<none>"
    names = [spec.get("signerName", ""), spec.get("username", ""), lasts]
    return [name_of(obj), age_of(obj, now), *names, ",".join([*decided, *issued])]


def priority_class(obj: RawObject, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age_of(obj, now),
        obj.get("preemptionPolicy", ""),
    ]


def flow_schema(obj: RawObject, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    conditions = (obj.get("status") or {}).get("conditions") or ()
    dangling = [each.get("status") for each in conditions if each.get("type") == "Dangling"]
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type") or "<none>",
        age_of(obj, now),
        dangling[0] if dangling else "?",
    ]


def priority_level(obj: RawObject, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        name_of(obj),
        spec.get("type", ""),
        limited.get("nominalConcurrencyShares", "<none>"),
        *(queuing.get(name, "<none>") for name in ("queues", "handSize", "queueLengthLimit")),
        age_of(obj, now),
    ]

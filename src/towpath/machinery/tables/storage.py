"""Rows of what drivers of storage and devices say of themselves, and of address ranges."""

from datetime import datetime
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.tables.columns import age_of, name_of
from towpath.machinery.tables.workloads import parts

DRIVER = (
    "Name, AttachRequired:boolean, PodInfoOnMount:boolean, StorageCapacity:boolean, "
    "TokenRequests, RequiresRepublish:boolean, Modes, Age"
)
DRIVERS_OF_NODE = "Name, Drivers:integer, Age"
CAPACITY = "Name, StorageClassName, Capacity"
ATTACHMENT = "Name, Attacher, PV, Node, Attached:boolean, Age"
ATTRIBUTES = "Name, DriverName, Age"
RUNTIME_CLASS = "Name, Handler, Age"
ADDRESS = "Name, ParentRef"
RANGE = "Name, CIDRs, Age"
RESOURCE_CLAIM = "Name, State, Age"
RESOURCE_SLICE = "Name, Node, Driver, Pool, Age"


def driver(obj: RawObject, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    tokens = [token.get("audience") or "" for token in spec.get("tokenRequests") or ()]
    return [
        name_of(obj),
        *(bool(spec.get(name)) for name in ("attachRequired", "podInfoOnMount", "storageCapacity")),
        ",".join(tokens) or "<unset>",
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>",
        age_of(obj, now),
    ]


def drivers_of_node(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), len((obj.get("spec") or {}).get("drivers") or ()), age_of(obj, now)]


def capacity(obj: RawObject, _now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("storageClassName", ""), obj.get("capacity") or "<unset>"]


def attachment(obj: RawObject, now: datetime) -> list[Any]:
    spec, status = parts(obj)
    volume = (spec.get("source") or {}).get("persistentVolumeName", "")
    attached = bool(status.get("attached"))
    head = [name_of(obj), spec.get("attacher", ""), volume, spec.get("nodeName", "")]
    return [*head, attached, age_of(obj, now)]


def attributes(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("driverName", ""), age_of(obj, now)]


def runtime_class(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("handler", ""), age_of(obj, now)]


def address(obj: RawObject, _now: datetime) -> list[Any]:
    parent = (obj.get("spec") or {}).get("parentRef") or {}
    group = f".{parent['group']}" if parent.get("group") else ""
    where = f"{parent['namespace']}/" if parent.get("namespace") else ""
    shown = f"{parent.get('resource', '')}{group}/{where}{parent.get('name', '')}"
    return [name_of(obj), shown if parent else "<none>"]


def address_range(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), ",".join((obj.get("spec") or {}).get("cidrs") or ()), age_of(obj, now)]


def resource_claim(obj: RawObject, now: datetime) -> list[Any]:
    status = obj.get("status") or {}
    states = [
        "deleted" if "deletionTimestamp" in obj["metadata"] else "",
        "allocated" if status.get("allocation") else "",
        "reserved" if status.get("reservedFor") else "",
    ]
    return [name_of(obj), ",".join(filter(None, states)) or "pending", age_of(obj, now)]


def resource_slice(obj: RawObject, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    node = spec.get("nodeName") or ("<all>" if spec.get("allNodes") else "<unset>")
    pool = (spec.get("pool") or {}).get("name", "")
    return [name_of(obj), node, spec.get("driver", ""), pool, age_of(obj, now)]

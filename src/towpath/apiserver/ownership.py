"""Field ownership: who set what, kept in metadata.managedFields by machinery's rules.

A write that changes nothing but times in managedFields is no change: `record` gives back the old
object then, so that the write can see that there is nothing to do.
"""

from towpath.apiserver.core import Operation
from towpath.apiserver.registry import Served
from towpath.machinery.apply import manager_name, settle, track_update
from towpath.machinery.conditions import now
from towpath.machinery.objects import RawObject

IDENTITY = ("apiVersion", "kind")


def record(operation: Operation) -> None:
    """Note in the object what its writer has changed. An apply has done so while merging."""
    obj, old, target = operation.obj, operation.old, operation.target
    if operation.verb != "apply":
        obj = track_update(
            old,
            obj,
            operation.served.topology,
            manager=manager_name(operation.manager),
            now=now(),
            subresource=target.subresource,
            resets=endpoint_resets(target.subresource, operation.served, obj),
            empty=operation.served.schema.empty if operation.served.schema else None,
        )
    operation.obj = settle(old, obj)


def endpoint_resets(subresource: str, served: Served, obj: RawObject) -> frozenset[str]:
    """The fields that a write to this endpoint cannot own."""
    if subresource == "status":
        kept = IDENTITY if served.custom else ("metadata", *IDENTITY)
        return frozenset({"metadata", "spec", *obj}) - {"status", *kept}
    return frozenset({"status"}) if served.has_status else frozenset()

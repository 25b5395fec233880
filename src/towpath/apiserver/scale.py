"""The scale subresource: one small object over any kind that keeps a number of replicas."""

from typing import Any

from towpath.apiserver import refusals
from towpath.apiserver.registry import ScalePaths, Served
from towpath.machinery import builtins
from towpath.machinery.builtins import BuiltinKind
from towpath.machinery.causes import invalid, invalid_value
from towpath.machinery.errors import BadRequest, Undecodable
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import from_object

SCALE_API_VERSION, SCALE_KIND = "autoscaling/v1", "Scale"
SCALE = Resource("autoscaling", "v1", SCALE_KIND, "scales")
_SCALE = BuiltinKind(SCALE)
_SHARED_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(obj: RawObject, paths: ScalePaths, *, must_exist: bool = False) -> RawObject:
    """The Scale of an object. A reader is told when the object does not say how many."""
    metadata = obj["metadata"]
    status: RawObject = {"replicas": _at(obj, paths.status_replicas) or 0}
    selector = _at(obj, paths.label_selector) if paths.label_selector else None
    if isinstance(selector, str):
        status["selector"] = selector
    elif isinstance(selector, dict):
        if obj["kind"] == "ReplicationController":
            selector = {"matchLabels": selector}
        status["selector"] = str(from_object(selector))
    replicas = _at(obj, paths.spec_replicas)
    if replicas is None and must_exist:
        why = f'the spec replicas field ".{paths.spec_replicas}" does not exist'
        raise refusals.internal(why)
    return {
        "kind": SCALE_KIND,
        "apiVersion": SCALE_API_VERSION,
        "metadata": {name: metadata[name] for name in _SHARED_METADATA if name in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def read_scale(scale: RawObject, *, custom: bool) -> list[str]:
    """Give a Scale its form; the fields that it does not have. Raises BadRequest."""
    if scale.get("kind", SCALE_KIND) != SCALE_KIND:
        if custom:
            raise BadRequest(
                'no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"'
            )
        kind, written_in = scale["kind"], str(scale.get("apiVersion", "")).rpartition("/")[2]
        why = f"converting ({written_in}.{kind}) to (autoscaling.Scale): unknown conversion"
        raise Undecodable(kind, written_in, SCALE_KIND, why)
    scale.setdefault("apiVersion", SCALE_API_VERSION)
    return builtins.schema(_SCALE).prune(scale)


def with_scale(obj: RawObject, scale: RawObject, served: Served) -> RawObject:
    """The object with the replicas that a Scale wants; changes and returns `obj`."""
    assert served.scale is not None
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not replicas and _at(obj, served.scale.spec_replicas) is None:
        why = f'the spec replicas field ".{served.scale.spec_replicas}" cannot be empty'
        raise BadRequest(why)
    if replicas < 0:
        words = "must be greater than or equal to 0"
        cause = invalid_value("spec.replicas", replicas, words)
        if served.custom:
            raise refusals.invalid(served, obj["metadata"]["name"], [cause])
        raise invalid("autoscaling", "Scale", obj["metadata"]["name"], [cause])
    if version := (scale.get("metadata") or {}).get("resourceVersion"):
        obj["metadata"]["resourceVersion"] = version
    *parents, last = served.scale.spec_replicas.split(".")
    place = obj
    for step in parents:
        place = place.setdefault(step, {})
    place[last] = replicas
    return obj


def _at(obj: RawObject, path: str) -> Any:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value

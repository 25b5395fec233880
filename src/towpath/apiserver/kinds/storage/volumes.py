"""Volumes by themselves and the classes that they are made by.

Source of the rules: pkg/apis/core/validation and pkg/apis/storage/validation of Kubernetes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from towpath.apiserver.kinds.checks import (
    GREATER_THAN_ZERO,
    maybe_one_of,
    named,
    no_backsteps,
)
from towpath.apiserver.kinds.podspec.affinity import node_selector_causes
from towpath.apiserver.kinds.podspec.volumes import MISSPELT, SOURCES, needs
from towpath.apiserver.kinds.storage.claims import VOLUME_MODES, access_modes
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import duplicate, forbidden, invalid_value, required, unsupported
from towpath.machinery.conditions import timestamp
from towpath.machinery.errors import Cause
from towpath.machinery.names import qualified_name_errors, subdomain_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
RECLAIM_POLICIES_OF_CLASSES = ("Delete", "Retain")
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
IMMUTABLE = "field is immutable"


def _default_storage_class(obj: RawObject) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _validate_storage_class(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(_class_causes(obj))
    return causes if old is None else [*causes, *_class_changes(obj, old)]


def _class_changes(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    for name in ("parameters", "provisioner", "reclaimPolicy"):
        if (obj.get(name) or None) != (old.get(name) or None):
            yield forbidden(name, f"updates to {name} are forbidden.")
    if (found := obj.get("volumeBindingMode")) != old.get("volumeBindingMode"):
        yield invalid_value("volumeBindingMode", found, IMMUTABLE)


def _class_causes(obj: RawObject) -> Iterator[Cause]:
    provisioner = (obj.get("provisioner") or "").lower()
    if not provisioner:
        yield required("provisioner")
    else:
        yield from named("provisioner", provisioner, qualified_name_errors(provisioner))
    if "" in (obj.get("parameters") or {}):
        yield invalid_value("parameters", "", "field can not be empty.")
    if policy := obj.get("reclaimPolicy"):
        yield from maybe_one_of("reclaimPolicy", policy, RECLAIM_POLICIES_OF_CLASSES)
    yield from maybe_one_of("volumeBindingMode", obj.get("volumeBindingMode"), BINDING_MODES)
    before: list[dict[str, set[str]]] = []
    for position, term in enumerate(obj.get("allowedTopologies") or ()):
        field = f"allowedTopologies[{position}].matchLabelExpressions"
        found: dict[str, set[str]] = {}
        for index, wanted in enumerate(term.get("matchLabelExpressions") or ()):
            yield from _topology(wanted, f"{field}[{index}]", found)
        if not found or found in before:
            yield duplicate(field, "")
        before.append(found)


def _topology(wanted: RawObject, field: str, found: dict[str, set[str]]) -> Iterator[Cause]:
    key, values = wanted.get("key") or "", wanted.get("values") or []
    if not values:
        yield required(f"{field}.values")
    for index, value in enumerate(values):
        if value in values[:index]:
            yield duplicate(f"{field}.values[{index}]", value)
    yield from named(f"{field}.key", key, qualified_name_errors(key))
    if key in found:
        yield duplicate(f"{field}.key", key)
    found[key] = {*values}


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
    spec = obj.get("spec") or {}
    causes = list(_volume_causes(spec))
    if old is None:
        return causes
    causes *= 2  # Kubernetes looks at a change as a volume and as a change.
    before = old.get("spec") or {}
    if {name: before.get(name) for name in WHERE} != {name: spec.get(name) for name in WHERE}:
        field = "spec.persistentvolumesource"
        causes.append(forbidden(field, f"{field} is immutable after creation"))
    if (mode := spec.get("volumeMode")) != before.get("volumeMode"):
        causes.append(invalid_value("volumeMode", mode, IMMUTABLE))
    affinity = spec.get("nodeAffinity")
    if before.get("nodeAffinity") is not None and affinity != before["nodeAffinity"]:
        causes.append(invalid_value("nodeAffinity", affinity, IMMUTABLE))
    return causes


def _volume_causes(spec: RawObject) -> Iterator[Cause]:
    if not spec.get("accessModes"):
        yield required("spec.accessModes")
    yield from access_modes(spec.get("accessModes") or [], "spec.accessModes")
    yield from _capacity(spec.get("capacity"))
    if policy := spec.get("persistentVolumeReclaimPolicy"):
        yield from maybe_one_of("spec.persistentVolumeReclaimPolicy", policy, RECLAIM_POLICIES)
    yield from _nodes(spec.get("nodeAffinity"))
    yield from _source(spec)
    if name := spec.get("storageClassName"):
        yield from named("spec.storageClassName", name, subdomain_errors(name))
    yield from maybe_one_of("spec.volumeMode", spec.get("volumeMode"), VOLUME_MODES)
    if (name := spec.get("volumeAttributesClassName")) is not None:
        field = "spec.volumeAttributesClassName"
        if not name:
            yield required(field, "an empty string is disallowed")
        else:
            yield from named(field, name, subdomain_errors(name))
        if spec.get("csi") is None:
            words = "has to be specified when using volumeAttributesClassName"
            yield required("spec.csi", words)


def _capacity(capacity: RawObject | None) -> Iterator[Cause]:
    field = "spec.capacity"
    if not capacity:
        yield required(field)
    if [*(capacity or {})] != ["storage"]:
        yield unsupported(field, capacity, ("storage",))
    for name, quantity in (capacity or {}).items():
        if (amount := parse_quantity(quantity)) < 0:
            words = "must be a valid resource quantity"
            yield invalid_value(f"{field}[{name}]", -int(-amount), words)
        if parse_quantity(quantity) <= 0:
            yield invalid_value(f"{field}[{name}]", quantity, GREATER_THAN_ZERO)


def _nodes(affinity: RawObject | None) -> Iterator[Cause]:
    if affinity is None:
        return
    field = "spec.nodeAffinity.required"
    if affinity.get("required") is None:
        yield required(field, "must specify required node constraints")
    else:
        yield from node_selector_causes(affinity["required"], field)


def _source(spec: RawObject) -> Iterator[Cause]:
    given = [name for name in WHERE if spec.get(name) is not None]
    if not given:
        yield required("spec", "must specify a volume type")
        return
    for name in given[1:]:
        if name != "flexVolume":
            shown = MISSPELT.get(name, name)
            yield forbidden(f"spec.{shown}", "may not specify more than 1 volume type")
    name = given[0]
    shown = "persistentDisk" if name == "gcePersistentDisk" else name
    check = _OWN.get(name) or SOURCES[name]
    yield from check(spec[name], f"spec.{shown}")
    if name == "local" and spec.get("nodeAffinity") is None:
        yield required("spec.nodeAffinity", "Local volume requires node affinity")


def _local(source: RawObject, field: str) -> Iterator[Cause]:
    if not source.get("path"):
        yield required(f"{field}.path")
    else:
        yield from no_backsteps(f"{field}.path", source["path"])


WHERE = (
    *("hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs"),
    *("rbd", "quobyte", "cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile"),
    *("vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "scaleIO"),
    *("local", "storageos", "csi"),
)
"""Where a volume is, in the order in which it is looked at."""
_OWN = {"local": _local, "csi": needs("driver", "volumeHandle")}

STORAGE_CLASS = Behaviour(
    default=_default_storage_class, validate=_validate_storage_class, delete_returns_object=True
)
VOLUME = Behaviour(
    default=_default_volume,
    prepare=_prepare_volume,
    validate=_validate_volume,
    delete_returns_object=True,
)

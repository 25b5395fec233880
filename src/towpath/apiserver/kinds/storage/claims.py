"""Claims to storage: by themselves, in templates of pods and in those of stateful sets.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

from collections.abc import Iterator
from fractions import Fraction

from towpath.apiserver.kinds.checks import GREATER_THAN_ZERO, maybe_one_of, named
from towpath.apiserver.kinds.podspec.warnings import about_claim
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, required, unsupported
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, subdomain_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity
from towpath.machinery.selectors import selector_causes

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
CLAIM = "PersistentVolumeClaim"
IMMUTABLE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
    "bound claims"
)


KNOWN_SOURCES = (("", CLAIM), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _default_claim(obj: RawObject) -> None:
    if isinstance(obj.get("spec"), dict):
        obj["spec"].setdefault("volumeMode", "Filesystem")


def _prepare_claim(obj: RawObject, old: RawObject | None) -> None:
    """A source may be told in the old field and in the new one: who gives one gives both."""
    if old is not None:
        return
    obj["status"] = {"phase": "Pending"}
    spec = obj.get("spec") or {}
    if (spec.get("dataSourceRef") or {}).get("namespace"):
        # Of a feature that Kubernetes has switched off.
        del spec["dataSourceRef"]
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    is_known = ((source or {}).get("apiGroup") or "", (source or {}).get("kind")) in KNOWN_SOURCES
    if source is not None and reference is None and not is_known:
        del spec["dataSource"]
        source = None
    if source is not None and reference is None:
        spec["dataSourceRef"] = {**source}
    elif source is None and reference is not None:
        spec["dataSource"] = {**reference}


def _warn(obj: RawObject, _old: RawObject | None) -> list[str]:
    return [*about_claim(obj.get("spec") or {}, "spec")]


def _validate_claim(obj: RawObject, old: RawObject | None) -> list[Cause]:
    causes = list(claim_causes(obj.get("spec") or {}, "spec"))
    if old is None:
        return causes
    is_bound = (old.get("status") or {}).get("phase") == "Bound"
    # Who binds a claim to a volume names it.
    is_named = (old.get("spec") or {}).get("volumeName")
    open_fields = ("resources",) * bool(is_bound) + ("volumeName",) * (not is_named)
    before, after = (
        {**(one.get("spec") or {}), **dict.fromkeys(open_fields)} for one in (old, obj)
    )
    if before != after:
        causes.append(forbidden("spec", IMMUTABLE))
    causes += _shrinks(obj, old)
    if (mode := after.get("volumeMode")) != before.get("volumeMode"):
        causes.append(invalid_value("volumeMode", mode, "field is immutable"))
    return causes


def _shrinks(obj: RawObject, old: RawObject) -> Iterator[Cause]:
    """A claim may ask for less again, but not for less than it has."""
    now, before = (_size(one) for one in (obj, old))
    has = parse_quantity(((old.get("status") or {}).get("capacity") or {}).get("storage") or "0")
    if now < before and now <= has:
        yield forbidden(
            "spec.resources.requests.storage", "field can not be less than status.capacity"
        )


def _size(obj: RawObject) -> Fraction:
    requests = ((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return parse_quantity(requests.get("storage") or "0")


def claim_causes(spec: RawObject, path: str) -> Iterator[Cause]:
    if not spec.get("accessModes"):
        yield required(f"{path}.accessModes", "at least 1 access mode is required")
    if (selector := spec.get("selector")) is not None:
        yield from selector_causes(selector, f"{path}.selector")
    yield from access_modes(spec.get("accessModes") or [], f"{path}.accessModes")
    requests = (spec.get("resources") or {}).get("requests") or {}
    if "storage" not in requests:
        yield required(f"{path}.resources[storage]")
    elif parse_quantity(requests["storage"]) <= 0:
        yield invalid_value(f"{path}.resources[storage]", requests["storage"], GREATER_THAN_ZERO)
    for name in ("storageClassName", "volumeAttributesClassName"):
        if text := spec.get(name):
            yield from named(f"{path}.{name}", text, subdomain_errors(text))
    yield from maybe_one_of(f"{path}.volumeMode", spec.get("volumeMode"), VOLUME_MODES)
    for name in ("dataSource", "dataSourceRef"):
        if (source := spec.get(name)) is not None:
            yield from _source(source, f"{path}.{name}")
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is not None:
        if reference.get("namespace"):
            words = "may not be specified when dataSourceRef.namespace is specified"
            yield invalid_value(path, {}, words)
        elif source != reference:
            yield invalid_value(path, {}, "must match dataSourceRef")


def access_modes(modes: list[str], field: str) -> Iterator[Cause]:
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield unsupported(field, mode, ACCESS_MODES)
    known = {*modes} & {*ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        yield forbidden(field, "may not use ReadWriteOncePod with other access modes")


def _source(source: RawObject, field: str) -> Iterator[Cause]:
    """From where the volume is filled."""
    for name in ("name", "kind"):
        if not source.get(name):
            yield required(f"{field}.{name}")
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != CLAIM:
        words = f"must be '{CLAIM}' when referencing the default apiGroup"
        yield invalid_value(field, kind, words)
    if group:
        yield from named(f"{field}.apiGroup", group, subdomain_errors(group))
    if namespace := source.get("namespace"):
        yield from named(f"{field}.namespace", namespace, label_errors(namespace))


PERSISTENT_VOLUME_CLAIM = Behaviour(
    default=_default_claim,
    prepare=_prepare_claim,
    validate=_validate_claim,
    warn=_warn,
    delete_returns_object=True,
)

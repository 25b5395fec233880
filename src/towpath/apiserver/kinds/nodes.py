"""Nodes: their networks and taints, and what of them never changes."""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named, one_of
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import forbidden, invalid_value, show
from towpath.machinery.errors import Cause
from towpath.machinery.names import (
    label_value_errors,
    network_errors,
    qualified_name_errors,
)
from towpath.machinery.objects import RawObject

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


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


NODE = Behaviour(
    default=_default_node, prepare=_prepare_node, validate=_validate_node, warn=_warn_of_node
)

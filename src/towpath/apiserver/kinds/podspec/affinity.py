"""Where pods want to run, and beside whom: what is refused in saying so.

Source of the rules: pkg/apis/core/validation of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import named
from towpath.machinery.causes import forbidden, invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import label_errors, label_value_errors, qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.selectors import selector_causes

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
WEIGHT_MAX = 100


def affinity_causes(affinity: RawObject, field: str) -> Iterator[Cause]:
    if (nodes := affinity.get("nodeAffinity")) is not None:
        yield from _nodes(nodes, f"{field}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        if (pods := affinity.get(name)) is not None:
            yield from _pods(pods, f"{field}.{name}")


def _nodes(nodes: RawObject, field: str) -> Iterator[Cause]:
    if (wanted := nodes.get(REQUIRED)) is not None:
        yield from node_selector_causes(wanted, f"{field}.{REQUIRED}")
    for position, preferred in enumerate(nodes.get(PREFERRED) or ()):
        where = f"{field}.{PREFERRED}[{position}]"
        yield from _weight(preferred, where)
        term = preferred.get("preference") or {}
        yield from _node_term(term, f"{where}.preference", strict=False)


def node_selector_causes(selector: RawObject, field: str) -> Iterator[Cause]:
    where = f"{field}.nodeSelectorTerms"
    if not selector.get("nodeSelectorTerms"):
        yield required(where, "must have at least one node selector term")
    for position, term in enumerate(selector.get("nodeSelectorTerms") or ()):
        yield from _node_term(term, f"{where}[{position}]", strict=True)


def _node_term(term: RawObject, field: str, *, strict: bool) -> Iterator[Cause]:
    for position, wanted in enumerate(term.get("matchExpressions") or ()):
        where = f"{field}.matchExpressions[{position}]"
        values = wanted.get("values") or []
        yield from _operator(wanted.get("operator") or "", values, where)
        key = wanted.get("key") or ""
        yield from named(f"{where}.key", key, qualified_name_errors(key))
        if strict:
            for index, value in enumerate(values):
                yield from named(f"{where}.values[{index}]", value, label_value_errors(value))
    for position, wanted in enumerate(term.get("matchFields") or ()):
        yield from _node_field(wanted, f"{field}.matchFields[{position}]")


def _operator(operator: str, values: list[str], field: str) -> Iterator[Cause]:
    match operator:
        case "In" | "NotIn":
            if not values:
                words = "must be specified when `operator` is 'In' or 'NotIn'"
                yield required(f"{field}.values", words)
        case "Exists" | "DoesNotExist":
            if values:
                words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                yield forbidden(f"{field}.values", words)
        case "Gt" | "Lt":
            if len(values) != 1:
                words = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                yield required(f"{field}.values", words)
        case other:
            yield invalid_value(f"{field}.operator", other, "not a valid selector operator")


def _node_field(wanted: RawObject, field: str) -> Iterator[Cause]:
    operator, key = wanted.get("operator") or "", wanted.get("key") or ""
    if operator not in ("In", "NotIn"):
        yield invalid_value(f"{field}.operator", operator, "not a valid selector operator")
    elif len(wanted.get("values") or ()) != 1:
        words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield required(f"{field}.values", words)
    if key != "metadata.name":
        yield invalid_value(f"{field}.key", key, "not a valid field selector key")


def _weight(preferred: RawObject, field: str) -> Iterator[Cause]:
    weight = preferred.get("weight", 0)
    if not 0 < weight <= WEIGHT_MAX:
        yield invalid_value(f"{field}.weight", weight, f"must be in the range 1-{WEIGHT_MAX}")


def _pods(pods: RawObject, field: str) -> Iterator[Cause]:
    for position, term in enumerate(pods.get(REQUIRED) or ()):
        yield from _pod_term(term, f"{field}.{REQUIRED}[{position}]")
    for position, preferred in enumerate(pods.get(PREFERRED) or ()):
        where = f"{field}.{PREFERRED}[{position}]"
        yield from _weight(preferred, where)
        yield from _pod_term(preferred.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")


def _pod_term(term: RawObject, field: str) -> Iterator[Cause]:
    for name in ("labelSelector", "namespaceSelector"):
        if (selector := term.get(name)) is not None:
            yield from selector_causes(selector, f"{field}.{name}")
    for namespace in term.get("namespaces") or ():
        yield from named(f"{field}.namespace", namespace, label_errors(namespace))
    own, other = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    yield from label_key_causes(own, other, term.get("labelSelector"), field)
    key = term.get("topologyKey") or ""
    if not key:
        yield required(f"{field}.topologyKey", "can not be empty")
    yield from named(f"{field}.topologyKey", key, qualified_name_errors(key))


def label_key_causes(
    own: list[str], other: list[str], selector: RawObject | None, field: str
) -> Iterator[Cause]:
    """Keys whose values a pod must share with its likes, or must not."""
    for name, keys in (("matchLabelKeys", own), ("mismatchLabelKeys", other)):
        if keys and selector is None:
            words = "must not be specified when labelSelector is not set"
            yield forbidden(f"{field}.{name}", words)
            continue
        for position, key in enumerate(keys):
            yield from named(f"{field}.{name}[{position}]", key, qualified_name_errors(key))
    known = {*((selector or {}).get("matchLabels") or {})}
    for wanted in (selector or {}).get("matchExpressions") or ():
        key = wanted.get("key") or ""
        if key in own and key in known:
            words = "exists in both matchLabelKeys and labelSelector"
            yield invalid_value(f"{field}[{own.index(key)}]", key, words)
        known.add(key)
    for position, key in enumerate(own):
        if key in other:
            words = "exists in both matchLabelKeys and mismatchLabelKeys"
            yield invalid_value(f"{field}.matchLabelKeys[{position}]", key, words)

"""Quotas: what can be limited, and for which pods.

Source of the rules: pkg/apis/core/validation and its helpers of Kubernetes.
"""

from collections.abc import Iterator

from towpath.apiserver.kinds.checks import NOT_NEGATIVE, named
from towpath.apiserver.kinds.podspec.resources import NOT_STANDARD
from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required
from towpath.machinery.errors import Cause
from towpath.machinery.names import qualified_name_errors
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import parse_quantity

COUNTS = frozenset(
    {
        *("pods", "resourcequotas", "services", "replicationcontrollers", "secrets"),
        *("configmaps", "persistentvolumeclaims", "services.nodeports"),
        "services.loadbalancers",
    }
)
OF_PODS = frozenset(
    {
        *("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"),
        "pods",
    }
)
LIMITED = (
    COUNTS
    | OF_PODS
    | {
        *("ephemeral-storage", "requests.storage", "requests.ephemeral-storage"),
        "limits.ephemeral-storage",
    }
)
STANDARD = LIMITED | {"storage"}
HUGE_PAGES = ("hugepages-", "requests.hugepages-")
OF_SCOPE = {
    **dict.fromkeys(("Terminating", "NotTerminating", "NotBestEffort"), OF_PODS),
    **dict.fromkeys(("PriorityClass", "CrossNamespacePodAffinity"), OF_PODS),
    "BestEffort": frozenset({"pods"}),
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
EXISTS_ONLY = frozenset(OF_SCOPE) - {"PriorityClass", "VolumeAttributesClass"}
OPPOSITES = (
    frozenset(("BestEffort", "NotBestEffort")),
    frozenset(("Terminating", "NotTerminating")),
)
UNKNOWN_SCOPE = "unsupported scope"
NOT_OF_SCOPE = "unsupported scope applied to resource"
ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
    "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
    "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
IMMUTABLE = "field is immutable"


def _validate(obj: RawObject, old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = [*_hard_causes(spec), *_scope_causes(spec), *_selector_causes(spec)]
    before = (old or {}).get("spec") or {}
    if old is not None and (spec.get("scopes") or []) != (before.get("scopes") or []):
        causes.append(invalid_value("spec.scopes", spec.get("scopes"), IMMUTABLE))
    return causes


def _hard_causes(spec: RawObject) -> Iterator[Cause]:
    for name, quantity in (spec.get("hard") or {}).items():
        field = f"spec.hard[{name}]"
        errors = qualified_name_errors(name)
        yield from named(field, name, errors)
        if "/" not in name and not name.startswith(HUGE_PAGES):
            if not errors and name not in STANDARD:
                yield invalid_value(field, name, NOT_STANDARD)
            if name not in LIMITED:
                yield invalid_value(field, name, "must be a standard resource for quota")
        amount = parse_quantity(str(quantity))
        if amount < 0:
            yield invalid_value(field, quantity, NOT_NEGATIVE)
        if name in COUNTS and amount.denominator != 1:
            yield invalid_value(field, quantity, "must be an integer")


def _scope_causes(spec: RawObject) -> Iterator[Cause]:
    scopes = spec.get("scopes") or []
    for scope in scopes:
        if scope not in OF_SCOPE:
            yield invalid_value("spec.scopes", scopes, UNKNOWN_SCOPE)
        for _ in _not_of(scope, spec):
            yield invalid_value("spec.scopes", scopes, NOT_OF_SCOPE)
    for pair in OPPOSITES:
        if pair <= set(scopes):
            yield invalid_value("spec.scopes", scopes, "conflicting scopes")


def _not_of(scope: str, spec: RawObject) -> list[str]:
    """What is limited and is nothing that pods of that scope use."""
    limited = set(spec.get("hard") or {}) & LIMITED
    return sorted(limited - OF_SCOPE.get(scope, frozenset(limited)))


def _selector_causes(spec: RawObject) -> Iterator[Cause]:
    selector = spec.get("scopeSelector")
    if selector is None:
        return
    field = "spec.scopeSelector.matchExpressions"
    wanted = selector.get("matchExpressions") or []
    for one in wanted:
        scope, operator = one.get("scopeName") or "", one.get("operator") or ""
        values = one.get("values") or []
        if scope not in OF_SCOPE:
            yield invalid_value(f"{field}.scopeName", scope, UNKNOWN_SCOPE)
        for _ in _not_of(scope, spec):
            yield invalid_value(field, selector, NOT_OF_SCOPE)
        if scope in EXISTS_ONLY and operator != "Exists":
            yield invalid_value(f"{field}.operator", operator, ONLY_EXISTS)
        yield from _operator_causes(operator, values, field)
    for pair in OPPOSITES:
        if pair <= {one.get("scopeName") for one in wanted}:
            yield invalid_value("spec.scopes", spec.get("scopes"), "conflicting scopes")


def _operator_causes(operator: str, values: list[str], field: str) -> Iterator[Cause]:
    match operator:
        case "In" | "NotIn":
            if not values:
                words = (
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                    "selector"
                )
                yield required(f"{field}.values", words)
        case "Exists" | "DoesNotExist":
            if values:
                words = (
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                    "selector"
                )
                yield invalid_value(f"{field}.values", values, words)
        case other:
            yield invalid_value(f"{field}.operator", other, "not a valid selector operator")


QUOTA = Behaviour(validate=_validate, delete_returns_object=True)

"""Admission policies, autoscalers and other kinds that only need defaults."""

from towpath.apiserver.registry import Behaviour
from towpath.machinery.causes import invalid_value, required, unsupported
from towpath.machinery.cel import CelError, compile_expression
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject

FAILURE_POLICIES = ("Fail", "Ignore")
POLICY_VARIABLES = ("object", "oldObject", "request", "params", "namespaceObject", "variables")
"""What expressions may name. `authorizer` is not served: an expression with it is refused."""
ACTIONS = ("Audit", "Deny", "Warn")


def _default_match(match: RawObject) -> None:
    match.setdefault("namespaceSelector", {})
    match.setdefault("objectSelector", {})
    match.setdefault("matchPolicy", "Equivalent")
    for name in ("resourceRules", "excludeResourceRules"):
        for rule in match.get(name) or ():
            rule.setdefault("scope", "*")


def _default_policy(obj: RawObject) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("failurePolicy", "Fail")
        if isinstance(spec.get("matchConstraints"), dict):
            _default_match(spec["matchConstraints"])


def _validate_policy(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes: list[Cause] = []
    if spec.get("failurePolicy") not in FAILURE_POLICIES:
        causes.append(
            unsupported("spec.failurePolicy", spec.get("failurePolicy"), FAILURE_POLICIES)
        )
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        words = "validations or auditAnnotations must be specified"
        causes.append(required("spec.validations", words))
    if not (spec.get("matchConstraints") or {}).get("resourceRules"):
        causes.append(required("spec.matchConstraints.resourceRules"))
    for index, validation in enumerate(spec.get("validations") or ()):
        field = f"spec.validations[{index}]"
        if not validation.get("expression"):
            causes.append(required(f"{field}.expression"))
        for name in ("expression", "messageExpression"):
            causes += check_expression(f"{field}.{name}", validation.get(name))
    for name in ("variables", "matchConditions"):
        for index, item in enumerate(spec.get(name) or ()):
            causes += check_expression(f"spec.{name}[{index}].expression", item.get("expression"))
    return causes


def check_expression(field: str, expression: str | None) -> list[Cause]:
    if not expression:
        return []
    try:
        compile_expression(expression, POLICY_VARIABLES)
    except CelError as error:
        return [invalid_value(field, expression, f"compilation failed: {error.message}")]
    return []


def _default_policy_binding(obj: RawObject) -> None:
    match = (obj.get("spec") or {}).get("matchResources")
    if isinstance(match, dict):
        _default_match(match)


def _validate_policy_binding(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes: list[Cause] = []
    if not spec.get("policyName"):
        causes.append(required("spec.policyName"))
    if not spec.get("validationActions"):
        causes.append(required("spec.validationActions"))
    causes += [
        unsupported(f"spec.validationActions[{index}]", action, ACTIONS)
        for index, action in enumerate(spec.get("validationActions") or ())
        if action not in ACTIONS
    ]
    return causes


def _default_autoscaler(obj: RawObject) -> None:
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _validate_autoscaler(obj: RawObject, _old: RawObject | None) -> list[Cause]:
    spec = obj.get("spec") or {}
    missing = [name for name in ("scaleTargetRef", "maxReplicas") if not spec.get(name)]
    return [required(f"spec.{name}") for name in missing]


POLICY = Behaviour(default=_default_policy, validate=_validate_policy, counts_generations=True)
POLICY_BINDING = Behaviour(
    default=_default_policy_binding, validate=_validate_policy_binding, counts_generations=True
)
AUTOSCALER = Behaviour(default=_default_autoscaler, validate=_validate_autoscaler)

"""One policy on one write: its match conditions, its variables, its validations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from towpath.apiserver.core import Operation
from towpath.apiserver.kinds.policies import POLICY_VARIABLES as VARIABLES
from towpath.machinery.cel import CelError, compile_expression
from towpath.machinery.objects import RawObject


@dataclass(frozen=True, slots=True)
class Denial:
    message: str
    reason: str


def bindings_for(
    operation: Operation, namespace: RawObject | None, params: RawObject | None
) -> dict[str, Any]:
    deleting = operation.kind == "DELETE"
    return {
        "object": None if deleting else operation.obj,
        "oldObject": operation.old,
        "request": request_of(operation),
        "params": params,
        "namespaceObject": namespace,
        "variables": {},
    }


def evaluate(policy: RawObject, bindings: Mapping[str, Any]) -> list[Denial]:
    """What the policy has against the write. Its own errors count by its failurePolicy."""
    spec = policy["spec"]
    failures_deny = spec.get("failurePolicy", "Fail") == "Fail"
    try:
        if not conditions_hold(spec, bindings):
            return []
    except CelError as error:
        return [Denial(f"matchCondition failed: {error}", "Invalid")] if failures_deny else []
    bound = {**bindings, "variables": _variables(spec, bindings)}
    denials = []
    for validation in spec.get("validations") or ():
        expression = validation["expression"]
        try:
            passed = compile_expression(expression, VARIABLES).evaluate(bound)
        except CelError as error:
            if failures_deny:
                message = f"expression '{expression}' resulted in error: {error.message}"
                denials.append(Denial(message, "Invalid"))
            continue
        if passed is not True:
            message = _message(validation, bound)
            denials.append(Denial(message, validation.get("reason") or "Invalid"))
    return denials


def conditions_hold(spec: RawObject, bindings: Mapping[str, Any]) -> bool:
    """All its matchConditions are true. A false one decides, even when another one fails."""
    failed: CelError | None = None
    for condition in spec.get("matchConditions") or ():
        try:
            if compile_expression(condition["expression"], VARIABLES).evaluate(bindings) is False:
                return False
        except CelError as error:
            failed = error
    if failed is not None:
        raise failed
    return True


def _variables(spec: RawObject, bindings: Mapping[str, Any]) -> dict[str, Any]:
    """Each may use those before it. One that fails is absent, and who uses it fails then."""
    found: dict[str, Any] = {}
    for variable in spec.get("variables") or ():
        program = compile_or_none(variable["expression"])
        if program is None:
            continue
        try:
            found[variable["name"]] = program.evaluate({**bindings, "variables": found})
        except CelError:
            continue
    return found


def compile_or_none(expression: str) -> Any:
    try:
        return compile_expression(expression, VARIABLES)
    except CelError:
        return None


def _message(validation: RawObject, bindings: Mapping[str, Any]) -> str:
    if expression := validation.get("messageExpression"):
        try:
            message = compile_expression(expression, VARIABLES).evaluate(bindings)
        except CelError:
            message = None
        if isinstance(message, str) and message.strip() and "\n" not in message:
            return message
    return validation.get("message") or f"failed expression: {validation['expression'].strip()}"


def request_of(operation: Operation) -> RawObject:
    """What `request` is to an expression, and most of what a webhook is sent."""
    resource, user = operation.served.resource, operation.user
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    plural = {
        "group": resource.group,
        "version": resource.version,
        "resource": resource.plural,
    }
    return {
        "kind": kind,
        "resource": plural,
        "subResource": operation.target.subresource,
        "requestKind": kind,
        "requestResource": plural,
        "requestSubResource": operation.target.subresource,
        "name": operation.name,
        "namespace": operation.namespace,
        "operation": operation.kind,
        "userInfo": {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {name: list(values) for name, values in user.extra.items()},
        },
        "dryRun": operation.dry_run,
    }

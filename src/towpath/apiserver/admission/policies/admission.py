"""ValidatingAdmissionPolicies: every binding of every policy, and one answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import orjson
from msgspec import Struct

from towpath.apiserver import refusals
from towpath.apiserver.admission.policies.bound import (
    Bindings,
    NotConfigured,
    Policy,
    check_param_kind,
    params_of,
)
from towpath.apiserver.admission.policies.evaluation import (
    Expression,
    OutOfBudget,
    Scene,
    answered,
    conditions_hold,
    expression,
)
from towpath.apiserver.admission.policies.matching import EXEMPT, is_about, namespace_object
from towpath.apiserver.core import Core, Operation
from towpath.machinery.cel import CelError, Meter
from towpath.machinery.cel.costs import PER_OBJECT_LIMIT
from towpath.machinery.errors import (
    Cause,
    Forbidden,
    Invalid,
    StatusError,
    TooLarge,
    Unauthorized,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.rules import MESSAGE_BYTES_MAX
from towpath.store.contract import Store

POLICIES = "admissionregistration.k8s.io/validatingadmissionpolicies"
BINDINGS = "admissionregistration.k8s.io/validatingadmissionpolicybindings"
FAILURE_ANNOTATION = "validation.policy.admission.k8s.io/validation_failure"
ANNOTATION_BYTES_MAX = 10 * 1024
REASONS: dict[str, type[StatusError]] = {
    "Unauthorized": Unauthorized,
    "Forbidden": Forbidden,
    "Invalid": Invalid,
    "RequestEntityTooLarge": TooLarge,
}


class Validation(Struct, frozen=True):
    check: Expression
    said: Expression | None
    words: str
    reason: str


@dataclass(frozen=True)
class ValidatingPolicy(Policy):
    @cached_property
    def validations(self) -> tuple[Validation, ...]:
        return tuple(self._validation(raw) for raw in self.spec.get("validations") or ())

    def _validation(self, raw: RawObject) -> Validation:
        said = raw.get("messageExpression")
        words = (raw.get("message") or "").strip()
        return Validation(
            check=expression(self.language, raw["expression"]),
            said=expression(self.language, said, authorizer=False) if said else None,
            words=words or f"failed expression: {raw['expression'].strip()}",
            reason=raw.get("reason") or "Invalid",
        )

    @cached_property
    def annotations(self) -> tuple[tuple[str, Expression], ...]:
        return tuple(
            (raw["key"], expression(self.language, raw["valueExpression"].strip()))
            for raw in self.spec.get("auditAnnotations") or ()
        )


class Denial(Struct, frozen=True):
    message: str
    reason: str = "Invalid"
    index: int = 0
    """Which validation."""


class Verdict(Struct):
    denials: list[Denial]
    errors: list[str]
    """Of audit annotations: they deny whatever the binding's actions are."""
    annotations: list[tuple[str, str]]


class PolicyAdmission:
    def __init__(self, store: Store) -> None:
        self._policies = Bindings(store, POLICIES, BINDINGS, ValidatingPolicy)

    async def __call__(self, core: Core, operation: Operation) -> None:
        """Raises what the first denial asks for; adds warnings for those that only warn."""
        bound = self._policies.all()
        if not bound or operation.served.collection in EXEMPT:
            return
        scene: Scene | None = None
        refused: list[StatusError] = []
        for one in bound:
            policy = one.policy
            version = is_about(core, operation, policy.spec.get("matchConstraints"))
            if not version:
                continue
            if scene is None:
                scene = Scene(operation, namespace_object(core, operation))
            scene.api_version = version
            refused += await _ask(core, scene, policy, one.bindings)
        if refused:
            raise refused[0]


async def _ask(
    core: Core, scene: Scene, policy: ValidatingPolicy, bindings: list[RawObject]
) -> list[StatusError]:
    """How the policy refuses the write, by whichever of its bindings."""
    operation = scene.operation
    try:
        check_param_kind(core, policy.spec)
    except NotConfigured as error:
        why = Denial(f"failed to configure policy: {error}")
        return [_refusal(operation, policy.name, "", why)] if policy.fails_closed else []
    refused: list[StatusError] = []
    collected: dict[str, dict[str, None]] = {}
    for binding in bindings:
        if not is_about(core, operation, binding["spec"].get("matchResources")):
            continue
        try:
            all_params = params_of(core, operation, policy.spec, binding["spec"])
        except NotConfigured as error:
            if policy.fails_closed:
                why = Denial(f"failed to configure binding: {error}")
                name = binding["metadata"]["name"]
                refused.append(_refusal(operation, policy.name, name, why))
            continue
        for params in all_params:
            verdict = await answered(core, scene.answers, partial(judge, policy, scene, params))
            refused += _act(operation, policy, binding, verdict)
            for key, value in verdict.annotations:
                collected.setdefault(key, {})[value] = None
    for key, values in collected.items():
        operation.annotations[f"{policy.name}/{key}"] = ", ".join(values)
    return refused


def _act(
    operation: Operation, policy: ValidatingPolicy, binding: RawObject, verdict: Verdict
) -> Iterator[StatusError]:
    name: str = binding["metadata"]["name"]
    actions: list[str] = binding["spec"].get("validationActions") or []
    for denial in verdict.denials:
        if "Warn" in actions:
            operation.warnings.append(
                f"Validation failed for ValidatingAdmissionPolicy '{policy.name}' with "
                f"binding '{name}': {denial.message}"
            )
        if "Audit" in actions:
            operation.annotations.setdefault(
                FAILURE_ANNOTATION, _failure(denial, policy.name, name, actions)
            )
        if "Deny" in actions:
            yield _refusal(operation, policy.name, name, denial)
    for error in verdict.errors:
        yield _refusal(operation, policy.name, name, Denial(error))


def _failure(denial: Denial, policy: str, binding: str, actions: list[str]) -> str:
    told = {
        "message": denial.message,
        "policy": policy,
        "binding": binding,
        "expressionIndex": denial.index,
        "validationActions": actions,
    }
    return orjson.dumps([told]).decode()


def judge(policy: ValidatingPolicy, scene: Scene, params: RawObject | None) -> Verdict:
    """What the policy has against the write. Its own errors count by its failurePolicy."""
    nothing = Verdict([], [], [])
    meter = Meter(PER_OBJECT_LIMIT)
    try:
        if not conditions_hold(policy.conditions, scene.bindings(params)):
            return nothing
        bindings = scene.bindings(params, policy.language.composed, meter)
        denials = [*_denials(policy, bindings, meter)]
        meter = Meter(PER_OBJECT_LIMIT)
        bindings = scene.bindings(params, policy.language.composed, meter)
        annotations, errors = _annotations(policy, bindings, meter)
    except CelError as error:
        return Verdict([Denial(error.message)], [], []) if policy.fails_closed else nothing
    return Verdict(denials, errors, annotations)


def _denials(policy: ValidatingPolicy, bindings: dict[str, Any], meter: Meter) -> Iterator[Denial]:
    for index, validation in enumerate(policy.validations):
        try:
            passed = validation.check.value(bindings, meter)
        except OutOfBudget:
            raise
        except CelError as error:
            if policy.fails_closed:
                yield Denial(error.message, index=index)
            continue
        if passed is not True:
            yield Denial(_message(validation, bindings, meter), validation.reason, index)


def _message(validation: Validation, bindings: dict[str, Any], meter: Meter) -> str:
    if validation.said is not None:
        try:
            said = validation.said.value(bindings, meter)
        except OutOfBudget as error:
            raise CelError(f"failed messageExpression: {error.message}") from error
        except CelError:
            said = None
        text = said.strip() if isinstance(said, str) else ""
        if text and "\n" not in text and len(text.encode()) <= MESSAGE_BYTES_MAX:
            return text
    return validation.words


def _annotations(
    policy: ValidatingPolicy, bindings: dict[str, Any], meter: Meter
) -> tuple[list[tuple[str, str]], list[str]]:
    found, errors = list[tuple[str, str]](), list[str]()
    for key, value_expression in policy.annotations:
        try:
            value = value_expression.value(bindings, meter)
        except OutOfBudget:
            raise
        except CelError as error:
            if policy.fails_closed:
                errors.append(error.message)
            continue
        if isinstance(value, str) and value.strip():
            found.append((key, value.strip()[:ANNOTATION_BYTES_MAX]))
    return found, errors


def _refusal(operation: Operation, policy: str, binding: str, denial: Denial) -> StatusError:
    of = f" with binding '{binding}'" if binding else ""
    why = f"ValidatingAdmissionPolicy '{policy}'{of} denied request: {denial.message}"
    forbidden = refusals.forbidden(operation.served, operation.name, why)
    error = REASONS.get(denial.reason, Invalid)
    return error(forbidden.message, details=forbidden.details, causes=[Cause("", why)])

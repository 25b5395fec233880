"""MutatingAdmissionPolicies: objects are changed by expressions, one policy after the other.

A policy with `reinvocationPolicy: IfNeeded` is asked again when what came after it has changed the
object, as webhooks are.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

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
    Scene,
    answered,
    conditions_hold,
    expression,
)
from towpath.apiserver.admission.policies.matching import EXEMPT, is_about, namespace_object
from towpath.apiserver.core import Core, Operation
from towpath.apiserver.encoding import copy_of
from towpath.apiserver.writing import complete
from towpath.machinery.cel import CelError, Meter
from towpath.machinery.cel.costs import PER_OBJECT_LIMIT
from towpath.machinery.cel.patches import check_names
from towpath.machinery.cel.values import plain
from towpath.machinery.errors import Cause, Invalid, StatusError, Undecodable
from towpath.machinery.merging import merge
from towpath.machinery.objects import RawObject
from towpath.machinery.patches import TestFailed, json_patch
from towpath.machinery.topology import Topology
from towpath.store.contract import Store

POLICIES = "admissionregistration.k8s.io/mutatingadmissionpolicies"
BINDINGS = "admissionregistration.k8s.io/mutatingadmissionpolicybindings"


@dataclass(frozen=True)
class MutatingPolicy(Policy):
    @property
    def is_mutating(self) -> bool:
        return True

    @cached_property
    def mutations(self) -> tuple[tuple[str, Expression], ...]:
        return tuple(
            (raw["patchType"], expression(self.language, _own(raw)["expression"].strip()))
            for raw in self.spec.get("mutations") or ()
        )

    @property
    def asks_again(self) -> bool:
        return bool(self.spec.get("reinvocationPolicy") == "IfNeeded")


def _own(raw: RawObject) -> RawObject:
    name = "jsonPatch" if raw["patchType"] == "JSONPatch" else "applyConfiguration"
    own: RawObject = raw[name]
    return own


class Invocation(Struct, frozen=True):
    """One policy with one binding and one of its parameters."""

    policy: MutatingPolicy
    binding: str
    params: RawObject | None
    api_version: str


class MutatingPolicies:
    def __init__(self, store: Store) -> None:
        self._policies = Bindings(store, POLICIES, BINDINGS, MutatingPolicy)

    async def __call__(self, core: Core, operation: Operation) -> list[Invocation]:
        """Those that want to be asked again when the object changes. Raises Invalid."""
        bound = self._policies.all()
        if not bound or operation.served.collection in EXEMPT or operation.kind == "DELETE":
            return []
        invocations: list[Invocation] = []
        for one in bound:
            version = is_about(core, operation, one.policy.spec.get("matchConstraints"))
            if version:
                found = _invocations(core, operation, one.policy, one.bindings, version)
                invocations += found
        asked: list[tuple[Invocation, RawObject]] = []
        for invocation in invocations:
            if await _mutate(core, operation, invocation):
                asked.append((invocation, copy_of(operation.obj)))
        for invocation, left in asked:
            if invocation.policy.asks_again and operation.obj != left:
                await _mutate(core, operation, invocation)
        return [invocation for invocation, _ in asked if invocation.policy.asks_again]

    async def again(self, core: Core, operation: Operation, invocations: list[Invocation]) -> None:
        for invocation in invocations:
            await _mutate(core, operation, invocation)


def _invocations(
    core: Core,
    operation: Operation,
    policy: MutatingPolicy,
    bindings: list[RawObject],
    api_version: str,
) -> list[Invocation]:
    try:
        check_param_kind(core, policy.spec)
    except NotConfigured as error:
        _fail(operation, policy, "", f"failed to configure policy: {error}")
        return []
    found: list[Invocation] = []
    for binding in bindings:
        spec, name = binding["spec"], binding["metadata"]["name"]
        if not is_about(core, operation, spec.get("matchResources")):
            continue
        try:
            all_params = params_of(core, operation, policy.spec, spec)
        except NotConfigured as error:
            _fail(operation, policy, name, f"failed to configure binding: {error}")
            continue
        found += [Invocation(policy, name, params, api_version) for params in all_params]
    return found


async def _mutate(core: Core, operation: Operation, invocation: Invocation) -> bool:
    """Whether it was about this object. Raises Invalid, unless the policy may be ignored."""
    policy = invocation.policy
    scene = Scene(operation, namespace_object(core, operation), api_version=invocation.api_version)
    try:
        bindings = scene.bindings(invocation.params)
        if not await answered(
            core, scene.answers, partial(conditions_hold, policy.conditions, bindings)
        ):
            return False
    except CelError as error:
        _fail(operation, policy, invocation.binding, error.message)
        return False
    for patch_type, patch_expression in policy.mutations:
        try:
            evaluate = partial(_patched, scene, invocation, patch_type, patch_expression)
            changed = await answered(core, scene.answers, evaluate)
        except (CelError, StatusError, ValueError) as error:
            words = error.message if isinstance(error, CelError) else str(error)
            _fail(operation, policy, invocation.binding, words)
            continue
        operation.obj = changed
        try:
            complete(operation, "")
        except Undecodable as error:
            raise refusals.internal(error.why) from error
    return True


def _patched(
    scene: Scene, invocation: Invocation, patch_type: str, patch_expression: Expression
) -> RawObject:
    """The object after one mutation. Raises CelError, StatusError, ValueError."""
    operation, meter = scene.operation, Meter(PER_OBJECT_LIMIT)
    composed = invocation.policy.language.composed
    value = patch_expression.value(scene.bindings(invocation.params, composed, meter), meter)
    if patch_type == "JSONPatch":
        try:
            return json_patch(operation.obj, [_patch_operation(one) for one in value])
        except TestFailed:
            return operation.obj
    check_names(value)
    applied = _json(value)
    topology = operation.served.topology
    if atomics := [*_atomics(applied, topology, "")]:
        words = "may not mutate atomic arrays, maps or structs: " + ", ".join(atomics)
        raise ValueError(f"error applying patch: invalid ApplyConfiguration: {words}")
    merged: RawObject = merge(operation.obj, applied, topology)
    return merged


def _patch_operation(value: RawObject) -> RawObject:
    found = {name: inner for name, inner in value.items() if name != "value"}
    if "value" in value:
        check_names(value["value"])
        found["value"] = _json(value["value"])
    return found


def _json(value: Any) -> Any:
    """Plain data of its own: nothing of it is shared with the objects that it was made of."""
    return copy_of(plain(value))


def _atomics(value: Any, topology: Topology, path: str) -> list[str]:
    """What would lose parts that the patch does not name."""
    found: list[str] = []
    if isinstance(value, dict):
        if topology.atomic:
            found.append(path)
        for name, inner in value.items():
            found += _atomics(inner, topology.below(name), f"{path}.{name}")
    elif isinstance(value, list):
        if topology.list_type == "atomic":
            found.append(path)
        for index, item in enumerate(value):
            found += _atomics(item, topology.items, f"{path}[{index}]")
    return found


def _fail(operation: Operation, policy: MutatingPolicy, binding: str, why: str) -> None:
    if not policy.fails_closed:
        return
    if binding:
        message = f"policy '{policy.name}' with binding '{binding}' denied request: {why}"
    else:
        message = f'policy "{policy.name}" denied request: {why}'
    forbidden = refusals.forbidden(operation.served, operation.name, message)
    raise _Denied(message, details=forbidden.details, causes=[Cause("", message)])


class _Denied(Invalid):
    """Invalid with the code of Forbidden: so it is there."""

    code = 403

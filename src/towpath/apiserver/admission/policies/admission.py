"""The admission function for policies: every binding of every policy, and one answer.

Policies and bindings are read again after one of them has changed, which observers tell, so that a
policy counts from the moment its creation is acknowledged.
"""

from collections.abc import Iterator

from towpath.apiserver import refusals
from towpath.apiserver.admission.policies.evaluation import Denial, bindings_for, evaluate
from towpath.apiserver.admission.policies.matching import EXEMPT, is_about, namespace_object
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import loads
from towpath.machinery.errors import (
    Cause,
    Forbidden,
    Invalid,
    StatusError,
    TooLarge,
    Unauthorized,
)
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.selectors import from_object
from towpath.store.contract import Event, Store

POLICIES = "admissionregistration.k8s.io/validatingadmissionpolicies"
BINDINGS = "admissionregistration.k8s.io/validatingadmissionpolicybindings"
REASONS: dict[str, type[StatusError]] = {
    "Unauthorized": Unauthorized,
    "Forbidden": Forbidden,
    "Invalid": Invalid,
    "RequestEntityTooLarge": TooLarge,
}


class PolicyAdmission:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._bound: list[tuple[RawObject, RawObject]] | None = None
        store.observe(POLICIES, self._changed)
        store.observe(BINDINGS, self._changed)

    async def __call__(self, core: Core, operation: Operation) -> None:
        """Raises what the first denial asks for; adds warnings for those that only warn."""
        if self._bound is None:
            self._bound = self._read()
        if not self._bound or operation.served.collection in EXEMPT:
            return
        for policy, binding in self._bound:
            spec = binding["spec"]
            if is_about(core, operation, policy["spec"].get("matchConstraints")) and is_about(
                core, operation, spec.get("matchResources")
            ):
                self._ask(core, operation, policy, binding)

    def _changed(self, _event: Event) -> None:
        self._bound = None

    def _read(self) -> list[tuple[RawObject, RawObject]]:
        policies = {key: loads(stored.value) for key, stored in self._store.scan(POLICIES)}
        bindings = [loads(stored.value) for _, stored in self._store.scan(BINDINGS)]
        return [
            (policies[binding["spec"]["policyName"]], binding)
            for binding in bindings
            if binding["spec"]["policyName"] in policies
        ]

    def _ask(self, core: Core, operation: Operation, policy: RawObject, binding: RawObject) -> None:
        namespace = namespace_object(core, operation)
        names = (policy["metadata"]["name"], binding["metadata"]["name"])
        try:
            all_params = list(_params(core, operation, policy, binding))
        except _ParamsMissing as missing:
            if policy["spec"].get("failurePolicy", "Fail") == "Fail":
                raise _refusal(operation, names, Denial(str(missing), "Invalid")) from None
            return
        actions = binding["spec"].get("validationActions") or ("Deny",)
        for params in all_params:
            for denial in evaluate(policy, bindings_for(operation, namespace, params)):
                if "Warn" in actions:
                    operation.warnings.append(
                        f"Validation failed for ValidatingAdmissionPolicy '{names[0]}' with "
                        f"binding '{names[1]}': {denial.message}"
                    )
                if "Deny" in actions:
                    raise _refusal(operation, names, denial)


class _ParamsMissing(Exception):
    pass


def _params(
    core: Core, operation: Operation, policy: RawObject, binding: RawObject
) -> Iterator[RawObject | None]:
    """The objects to evaluate with, one after the other; None where the policy takes none."""
    kind, reference = policy["spec"].get("paramKind"), binding["spec"].get("paramRef")
    if kind is None:
        yield None
        return
    if reference is None:
        raise _ParamsMissing("the policy has a paramKind and the binding has no paramRef")
    served = core.registry.of_kind(kind["apiVersion"], kind["kind"])
    if served is None:
        raise _ParamsMissing(f"paramKind {kind['kind']} is not served")
    namespace = reference.get("namespace") or operation.namespace
    if name := reference.get("name"):
        stored = core.store.get(served.collection, key_for(served, namespace, name))
        found = [loads(stored.value)] if stored is not None else []
    else:
        selector = from_object(reference.get("selector"))
        prefix = f"{namespace}/" if served.resource.namespaced and namespace else ""
        entries = core.store.scan(served.collection, prefix)
        objects = (loads(stored.value) for _, stored in entries)
        found = [obj for obj in objects if selector.matches(labels_of(obj))]
    if not found and reference.get("parameterNotFoundAction", "Deny") == "Deny":
        raise _ParamsMissing(
            "no params found for policy binding with `Deny` parameterNotFoundAction"
        )
    yield from found


def _refusal(operation: Operation, names: tuple[str, str], denial: Denial) -> StatusError:
    policy, binding = names
    why = (
        f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: "
        f"{denial.message}"
    )
    forbidden = refusals.forbidden(operation.served, operation.name, why)
    error = REASONS.get(denial.reason, Invalid)
    return error(forbidden.message, details=forbidden.details, causes=[Cause("", why)])

"""Policies with their bindings, as they stand in the store, and the parameters they take.

Both are read again after one of them has changed, which observers tell, so that a policy counts
from the moment its creation is acknowledged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from towpath.apiserver.admission.policies.evaluation import Expression, conditions_of
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import loads
from towpath.apiserver.kinds.admission.expressions import Language, language_of
from towpath.machinery.objects import RawObject, labels_of
from towpath.machinery.selectors import from_object
from towpath.store.contract import Event, Store

P = TypeVar("P", bound="Policy")


class NotConfigured(Exception):
    """A policy that cannot be asked; `str()` says why."""


@dataclass(frozen=True)
class Policy:
    """What all kinds of policies have."""

    raw: RawObject

    @property
    def name(self) -> str:
        return str(self.raw["metadata"]["name"])

    @property
    def spec(self) -> RawObject:
        spec: RawObject = self.raw["spec"]
        return spec

    @property
    def fails_closed(self) -> bool:
        return bool(self.spec.get("failurePolicy", "Fail") == "Fail")

    @property
    def is_mutating(self) -> bool:
        return False

    @cached_property
    def language(self) -> Language:
        return language_of(self.spec, mutating=self.is_mutating)

    @cached_property
    def conditions(self) -> tuple[Expression, ...]:
        return conditions_of(self.spec, self.language)


@dataclass(frozen=True)
class Bound(Generic[P]):
    policy: P
    bindings: list[RawObject]


class Bindings(Generic[P]):
    """All policies of one kind that have bindings, in the order of their names."""

    def __init__(
        self, store: Store, policies: str, bindings: str, make: Callable[[RawObject], P]
    ) -> None:
        self._store = store
        self._policies = policies
        self._bindings = bindings
        self._make = make
        self._known: list[Bound[P]] | None = None
        store.observe(policies, self._changed)
        store.observe(bindings, self._changed)

    def _changed(self, _event: Event) -> None:
        self._known = None

    def all(self) -> list[Bound[P]]:
        if self._known is None:
            self._known = [*self._read()]
        return self._known

    def _read(self) -> Iterator[Bound[P]]:
        by_policy: dict[str, list[RawObject]] = {}
        for _, stored in self._store.scan(self._bindings):
            binding = loads(stored.value)
            by_policy.setdefault(binding["spec"]["policyName"], []).append(binding)
        for name, stored in self._store.scan(self._policies):
            if name in by_policy:
                yield Bound(self._make(loads(stored.value)), by_policy[name])


def params_of(
    core: Core, operation: Operation, policy: RawObject, binding: RawObject
) -> list[RawObject | None]:
    """The objects to evaluate with, one after the other; None where there are none.

    Raises NotConfigured.
    """
    kind, reference = policy.get("paramKind"), binding.get("paramRef")
    if kind is None or reference is None:
        return [None]
    served = core.registry.of_kind(kind["apiVersion"], kind["kind"])
    assert served is not None, "asked before"
    namespaced, namespace = served.resource.namespaced, reference.get("namespace") or ""
    if namespace and not namespaced:
        raise NotConfigured(
            "paramRef.namespace must not be provided for a cluster-scoped `paramKind`"
        )
    namespace = namespace or operation.namespace
    if namespaced and not namespace:
        raise NotConfigured(
            "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        )
    if name := reference.get("name"):
        stored = core.store.get(served.collection, key_for(served, namespace, name))
        found = [loads(stored.value)] if stored is not None else []
    else:
        selector = from_object(reference.get("selector"))
        entries = core.store.scan(served.collection, f"{namespace}/" if namespaced else "")
        objects = (loads(stored.value) for _, stored in entries)
        found = [obj for obj in objects if selector.matches(labels_of(obj))]
    if not found and reference.get("parameterNotFoundAction") == "Deny":
        raise NotConfigured(
            "no params found for policy binding with `Deny` parameterNotFoundAction"
        )
    return [*found]


def check_param_kind(core: Core, policy: RawObject) -> None:
    """Raises NotConfigured."""
    kind = policy.get("paramKind")
    if kind is None or core.registry.of_kind(kind["apiVersion"], kind["kind"]) is not None:
        return
    group, _, version = kind["apiVersion"].rpartition("/")
    raise NotConfigured(
        f"failed to find resource referenced by paramKind: '{group}/{version}, Kind={kind['kind']}'"
    )

"""Refuse what would exceed a quota.

Writes that are accepted and not yet visible count as reservations: they end when the commit shows
the object, or when the write has failed.
"""

from fractions import Fraction

from towpath.apiserver import refusals
from towpath.apiserver.core import Core, Operation, key_for
from towpath.apiserver.encoding import loads
from towpath.apiserver.quota.usage import (
    PODS,
    Usage,
    collections_of,
    takes,
    unspecified,
    usage_of,
    used_in,
)
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import format_quantity, parse_quantity
from towpath.store.contract import Event, Store

QUOTAS = "core/resourcequotas"
Slot = tuple[str, str]


class QuotaAdmission:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._reserved: dict[Slot, tuple[str, RawObject, Usage]] = {}
        store.observe("", self._observe)

    async def __call__(self, core: Core, operation: Operation) -> None:
        """Raises Forbidden, as Kubernetes does, naming the quota and the amounts."""
        served = operation.served
        if operation.kind == "DELETE" or not served.resource.namespaced:
            return
        quotas = self._store.scan(QUOTAS, f"{operation.namespace}/")
        if not quotas or operation.target.subresource:
            return
        collection = served.collection
        delta = _delta(collection, operation)
        if not delta:
            return
        for _, stored in quotas:
            quota = loads(stored.value)
            hard = (quota.get("spec") or {}).get("hard") or {}
            if collection in collections_of(hard) and takes(quota, collection, operation.obj):
                self._check(operation, quota, delta)
        if not operation.dry_run:
            self._reserve(operation, delta)

    def _check(self, operation: Operation, quota: RawObject, delta: Usage) -> None:
        hard: dict[str, str] = quota["spec"]["hard"]
        name = quota["metadata"]["name"]
        if operation.served.collection == PODS and operation.kind == "CREATE":
            missing = unspecified(operation.obj.get("spec") or {}, hard)
            if missing:
                why = f"failed quota: {name}: must specify {'; '.join(missing)}"
                raise refusals.forbidden(operation.served, operation.name, why)
        wanted = {limit: delta[limit] for limit in hard if delta.get(limit, 0) > 0}
        if not wanted:
            return
        used = used_in(self._store, operation.namespace, quota)
        for namespace, obj, reserved in self._reserved.values():
            if namespace == operation.namespace and takes(quota, operation.served.collection, obj):
                for limit in used:
                    used[limit] += reserved.get(limit, 0)
        exceeded = [
            limit
            for limit, amount in sorted(wanted.items())
            if used[limit] + amount > parse_quantity(str(hard[limit]))
        ]
        if exceeded:
            why = (
                f"exceeded quota: {name}, requested: {_show(wanted, exceeded, hard)}, "
                f"used: {_show(used, exceeded, hard)}, "
                f"limited: {','.join(f'{limit}={hard[limit]}' for limit in exceeded)}"
            )
            raise refusals.forbidden(operation.served, operation.name, why)

    def _reserve(self, operation: Operation, delta: Usage) -> None:
        served = operation.served
        slot = (served.collection, key_for(served, operation.namespace, operation.name))
        self._reserved[slot] = (operation.namespace, operation.obj, delta)
        operation.when_ended.append(lambda: self._reserved.pop(slot, None))

    def _observe(self, event: Event) -> None:
        if self._reserved:
            self._reserved.pop((event.collection, event.key), None)


def _delta(collection: str, operation: Operation) -> Usage:
    """What the write adds to the usage; empty when nothing grows."""
    new = usage_of(collection, operation.obj)
    old = usage_of(collection, operation.old) if operation.old is not None else {}
    grown = {name: amount - old.get(name, Fraction(0)) for name, amount in new.items()}
    return {name: amount for name, amount in grown.items() if amount > 0}


def _show(amounts: Usage, names: list[str], like: dict[str, str]) -> str:
    return ",".join(f"{name}={format_quantity(amounts[name], str(like[name]))}" for name in names)

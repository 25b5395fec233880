"""status.used of quotas, recomputed when something in their namespace changes."""

from towpath.apiserver.calls import Target, WriteOptions
from towpath.apiserver.core import Core
from towpath.apiserver.encoding import loads
from towpath.apiserver.quota.usage import collections_of, used_in
from towpath.apiserver.verbs.update import change
from towpath.apiserver.work import WorkSet
from towpath.machinery.core_kinds import RESOURCE_QUOTA
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import RawObject
from towpath.machinery.quantities import format_quantity
from towpath.machinery.users import AUTHENTICATED, MASTERS, UserInfo
from towpath.store.contract import Event

CONTROLLER = UserInfo(
    "system:serviceaccount:kube-system:resourcequota-controller", (MASTERS, AUTHENTICATED)
)
QUOTAS = "core/resourcequotas"


class QuotaStatus:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._limits: dict[str, dict[str, set[str]]] = {}
        """By namespace, by quota: the collections that count against it."""
        self._work = WorkSet("quota-status", self._refresh)
        for key, stored in core.store.scan(QUOTAS):
            self._note(key, stored.value)
        core.store.observe("", self._observe)

    async def run(self) -> None:
        await self._work.run(1)

    def _observe(self, event: Event) -> None:
        if event.collection == QUOTAS:
            if event.deleted:
                namespace, _, name = event.key.partition("/")
                self._limits.get(namespace, {}).pop(name, None)
            else:
                self._note(event.key, event.value)
        if not self._limits or "/" not in event.key:
            return
        namespace = event.key.partition("/")[0]
        for name, collections in self._limits.get(namespace, {}).items():
            if event.collection in collections:
                self._work.add((namespace, name))

    def _note(self, key: str, value: bytes) -> None:
        namespace, _, name = key.partition("/")
        hard = (loads(value).get("spec") or {}).get("hard") or {}
        self._limits.setdefault(namespace, {})[name] = collections_of(hard)
        self._work.add((namespace, name))

    async def _refresh(self, slot: tuple[str, str]) -> None:
        namespace, name = slot

        def with_usage(quota: RawObject) -> RawObject:
            hard = (quota.get("spec") or {}).get("hard") or {}
            used = used_in(self._core.store, namespace, quota)
            quota["status"] = {
                "hard": hard,
                "used": {
                    limit: format_quantity(amount, str(hard[limit]))
                    for limit, amount in used.items()
                },
            }
            return quota

        target = Target(RESOURCE_QUOTA, namespace, name, "status")
        try:
            await change(self._core, CONTROLLER, target, WriteOptions(), "update", with_usage)
        except NotFound:
            return

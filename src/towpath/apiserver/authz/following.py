"""Keeps the RBAC index current from the store, and fills in aggregated ClusterRoles.

A change reaches the index inside its own commit, before its writer is answered: who was given a
role may use it at once. Decisions on aggregated roles use the index; `fill_aggregated_roles`
writes their rules into the objects, so that people see what they say.
"""

from collections.abc import Callable
from functools import partial

import orjson

from towpath.apiserver.authz.index import RbacIndex, RoleRef
from towpath.apiserver.calls import Target, Verbs, WriteOptions
from towpath.apiserver.registry import collection_of
from towpath.apiserver.verbs.apply import APPLY
from towpath.apiserver.work import WorkSet
from towpath.machinery.core_kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from towpath.machinery.errors import Conflict, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import key_of
from towpath.machinery.users import PLATFORM
from towpath.store.contract import Event, Store

FOLLOWED = (CLUSTER_ROLE, ROLE, CLUSTER_ROLE_BINDING, ROLE_BINDING)

AGGREGATOR = "clusterrole-aggregation-controller"


class RbacFollower:
    def __init__(self, index: RbacIndex, store: Store) -> None:
        """Reads what there is and follows from then on."""
        self._index = index
        self._cluster_roles_changed: Callable[[], None] = lambda: None
        for resource in FOLLOWED:
            self._follow(store, resource)

    def _follow(self, store: Store, resource: Resource) -> None:
        kind = resource.kind
        collection = collection_of(resource.group, resource.plural)

        def observe(event: Event) -> None:
            obj = orjson.loads(event.value)
            if event.deleted:
                self._index.remove(kind, key_of(obj))
            else:
                self._index.put(kind, obj)
            if resource is CLUSTER_ROLE:
                self._cluster_roles_changed()

        store.observe(collection, observe)
        for _, stored in store.scan(collection, ""):
            self._index.put(kind, orjson.loads(stored.value))

    async def fill_aggregated_roles(self, verbs: Verbs) -> None:
        """Until cancelled."""
        work = WorkSet("aggregated-roles", partial(self._fill, verbs))

        def look() -> None:
            for name, role in self._index.cluster_roles.items():
                if role.selectors:
                    work.add(name)

        self._cluster_roles_changed = look
        look()
        await work.run(1)

    async def _fill(self, verbs: Verbs, name: str) -> None:
        role = self._index.cluster_roles.get(name)
        rules = self._index.rules_at(RoleRef("", name))
        if role is None or rules == role.rules:
            return
        applied = CLUSTER_ROLE.object(name)
        if rules:
            applied["rules"] = [rule.to_object() for rule in rules]
        target = Target(CLUSTER_ROLE, name=name)
        options = WriteOptions(field_manager=AGGREGATOR, force=True)
        try:
            await verbs.patch(PLATFORM, target, applied, APPLY, options)
        except (NotFound, Conflict):
            return  # it changed under us: its own event brings us back

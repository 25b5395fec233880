"""Keeps the RBAC index current from the API's own watches, and fills in aggregated ClusterRoles.

`load` must have run before the first request is authorised; `run` goes on until it is cancelled.
"""

import asyncio
import logging
from contextlib import aclosing

import orjson

from towpath.apiserver.authz.index import RBAC_GROUP, RbacIndex, RoleRef
from towpath.apiserver.calls import (
    Change,
    ReadOptions,
    Target,
    Verbs,
    WatchOptions,
    WriteOptions,
)
from towpath.machinery.errors import Conflict, Gone, NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, key_of
from towpath.machinery.users import PLATFORM

ROLES = Resource(RBAC_GROUP, "v1", "Role", "roles")
ROLE_BINDINGS = Resource(RBAC_GROUP, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLES = Resource(RBAC_GROUP, "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(
    RBAC_GROUP, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
FOLLOWED = (CLUSTER_ROLES, ROLES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS)

AGGREGATOR = "clusterrole-aggregation-controller"
RETRY_AFTER_S = 1.0

log = logging.getLogger(__name__)


class RbacFollower:
    def __init__(self, index: RbacIndex, verbs: Verbs) -> None:
        self._index = index
        self._verbs = verbs
        self._since: dict[str, str] = {}

    async def load(self) -> None:
        """Read every role and binding once."""
        for resource in FOLLOWED:
            await self._list(resource)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for resource in FOLLOWED:
                tasks.create_task(self._follow(resource))

    async def _follow(self, resource: Resource) -> None:
        while True:
            try:
                if resource.kind not in self._since:
                    await self._list(resource)
                await self._watch(resource)
            except Gone:
                self._since.pop(resource.kind, None)
            except StatusError as error:
                log.warning("RBAC watch failed", extra={"kind": resource.kind, "error": str(error)})
                self._since.pop(resource.kind, None)
                await asyncio.sleep(RETRY_AFTER_S)

    async def _list(self, resource: Resource) -> None:
        page = await self._verbs.list(PLATFORM, Target(resource), ReadOptions())
        objects = [orjson.loads(item) for item in page.items]
        for stale in self._index.keys(resource.kind) - {key_of(obj) for obj in objects}:
            self._index.remove(resource.kind, stale)
        for obj in objects:
            self._index.put(resource.kind, obj)
        self._since[resource.kind] = page.resource_version

    async def _watch(self, resource: Resource) -> None:
        options = WatchOptions(resource_version=self._since[resource.kind], bookmarks=True)
        if resource is CLUSTER_ROLES:
            await self._fill_aggregated_roles()
        async with aclosing(self._verbs.watch(PLATFORM, Target(resource), options)) as changes:
            async for change in changes:
                self._take(resource, change)
                if resource is CLUSTER_ROLES and change.type != "BOOKMARK":
                    await self._fill_aggregated_roles()

    def _take(self, resource: Resource, change: Change) -> None:
        obj: RawObject = orjson.loads(change.object)
        self._since[resource.kind] = obj["metadata"]["resourceVersion"]
        if change.type == "DELETED":
            self._index.remove(resource.kind, key_of(obj))
        elif change.type != "BOOKMARK":
            self._index.put(resource.kind, obj)

    async def _fill_aggregated_roles(self) -> None:
        """Decisions use the index; the objects are filled so that people see what they say."""
        for name, role in list(self._index.cluster_roles.items()):
            if not role.selectors:
                continue
            rules = self._index.rules_at(RoleRef("", name))
            if rules == role.rules:
                continue
            patch = {"rules": [rule.to_object() for rule in rules]}
            target = Target(CLUSTER_ROLES, name=name)
            options = WriteOptions(field_manager=AGGREGATOR)
            try:
                await self._verbs.patch(
                    PLATFORM, target, patch, "application/merge-patch+json", options
                )
            except (NotFound, Conflict):
                continue  # it changed under us: its own event brings us back

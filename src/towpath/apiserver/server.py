"""ApiServer: one Kubernetes API over one store. An instance is cheap; a process may hold many.

    api = await ApiServer.start(store, authorize=...)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(api.run())        # garbage collection, namespaces, expiry, compaction

The verbs work from `start` on; `run` does what the API promises to do by itself afterwards.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from copy import deepcopy

from towpath.apiserver import verbs
from towpath.apiserver.accounts import DefaultAccounts
from towpath.apiserver.admission import mutating_chain, validating_chain
from towpath.apiserver.builtin import builtin_resources
from towpath.apiserver.calls import (
    Change,
    Deleted,
    DeleteOptions,
    Page,
    Patch,
    ReadOptions,
    Target,
    WatchOptions,
    WriteOptions,
    Written,
)
from towpath.apiserver.content import ContentDeletion
from towpath.apiserver.core import Admit, Core, allow_all, key_for
from towpath.apiserver.definitions import serve_definitions
from towpath.apiserver.garbage import GarbageCollector
from towpath.apiserver.indexes import Indexes
from towpath.apiserver.kinds.small_kinds import SYSTEM_PRIORITIES
from towpath.apiserver.quota import QuotaStatus
from towpath.apiserver.registry import Registry
from towpath.apiserver.upkeep import Upkeep
from towpath.machinery.core_kinds import NAMESPACE, PRIORITY_CLASS, SERVICE
from towpath.machinery.errors import AlreadyExists
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM, AccessRequest, Authorize, UserInfo
from towpath.store.contract import AuditRow, Store

FIRST_NAMESPACES = ("default", "kube-system", "kube-public")
OWN_SERVICE: RawObject = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    },
    "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
}
"""What clients inside a cluster look for; they are told the address by their kubeconfig here."""


class CoreVerbs:
    """Implements calls.Verbs over a core, and nothing besides."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def get(self, user: UserInfo, target: Target, version: str = "") -> bytes:
        return await verbs.get(self.core, user, target, version)

    async def list(self, user: UserInfo, target: Target, options: ReadOptions) -> Page:
        return await verbs.list_page(self.core, user, target, options)

    def watch(
        self, user: UserInfo, target: Target, options: WatchOptions
    ) -> AsyncGenerator[Change, None]:
        return verbs.watch(self.core, user, target, options)

    async def create(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written:
        if target.subresource:
            return await verbs.create_subresource(self.core, user, target, obj, options)
        return await verbs.create(self.core, user, target, obj, options)

    async def update(
        self, user: UserInfo, target: Target, obj: RawObject, options: WriteOptions
    ) -> Written:
        return await verbs.update(self.core, user, target, obj, options)

    async def patch(
        self,
        user: UserInfo,
        target: Target,
        patch: Patch,
        media_type: str,
        options: WriteOptions,
    ) -> Written:
        return await verbs.patch(self.core, user, target, patch, media_type, options)

    async def delete(self, user: UserInfo, target: Target, options: DeleteOptions) -> Deleted:
        return await verbs.delete(self.core, user, target, options)

    async def delete_collection(
        self, user: UserInfo, target: Target, selection: ReadOptions, options: DeleteOptions
    ) -> Page:
        return await verbs.delete_collection(self.core, user, target, selection, options)


class ApiServer(CoreVerbs):
    """`core` holds what the wire reads: store, registry, authorize."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._garbage = GarbageCollector(core)
        self._content = ContentDeletion(core)
        self._accounts = DefaultAccounts(core)
        self._quota = QuotaStatus(core)
        self._upkeep = Upkeep(core)

    @classmethod
    async def start(
        cls,
        store: Store,
        *,
        authorize: Authorize = allow_all,
        explain: Callable[[UserInfo, AccessRequest], str] = lambda _user, _request: "",
        validating: tuple[Admit, ...] = (),
    ) -> "ApiServer":
        """Serve what the store holds. The caller keeps the store and closes it.

        `validating` is asked about every write after the server's own checks.
        """
        registry = Registry(builtin_resources())
        serve_definitions(store, registry)
        chains = (mutating_chain(store), validating_chain(store, validating))
        api = cls(Core(store, registry, authorize, Indexes(store), *chains, explain))
        for name in FIRST_NAMESPACES:
            await api._ensure(NAMESPACE.object(name), NAMESPACE)
        for name, value in SYSTEM_PRIORITIES.items():
            await api._ensure(PRIORITY_CLASS.object(name, value=value), PRIORITY_CLASS)
        await api._ensure(deepcopy(OWN_SERVICE), SERVICE)
        return api

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._garbage.run(), name="garbage")
            tasks.create_task(self._content.run(), name="content")
            tasks.create_task(self._accounts.run(), name="accounts")
            tasks.create_task(self._quota.run(), name="quota")
            tasks.create_task(self._upkeep.run(), name="upkeep")

    async def writers(
        self, resource: Resource, name: str, namespace: str = "", *, limit: int = 20
    ) -> Sequence[AuditRow]:
        """Who wrote an object, newest first; deletions included, also when it is gone."""
        served = self.core.registry.find(resource)
        key = key_for(served, namespace, name)
        return await self.core.store.writers(served.collection, key, limit=limit)

    async def _ensure(self, obj: RawObject, resource: Resource) -> None:
        served, metadata = self.core.registry.find(resource), obj["metadata"]
        namespace = metadata.get("namespace", "")
        key = key_for(served, namespace, metadata["name"])
        if self.core.store.get(served.collection, key) is None:
            with suppress(AlreadyExists):
                await self.create(PLATFORM, Target(resource, namespace), obj, WriteOptions())

"""A client on the verbs: the same rights and the same answers as over the wire, without it.

Objects handed out are the caller's own; objects handed in are copied, never changed.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from towpath.apiserver.calls import (
    DeleteOptions,
    Patch,
    ReadOptions,
    Target,
    Verbs,
    WatchOptions,
    WriteOptions,
    Written,
)
from towpath.apiserver.columns import columns_for
from towpath.apiserver.encoding import copy_of, loads
from towpath.apiserver.registry import Registry
from towpath.apiserver.verbs.apply import APPLY
from towpath.client.protocols import (
    Client,
    EventType,
    ObjectList,
    ObjectTable,
    PatchType,
    Propagation,
    TableColumn,
    TableRow,
    WatchEvent,
)
from towpath.machinery.errors import Conflict, Forbidden, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, key_of
from towpath.machinery.users import (
    AUTHENTICATED,
    MASTERS,
    UserInfo,
    service_account,
)

log = logging.getLogger(__name__)

Resources = list[Resource]

DECODED_AT_ONCE = 500
REPLACE_TRIES = 20
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"


class InProcessClient:
    """Implements client.protocols.Client as one user of one API server."""

    def __init__(
        self, verbs: Verbs, registry: Registry, user: UserInfo, *, manager: str = "towpath"
    ) -> None:
        self._verbs = verbs
        self._registry = registry
        self._user = user
        self._manager = manager

    def acting_as(self, username: str, groups: tuple[str, ...] = ()) -> Client:
        """Impersonate, which in this process only members of system:masters may."""
        if MASTERS not in self._user.groups:
            raise Forbidden(f'User "{self._user.name}" cannot impersonate "{username}"')
        user = _impersonated(username, groups)
        return InProcessClient(self._verbs, self._registry, user, manager=self._manager)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> RawObject:
        return loads(await self._verbs.get(self._user, Target(resource, namespace, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectList:
        options = ReadOptions(
            label_selector=labels,
            field_selector=fields,
            limit=limit,
            continue_token=continue_token,
        )
        page = await self._verbs.list(self._user, Target(resource, namespace), options)
        items: list[RawObject] = []
        for start in range(0, len(page.items), DECODED_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            items += map(loads, page.items[start : start + DECODED_AT_ONCE])
        return ObjectList(items, page.resource_version, page.continue_token)

    async def table(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        name: str = "",
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
    ) -> ObjectTable:
        columns, now = columns_for(self._registry.find(resource)), datetime.now(UTC)
        shown = [_column(definition) for definition in columns.definitions]
        if name:
            found = await self.get(resource, name, namespace)
            return ObjectTable(shown, [TableRow(columns.cells(found, now), found)])
        listed = await self.list(
            resource,
            namespace,
            labels=labels,
            fields=fields,
            limit=limit,
            continue_token=continue_token,
        )
        rows = [
            TableRow(columns.cells(obj, now), {"metadata": obj["metadata"]}) for obj in listed.items
        ]
        return ObjectTable(shown, rows, listed.continue_token)

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        since: str,
        labels: str = "",
        fields: str = "",
    ) -> AsyncGenerator[WatchEvent, None]:
        options = WatchOptions(
            resource_version=since, label_selector=labels, field_selector=fields, bookmarks=True
        )
        changes = self._verbs.watch(self._user, Target(resource, namespace), options)
        try:
            async for change in changes:
                yield WatchEvent(EventType(change.type), loads(change.object))
        finally:
            await changes.aclose()

    async def create(
        self, resource: Resource, obj: RawObject, *, dry_run: bool = False
    ) -> RawObject:
        target = Target(resource, obj["metadata"].get("namespace", ""))
        options = WriteOptions(dry_run=dry_run, field_manager=self._manager)
        return _object(await self._verbs.create(self._user, target, copy_of(obj), options))

    async def update(
        self, resource: Resource, obj: RawObject, *, subresource: str = ""
    ) -> RawObject:
        key = key_of(obj)
        target = Target(resource, key.namespace, key.name, subresource)
        options = WriteOptions(field_manager=self._manager)
        if obj["metadata"].get("resourceVersion"):
            return _object(await self._verbs.update(self._user, target, copy_of(obj), options))
        return await self._replace(target, obj, options)

    async def _replace(self, target: Target, obj: RawObject, options: WriteOptions) -> RawObject:
        """An update that names no version means: whatever is there now."""
        for left in reversed(range(REPLACE_TRIES)):
            current = loads(
                await self._verbs.get(
                    self._user, Target(target.resource, target.namespace, target.name)
                )
            )
            wanted = copy_of(obj)
            wanted["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
            try:
                written = await self._verbs.update(self._user, target, wanted, options)
            except Conflict:
                if not left:
                    raise
            else:
                return _object(written)
        raise AssertionError("the last try returns or raises")

    async def patch(
        self,
        resource: Resource,
        name: str,
        namespace: str,
        patch: Patch,
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
    ) -> RawObject:
        target = Target(resource, namespace, name, subresource)
        options = WriteOptions(field_manager=self._manager)
        return _object(await self._verbs.patch(self._user, target, patch, patch_type, options))

    async def apply(
        self,
        resource: Resource,
        obj: RawObject,
        *,
        manager: str,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        strict: bool = False,
    ) -> RawObject:
        key = key_of(obj)
        target = Target(resource, key.namespace, key.name, subresource)
        options = WriteOptions(
            dry_run=dry_run,
            field_manager=manager,
            field_validation="Strict" if strict else "Warn",
            force=force,
        )
        return _object(await self._verbs.patch(self._user, target, copy_of(obj), APPLY, options))

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        propagation: Propagation = Propagation.BACKGROUND,
        grace_period_s: int | None = None,
    ) -> None:
        options = DeleteOptions(
            propagation_policy=propagation, uid=uid, grace_period_s=grace_period_s
        )
        await self._verbs.delete(self._user, Target(resource, namespace, name), options)

    async def resolve(self, api_version: str, kind: str) -> Resource:
        served = self._registry.of_kind(api_version, kind)
        if served is None:
            raise NotFound(f'no matches for kind "{kind}" in version "{api_version}"')
        return served.resource

    async def resources(self) -> Resources:
        return [served.resource for served in self._registry.preferred() if "list" in served.verbs]


def _column(definition: dict[str, Any]) -> TableColumn:
    return TableColumn(
        definition["name"], definition["type"], definition["priority"], definition["description"]
    )


def _object(written: Written) -> RawObject:
    for warning in written.warnings:
        _tell(warning)
    return loads(written.object)


@lru_cache(maxsize=1000)
def _tell(warning: str) -> None:
    """Once each: a controller has nobody to show it to, and does the same again and again."""
    log.warning("the API warns a controller", extra={"warning": warning})


def _impersonated(username: str, groups: tuple[str, ...]) -> UserInfo:
    if username.startswith(SERVICE_ACCOUNT_PREFIX) and not groups:
        namespace, _, name = username.removeprefix(SERVICE_ACCOUNT_PREFIX).partition(":")
        return service_account(namespace, name)
    return UserInfo(username, tuple(dict.fromkeys((*groups, AUTHENTICATED))))

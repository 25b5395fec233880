"""The objects that the platform itself brings: kinds first, then what is made of them."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Protocol

from towpath.client.protocols import Client, EventType, ObjectList
from towpath.machinery.conditions import is_true
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject, key_of

MANAGER = "towpath-install"
KIND_DEADLINE_S = 30.0
KIND_TRY_EVERY_S = 0.05


class Applying(Protocol):
    """What of a client is used to bring objects along."""

    async def apply(
        self, resource: Resource, obj: RawObject, *, manager: str, force: bool
    ) -> RawObject: ...
    async def resolve(self, api_version: str, kind: str) -> Resource: ...
    async def list(self, resource: Resource, *, limit: int) -> ObjectList: ...


async def apply_kinds(client: Applying, definitions: Sequence[RawObject]) -> None:
    """Install CustomResourceDefinitions. All are independent, so they share one commit."""
    await asyncio.gather(*(_apply_kind(client, crd) for crd in definitions))


async def _apply_kind(client: Applying, definition: RawObject) -> None:
    """Ours serves a kind when the write returns; a kube-apiserver does a moment later."""
    applied = await client.apply(
        CUSTOM_RESOURCE_DEFINITION, definition, manager=MANAGER, force=True
    )
    if is_true(applied, "Established"):
        return
    spec = definition["spec"]
    kind, group = spec["names"]["kind"], spec["group"]
    try:
        async with asyncio.timeout(KIND_DEADLINE_S):
            for version in spec["versions"]:
                if version["served"]:
                    await _until_served(client, f"{group}/{version['name']}", kind)
    except TimeoutError as error:
        name = definition["metadata"]["name"]
        raise RuntimeError(
            f"the API server does not serve {name} {KIND_DEADLINE_S:.0f} s after it took the "
            f"definition; see `kubectl describe crd {name}`"
        ) from error


async def _until_served(client: Applying, api_version: str, kind: str) -> None:
    """In discovery and in fact: there, one follows the other, and neither can be watched."""
    while True:
        try:
            await client.list(await client.resolve(api_version, kind), limit=1)
        except NotFound:
            await asyncio.sleep(KIND_TRY_EVERY_S)
        else:
            return


async def ensure_namespaces(client: Client, names: Iterable[str]) -> None:
    for name in names:
        try:
            await client.get(NAMESPACE, name)
        except NotFound:
            await client.create(NAMESPACE, NAMESPACE.object(name))


async def apply_objects(client: Applying, objects: Iterable[RawObject]) -> None:
    """Apply in the given order: later ones may stand on earlier ones."""
    for obj in objects:
        resource = await _resolve(client, obj)
        await client.apply(resource, obj, manager=MANAGER, force=True)


async def _resolve(client: Applying, obj: RawObject) -> Resource:
    try:
        return await client.resolve(obj["apiVersion"], obj["kind"])
    except NotFound as error:
        name = obj["metadata"]["name"]
        raise RuntimeError(f"{obj['kind']} {name!r} is shipped, but its kind is not") from error


async def all_ready(client: Client, resource: Resource) -> None:
    """Wait until every object of the kind that is there now is ready."""
    listed = await client.list(resource)
    unready = {key_of(obj) for obj in listed.items if not _is_ready(obj)}
    if not unready:
        return
    async with aclosing(client.watch(resource, since=listed.resource_version)) as events:
        async for event in events:
            if event.type is EventType.DELETED or _is_ready(event.object):
                unready.discard(key_of(event.object))
            if not unready:
                return


def _is_ready(obj: RawObject) -> bool:
    return is_true(obj, "Ready")

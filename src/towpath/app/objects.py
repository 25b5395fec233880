"""The objects that the platform itself brings: kinds first, then what is made of them."""

import asyncio
from collections.abc import Iterable, Sequence

from towpath.client.protocols import Client
from towpath.machinery.errors import NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

MANAGER = "towpath-install"
CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
NAMESPACE = Resource("", "v1", "Namespace", "namespaces", namespaced=False)
KIND_DEADLINE_S = 10.0


async def apply_kinds(client: Client, definitions: Sequence[RawObject]) -> None:
    """Install CustomResourceDefinitions. All are independent, so they share one commit."""
    await asyncio.gather(
        *(client.apply(CRD, crd, manager=MANAGER, force=True) for crd in definitions)
    )


async def apply_namespaces(client: Client, names: Iterable[str]) -> None:
    for name in names:
        await client.apply(NAMESPACE, NAMESPACE.object(name), manager=MANAGER, force=True)


async def apply_objects(client: Client, objects: Iterable[RawObject]) -> None:
    """Apply in the given order: later ones may stand on earlier ones."""
    for obj in objects:
        resource = await _resolve(client, obj)
        await client.apply(resource, obj, manager=MANAGER, force=True)


async def _resolve(client: Client, obj: RawObject) -> Resource:
    try:
        return await client.resolve(obj["apiVersion"], obj["kind"])
    except NotFound as error:
        name = obj["metadata"]["name"]
        raise RuntimeError(f"{obj['kind']} {name!r} is shipped, but its kind is not") from error

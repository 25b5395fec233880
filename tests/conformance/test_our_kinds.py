"""A real kube-apiserver serves every kind and object that we ship, and takes what ours takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.examples import EXAMPLES, variants
from tests.engines.kube import Kube, kube_front
from tests.wire import wired_api_server

from towpath.app.capabilities import BUILT_IN
from towpath.app.objects import apply_kinds, apply_objects, ensure_namespaces
from towpath.capabilities.infrastructure.compositions.crd import composite_crd
from towpath.client.protocols import Client
from towpath.hooks.platform import ARGOCD_NAMESPACE, SYSTEM_NAMESPACE
from towpath.machinery.conditions import get_condition, is_true
from towpath.machinery.core_kinds import CUSTOM_RESOURCE_DEFINITION
from towpath.machinery.errors import StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

PROJECT = "our-kinds"
FORMAT_OF_WRONG_TYPE = "in body must be of type byte"
"""The one accepted difference, `format-of-wrong-type` in docs/reference/differences.md."""


def shipped_kinds() -> list[RawObject]:
    kinds = [
        crd
        for capability in BUILT_IN
        for crd in (*capability.load_kinds(), *capability.load_cluster_kinds())
    ]
    defined = [
        composite_crd({**obj, "metadata": {**obj["metadata"], "uid": "0" * 36}})
        for obj in shipped_objects()
        if obj["kind"] == "CompositeResourceDefinition"
    ]
    for crd in defined:
        crd["metadata"].pop("ownerReferences", None)
    return [*kinds, *defined]


def shipped_objects() -> list[RawObject]:
    return [obj for capability in BUILT_IN for obj in capability.load_objects()]


async def install(client: Client) -> None:
    await apply_kinds(client, shipped_kinds())
    await ensure_namespaces(client, (SYSTEM_NAMESPACE, ARGOCD_NAMESPACE, PROJECT))
    await apply_objects(client, shipped_objects())


@pytest.fixture(scope="module")
def installed(real_kube: Kube) -> Kube:
    async def go() -> None:
        async with kube_front(real_kube) as front:
            await install(front.client())

    asyncio.run(go())
    return real_kube


@pytest.fixture
async def servers(installed: Kube, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    """A real one and ours, with everything that we ship."""
    async with AsyncExitStack() as stack:
        kube = await stack.enter_async_context(kube_front(installed))
        wired = await stack.enter_async_context(wired_api_server(tmp_path))
        ours = await stack.enter_async_context(wired.client())
        await install(ours)
        yield kube.client(), ours.acting_as(PLATFORM.name, PLATFORM.groups)


@pytest.mark.parametrize("crd", shipped_kinds(), ids=lambda crd: crd["metadata"]["name"])
async def test_kubernetes_serves_it(installed: Kube, crd: RawObject) -> None:
    async with kube_front(installed) as front:
        name = crd["metadata"]["name"]
        found = await front.client().get(CUSTOM_RESOURCE_DEFINITION, name)
        assert is_true(found, "Established")
        assert is_true(found, "NamesAccepted")
        assert get_condition(found, "NonStructuralSchema") is None


def resource_of(crd: RawObject) -> Resource:
    spec = crd["spec"]
    version, names = spec["versions"][0]["name"], spec["names"]
    return Resource(
        spec["group"], version, names["kind"], names["plural"], spec["scope"] == "Namespaced"
    )


def test_every_kind_has_an_example() -> None:
    assert {crd["spec"]["names"]["kind"] for crd in shipped_kinds()} == set(EXAMPLES)


@pytest.mark.parametrize("crd", shipped_kinds(), ids=lambda crd: crd["metadata"]["name"])
async def test_examples_are_taken_and_refused_alike(
    servers: tuple[Client, Client], crd: RawObject
) -> None:
    resource = resource_of(crd)
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    differ = []
    good = resource.object("example", PROJECT, **EXAMPLES[resource.kind])
    kube, ours = [await _answer(server, resource, good) for server in servers]
    assert isinstance(kube, dict), kube
    assert kube == ours
    for what, obj in variants(good, schema):
        kube, ours = [await _answer(server, resource, obj) for server in servers]
        if kube != ours and FORMAT_OF_WRONG_TYPE not in str(kube):
            differ.append(f"{what}\n   kubernetes: {kube}\n   ours:       {ours}")
    assert not differ, "\n" + "\n".join(differ)


async def _answer(server: Client, resource: Resource, obj: RawObject) -> Any:
    """What a dry create answers, without what is of one server only."""
    try:
        made = await server.create(resource, obj, dry_run=True)
    except StatusError as error:
        return f"{error.code} {error}"
    made["metadata"] = {"name": made["metadata"]["name"]}
    return made

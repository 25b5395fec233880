"""A stock Kubernetes client of Python against our server: typed objects, patches, watches."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import PatchType
from tests.wire import WiredApi

from towpath.machinery.kinds import Resource, custom_resource_definition

Widget = create_namespaced_resource("example.dev", "v1", "Widget", "widgets")
WIDGETS = Resource("example.dev", "v1", "Widget", "widgets")
DEFINITIONS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)


@pytest.fixture
async def lightkube(api: WiredApi) -> AsyncIterator[AsyncClient]:
    config = KubeConfig.from_file(api.kubeconfig)
    client = AsyncClient(config=config, namespace="default")
    yield client
    await client.close()


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels={"app": "demo"}), data=data)


async def test_create_get_replace_and_delete(lightkube: AsyncClient) -> None:
    created = await lightkube.create(config_map("c", a="1"))
    assert created.metadata is not None
    created.data = {"a": "2"}
    await lightkube.replace(created)
    assert (await lightkube.get(ConfigMap, "c")).data == {"a": "2"}
    await lightkube.delete(ConfigMap, "c")
    with pytest.raises(ApiError) as caught:
        await lightkube.get(ConfigMap, "c")
    assert caught.value.status.reason == "NotFound"


async def test_lists_and_patches(lightkube: AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await lightkube.create(config_map(name, x="1"))
    names = [
        found.metadata.name
        async for found in lightkube.list(ConfigMap, labels={"app": "demo"}, chunk_size=2)
        if found.metadata is not None
    ]
    assert names == ["a", "b", "c"]
    patched = await lightkube.patch(
        ConfigMap, "a", {"data": {"y": "2"}}, patch_type=PatchType.MERGE
    )
    assert patched.data == {"x": "1", "y": "2"}


async def test_typed_workloads_and_apply(lightkube: AsyncClient) -> None:
    container = Container(name="main", image="example.dev/app")
    labels = {"app": "demo"}
    deployment = Deployment(
        apiVersion="apps/v1",
        kind="Deployment",
        metadata=ObjectMeta(name="d", namespace="default"),
        spec=DeploymentSpec(
            selector=LabelSelector(matchLabels=labels),
            template=PodTemplateSpec(
                metadata=ObjectMeta(labels=labels), spec=PodSpec(containers=[container])
            ),
        ),
    )
    applied = await lightkube.apply(deployment, field_manager="test")
    assert applied.spec is not None
    assert applied.spec.replicas == 1
    scale = await lightkube.get(Deployment.Scale, "d")
    assert scale.spec is not None
    scale.spec.replicas = 3
    await lightkube.replace(scale, name="d")
    scaled = await lightkube.get(Deployment, "d")
    assert scaled.spec is not None
    assert scaled.spec.replicas == 3


async def test_watches_follow_changes(lightkube: AsyncClient) -> None:
    await lightkube.create(config_map("a", x="1"))
    seen = []
    async with asyncio.timeout(10):
        async for operation, found in lightkube.watch(ConfigMap):
            assert found.metadata is not None
            seen.append((operation, found.metadata.name))
            if len(seen) == 1:
                await lightkube.create(config_map("b"))
            elif len(seen) == 2:
                await lightkube.delete(ConfigMap, "a")
            else:
                break
    assert seen == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_custom_resources(api: WiredApi, lightkube: AsyncClient) -> None:
    spec = {"type": "object", "properties": {"size": {"type": "integer"}}}
    await api.front.client().create(DEFINITIONS, custom_resource_definition(WIDGETS, spec=spec))
    await lightkube.create(Widget(metadata=ObjectMeta(name="w"), spec={"size": 1}))
    assert (await lightkube.get(Widget, "w"))["spec"] == {"size": 1}


async def test_logs_of_a_pod(lightkube: AsyncClient) -> None:
    container = Container(name="main", image="example.dev/app")
    pod = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=[container]))
    await lightkube.create(pod)
    lines = [line async for line in lightkube.log("p", tail_lines=2)]
    assert lines == ["line 3 of p\n", "line 4 of p\n"]

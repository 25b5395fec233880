"""Kinds in several versions that a webhook converts, over real HTTPS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import RunningApi, eventually, running_api_server
from tests.webhooks import Webhook, running_webhook

from towpath.machinery.errors import Invalid, NotFound, StatusError
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

CRD = Resource(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
V1, V2 = (Resource("example.dev", version, "Rod", "rods") for version in ("v1", "v2"))


def definition(webhook: Webhook, path: str) -> RawObject:
    config = {"url": webhook.url + path, "caBundle": webhook.ca_bundle}
    webhook_part = {"conversionReviewVersions": ["v1"], "clientConfig": config}
    return CRD.object(
        "rods.example.dev",
        spec={
            "group": "example.dev",
            "scope": "Namespaced",
            "names": {"plural": "rods", "kind": "Rod"},
            "conversion": {"strategy": "Webhook", "webhook": webhook_part},
            "versions": [_version("v1", "size", storage=True), _version("v2", "length")],
        },
    )


def _version(name: str, measure: str, *, storage: bool = False) -> RawObject:
    spec = {"type": "object", "properties": {measure: {"type": "integer", "maximum": 10}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
    }


@pytest.fixture
async def webhook(tmp_path: Path) -> AsyncIterator[Webhook]:
    async with running_webhook(tmp_path) as webhook:
        yield webhook


@pytest.fixture
async def api() -> AsyncIterator[RunningApi]:
    async with running_api_server() as api:
        yield api


async def test_objects_are_read_and_written_in_every_version(
    api: RunningApi, webhook: Webhook
) -> None:
    client = api.client()
    await client.create(CRD, definition(webhook, "/convert"))
    await client.create(V1, V1.object("a", "default", spec={"size": 3}))
    made = await client.create(V2, V2.object("b", "default", spec={"length": 4}))
    assert (made["apiVersion"], made["spec"]) == ("example.dev/v2", {"length": 4})
    assert (await client.get(V2, "a", "default"))["spec"] == {"length": 3}
    assert (await client.get(V1, "b", "default"))["spec"] == {"size": 4}
    listed = await client.list(V2, "default")
    assert [obj["spec"] for obj in listed.items] == [{"length": 3}, {"length": 4}]
    changed = await client.patch(V2, "a", "default", {"spec": {"length": 5}})
    assert changed["spec"] == {"length": 5}
    assert (await client.get(V1, "a", "default"))["spec"] == {"size": 5}
    with pytest.raises(Invalid, match=r"spec\.length"):
        await client.patch(V2, "a", "default", {"spec": {"length": 50}})
    await client.delete(V2, "b", "default")
    assert len((await client.list(V1, "default")).items) == 1


async def test_a_webhook_changes_labels_but_nothing_else_of_metadata(
    api: RunningApi, webhook: Webhook
) -> None:
    client = api.client()
    await client.create(CRD, definition(webhook, "/convert"))
    made = await client.create(V1, V1.object("a", "default", spec={"size": 3}))
    shown = await client.get(V2, "a", "default")
    assert shown["metadata"].pop("labels") == {"by": "webhook"}
    assert shown["metadata"] == made["metadata"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/convert-not", "failed: nobody knows how"),
        ("/convert-silent", "response.result.status was '', not 'Success'"),
        ("/convert-few", "returned 0 objects, expected 1"),
        ("/convert-uid", "expected response.uid="),
        ("/convert-name", "invalid object: must have the same name: a != other"),
        ("/convert-kind", "invalid kind .expected Rod, received Other."),
        ("/convert-version", "invalid groupVersion .expected example.dev/v2, received"),
        ("/no-response", "no response provided"),
    ],
)
async def test_an_answer_without_sense_fails_the_read(
    api: RunningApi, webhook: Webhook, path: str, words: str
) -> None:
    client = api.client()
    await client.create(CRD, definition(webhook, path))
    await client.create(V1, V1.object("a", "default", spec={"size": 3}))
    for reading in (client.get(V2, "a", "default"), client.list(V2, "default")):
        with pytest.raises(StatusError, match=words) as caught:
            await reading
        assert caught.value.code == 500
    assert (await client.get(V1, "a", "default"))["spec"] == {"size": 3}


async def test_a_kind_goes_though_its_webhook_fails(api: RunningApi, webhook: Webhook) -> None:
    client = api.client()
    await client.create(CRD, definition(webhook, "/convert-not"))
    await client.create(V1, V1.object("a", "default", spec={"size": 3}))
    await client.delete(CRD, "rods.example.dev")

    async def is_gone() -> bool:
        try:
            await client.get(CRD, "rods.example.dev")
        except NotFound:
            return True
        return False

    await eventually(is_gone)

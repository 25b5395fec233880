"""An API in the portal: what it offers, what has changed, its file, and who finds it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, RunningPortal, running_portal
from tests.unit.capabilities.apis.test_languages import OPENAPI
from tests.unit.capabilities.docs.test_building import platform_of

from towpath.capabilities.portal.apis.files import apis
from towpath.capabilities.portal.apis.indexing import READER, Indexing
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.engines.git.port import File, RepositoryName, Signature
from towpath.hooks.apis import ApiRequest
from towpath.machinery.documents import dump_document
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import Key
from towpath.records.contract import Entity, Viewer
from towpath.runtime.catalogsources import CatalogSources

HERE = "/apis/demo/orders"
REPOSITORY = RepositoryName("demo", "orders")
AUTHOR = Signature("Ada", "ada@example.com")
OURS = Viewer(ALICE, frozenset({"demo"}))


LOCATION = "backstage.io/managed-by-location"


def api(text: str, project: str = "demo", kind: str = "openapi") -> Entity:
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "API",
            "metadata": {
                "name": "orders",
                "namespace": project,
                "annotations": {LOCATION: f"towpath-git:{project}/orders/catalog-info.yaml"},
            },
            "spec": {"type": kind, "lifecycle": "x", "owner": "a", "definition": text},
        }
    )


async def push(portal: RunningPortal, files: dict[str, str], message: str) -> None:
    await portal.git.write(
        REPOSITORY,
        {path: File(text.encode()) for path, text in files.items()},
        message=message,
        author=AUTHOR,
        expected=await portal.git.head(REPOSITORY),
    )


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await portal.git.create(REPOSITORY, owner_uid="u")
        await push(portal, {"openapi.yaml": OPENAPI, "catalog-info.yaml": "x"}, "First")
        catalog = portal.records.catalog
        await catalog.ingest("a", [api(OPENAPI)], project="demo", version="1")
        await catalog.ingest("b", [api("x", "other")], project="other", version="1")
        yield portal


async def test_the_page_tells_operations_types_and_commands(portal: RunningPortal) -> None:
    shown = await portal.open(HERE)
    for told in ("OpenAPI 3.1", "GET", "/orders/{id}", "One order", "string (uuid)", "required"):
        assert told in shown.text
    assert 'id="op-get-orders-id"' in shown.html
    assert 'id="type-order"' in shown.html
    assert "curl https://eu.example.org/v2/orders/ID" in shown.text
    assert "leads nowhere in this document" in shown.text
    few = await portal.open(f"{HERE}?q=one+order")
    assert "op-get-orders-id" in few.html
    assert "op-post-orders" not in few.html
    assert "has these words" in (await portal.open(f"{HERE}?q=zzzz")).text


async def test_a_broken_definition_is_shown_with_its_line(portal: RunningPortal) -> None:
    broken = api("openapi: 3.0.0\npaths: [\n  a: }\n")
    await portal.records.catalog.ingest("a", [broken], project="demo", version="2")
    shown = await portal.open(HERE)
    assert "The definition is not right." in shown.text
    assert "3    a: }" in shown.html
    assert "paths: [" in shown.html


async def test_what_somebody_wrote_is_text(portal: RunningPortal) -> None:
    evil = OPENAPI.replace("One order", "<script>alert(1)</script>").replace("/orders", "/<b>x")
    await portal.records.catalog.ingest("a", [api(evil)], project="demo", version="2")
    for address in (HERE, f"{HERE}/source", f"{HERE}/changes"):
        html = (await portal.open(address)).html
        assert "<script>alert" not in html
        assert "<b>x" not in html


async def test_versions_are_compared(portal: RunningPortal) -> None:
    assert "There is one version of it" in (await portal.open(f"{HERE}/changes")).text
    second = OPENAPI.replace("    post:", "    put:")
    await push(portal, {"openapi.yaml": second}, "Second")
    await push(portal, {"README.md": "nothing of it"}, "Else")
    await portal.records.catalog.ingest("a", [api(second)], project="demo", version="2")
    shown = await portal.open(f"{HERE}/changes")
    assert "1 change breaks clients that were right before." in shown.text
    assert "POST /orders The operation was removed." in shown.text
    assert "PUT /orders A new operation." in shown.text
    with pytest.raises(NotFound):
        await portal.open(f"{HERE}/changes?from=nowhere")


async def test_a_definition_within_its_descriptor_has_versions_too(portal: RunningPortal) -> None:
    for number, text in enumerate(("openapi: 3.0.0\n", OPENAPI)):
        entity = api(text)
        descriptor = dump_document(entity.descriptor)
        await push(
            portal,
            {"catalog-info.yaml": descriptor, "openapi.yaml": f"# {number}\n"},
            f"Change {number}",
        )
        await portal.records.catalog.ingest(
            "a", [entity], project="demo", version=f"within {number}"
        )
    assert "A new operation." in (await portal.open(f"{HERE}/changes")).text


async def test_an_api_is_found_by_what_it_does(portal: RunningPortal) -> None:
    records = portal.records
    sources = CatalogSources(READER, records.catalog, records.seen, records.changes)
    indexing = Indexing(platform_of(portal), sources)
    await indexing(Key("", "a"))
    (found, *_) = await records.passages.find(OURS, "one order")
    assert (found.passage.title, found.passage.href) == (
        "GET /orders/{id}",
        f"{HERE}#op-get-orders-id",
    )
    await records.catalog.ingest("a", [], project="demo", version="2")
    await indexing(Key("", "a"))
    assert await records.passages.find(OURS, "one order") == []


async def test_the_file_is_downloaded_by_who_may_see_it(portal: RunningPortal) -> None:
    (files,) = apis(platform_of(portal))

    def asked(path: str) -> ApiRequest:
        client = portal.front.client(ALICE)
        return ApiRequest("GET", path, "", {}, b"", user=ALICE, viewer=OURS, api=client)

    answer = await files.answer(asked("/demo/orders"))
    assert answer.body == OPENAPI.encode()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="orders.yaml"'
    for path in ("/other/orders", "/demo/nothing", "/demo"):
        with pytest.raises(NotFound):
            await files.answer(asked(path))


async def test_nobody_opens_what_is_not_theirs(portal: RunningPortal) -> None:
    for tail in ("", "/changes", "/source"):
        with pytest.raises(NotFound):
            await portal.open(f"/apis/other/orders{tail}")

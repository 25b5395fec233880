"""TechDocs' API: a rendered site as Backstage's clients fetch it, for who may read it."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from tests.portal import ALICE, RunningPortal, running_portal
from tests.unit.capabilities.docs.test_building import Building, platform_of
from tests.unit.capabilities.docs.test_pages_of_docs import FILES, described, push

from towpath.capabilities.portal.docs.techdocs import apis
from towpath.engines.git.port import RepositoryName
from towpath.hooks.apis import ApiAnswer, ApiRequest, backstage_refusal
from towpath.machinery.errors import MethodNotAllowed, NotFound
from towpath.machinery.users import UserInfo
from towpath.records.contract import Viewer

SITE = "/static/docs/demo/component/orders"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
NOBODY = UserInfo("eve", ("system:authenticated",))


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        await portal.git.create(RepositoryName("demo", "orders"), owner_uid="u")
        await push(portal, {**FILES, "docs/deep/a.md": b"[up](../ops.md#x) ![p](../p.svg)\n"})
        await push(portal, {"docs/p.svg": SVG})
        entities = [described("orders", "demo")]
        await portal.records.catalog.ingest("a", entities, project="demo", version="1")
        await Building(portal).again()
        yield portal


def asked(
    portal: RunningPortal,
    path: str,
    *,
    user: UserInfo = ALICE,
    method: str = "GET",
) -> ApiRequest:
    viewer = Viewer(user, frozenset({"demo"}))
    api = portal.front.client(user)
    return ApiRequest(method, path, "", {}, b"", user=user, viewer=viewer, api=api)


async def get(portal: RunningPortal, path: str, *, user: UserInfo = ALICE) -> ApiAnswer:
    (api,) = apis(platform_of(portal))
    return await api.answer(asked(portal, path, user=user))


async def test_metadata_name_the_site_and_its_files(portal: RunningPortal) -> None:
    said = orjson.loads((await get(portal, "/metadata/techdocs/demo/component/orders")).body)
    assert said["site_name"] == "Orders"
    assert said["etag"] == await portal.git.head(RepositoryName("demo", "orders"))
    assert {"index.html", "ops/index.html", "p.svg", "techdocs_metadata.json"} <= set(said["files"])
    same = await get(portal, f"{SITE}/techdocs_metadata.json")
    assert orjson.loads(same.body) == said


async def test_an_entity_comes_with_its_location(portal: RunningPortal) -> None:
    said = orjson.loads((await get(portal, "/metadata/entity/demo/Component/Orders")).body)
    assert said["metadata"]["name"] == "orders"
    assert said["locationMetadata"]["type"] == "towpath-git"


async def test_pages_are_files_with_relative_links(portal: RunningPortal) -> None:
    first = (await get(portal, f"{SITE}/index.html")).body.decode()
    assert "<h1>All about orders</h1>" in first
    assert 'href="./ops/"' in first
    assert "alert(1)" not in first
    deep = (await get(portal, f"{SITE}/deep/a/")).body.decode()
    assert 'href="../../ops/#doc-x"' in deep
    assert 'src="../../p.svg"' in deep


async def test_a_picture_can_do_nothing(portal: RunningPortal) -> None:
    answer = await get(portal, f"{SITE}/p.svg")
    assert (answer.body, answer.content_type) == (SVG, "image/svg+xml")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]


async def test_the_search_index_is_as_mkdocs_writes_it(portal: RunningPortal) -> None:
    said = orjson.loads((await get(portal, f"{SITE}/search/search_index.json")).body)
    entry = {"location": "ops/", "title": "Run it", "text": "Words without a heading."}
    assert entry in said["docs"]


async def test_syncing_has_nothing_to_wait_for(portal: RunningPortal) -> None:
    answer = await get(portal, "/sync/demo/component/orders")
    assert answer.content_type == "text/event-stream"
    assert b"event: finish" in answer.body


ABSENT = (
    "/metadata/techdocs/demo/component/nobody",
    f"{SITE}/gone/index.html",
    f"{SITE}/../../mkdocs.yml",
    f"{SITE}/ops.md",
    f"{SITE}/%2e%2e/mkdocs.yml",
    "/elsewhere",
)


async def test_what_is_not_there_is_not_found(portal: RunningPortal) -> None:
    for path in ABSENT:
        with pytest.raises(NotFound):
            await get(portal, path)


async def test_who_may_not_read_the_repository_reads_nothing(portal: RunningPortal) -> None:
    for path in ("/metadata/techdocs/demo/component/orders", f"{SITE}/index.html", f"{SITE}/p.svg"):
        with pytest.raises(NotFound):
            await get(portal, path, user=NOBODY)


async def test_errors_are_in_backstages_words(portal: RunningPortal) -> None:
    request = asked(portal, "/x")
    answer = backstage_refusal(request, NotFound("no docs"))
    assert answer.status == 404
    assert orjson.loads(answer.body) == {
        "error": {"name": "NotFoundError", "message": "no docs"},
        "request": {"method": "GET", "url": "/x"},
        "response": {"statusCode": 404},
    }
    (api,) = apis(platform_of(portal))
    with pytest.raises(MethodNotAllowed):
        await api.answer(asked(portal, "/x", method="POST"))

"""Backstage's search API: its documents, cursors and errors; and no answer is ever outdated."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.portal import ALICE, RunningPortal, running_portal
from tests.unit.capabilities.docs.test_building import platform_of
from tests.unit.capabilities.search.test_searching import entity

from towpath.capabilities.portal.search.backstage import apis, query_of
from towpath.hooks.apis import ApiRequest, ForeignApi
from towpath.machinery.errors import BadRequest, MethodNotAllowed, NotFound
from towpath.records.contract import Viewer
from towpath.records.search import Passage


class Searching:
    def __init__(self, portal: RunningPortal) -> None:
        self.portal = portal
        self.api: ForeignApi = apis(platform_of(portal))[0]

    async def get(
        self, query: str, *, projects: frozenset[str] | None = frozenset({"demo"})
    ) -> Any:
        answer = await self.api.answer(self.request(query, projects=projects))
        return orjson.loads(answer.body)

    def request(
        self,
        query: str,
        *,
        path: str = "/query",
        method: str = "GET",
        projects: frozenset[str] | None = frozenset({"demo"}),
    ) -> ApiRequest:
        viewer = Viewer(ALICE, projects)
        api = self.portal.front.client(ALICE)
        return ApiRequest(method, path, query, {}, b"", user=ALICE, viewer=viewer, api=api)

    async def names(self, query: str) -> list[str]:
        return [one["document"]["title"] for one in (await self.get(query))["results"]]


@pytest.fixture
async def searching(tmp_path: Path) -> AsyncIterator[Searching]:
    async with running_portal(tmp_path) as portal:
        catalog = portal.records.catalog
        ours = [entity("API", f"pay-{number:02}", "demo", "team-a") for number in range(30)]
        ours.append(entity("Component", "shop", "demo", "team-b", "service"))
        await catalog.ingest("a", ours, project="demo", version="1")
        theirs = [entity("API", "pay-secret", "other", "team-a")]
        await catalog.ingest("b", theirs, project="other", version="1")
        page = Passage(
            "docs", "/docs/demo/component/shop/ops#doc-a", "Paying", "Shop", "We pay now."
        )
        await portal.records.passages.put(
            "docs:a", {"p": [page]}, entity="component:demo/shop", project="demo"
        )
        yield Searching(portal)


async def test_an_entity_is_a_document_of_the_software_catalog(searching: Searching) -> None:
    (found,) = (await searching.get("term=shop&types[0]=software-catalog"))["results"]
    assert found["type"] == "software-catalog"
    assert found["rank"] == 1
    assert found["document"] == {
        "title": "shop",
        "text": "All about shop.",
        "componentType": "service",
        "type": "service",
        "namespace": "demo",
        "kind": "Component",
        "lifecycle": "production",
        "owner": "team-b",
        "location": "/catalog/demo/component/shop",
    }


async def test_a_passage_is_a_document_of_techdocs(searching: Searching) -> None:
    (found,) = (await searching.get("term=pay&types=techdocs"))["results"]
    document = found["document"]
    assert (document["title"], document["kind"], document["name"]) == (
        "Paying",
        "component",
        "shop",
    )
    assert document["location"] == "/docs/demo/component/shop/ops#doc-a"
    assert document["path"] == "ops#doc-a"
    tag, end = found["highlight"]["preTag"], found["highlight"]["postTag"]
    assert found["highlight"]["fields"]["text"] == f"We {tag}pay{end} now."


async def test_pages_follow_their_cursors(searching: Searching) -> None:
    first = await searching.get("term=pay&types[]=software-catalog")
    assert len(first["results"]) == 25
    assert "previousPageCursor" not in first
    second = await searching.get(
        f"term=pay&types[]=software-catalog&pageCursor={first['nextPageCursor']}"
    )
    assert len(second["results"]) == 5
    assert second["results"][0]["rank"] == 26
    assert "nextPageCursor" not in second
    back = f"term=pay&types[]=software-catalog&pageCursor={second['previousPageCursor']}"
    assert (await searching.get(back))["results"] == first["results"]
    few = await searching.get("term=pay&pageLimit=3")
    assert len(few["results"]) == 3


async def test_filters_are_of_the_documents_fields(searching: Searching) -> None:
    assert await searching.names("term=&filters[kind]=Component") == ["shop"]
    assert await searching.names("term=&filters[kind]=component&filters[type][]=service") == [
        "shop"
    ]
    assert await searching.names("term=&filters[lifecycle]=experimental") == []
    assert await searching.names("term=shop&filters[nothing]=x") == []
    asked = "term=pay&types=techdocs&filters[kind]=component&filters[namespace]=demo"
    assert await searching.names(f"{asked}&filters[name]=shop") == ["Paying"]
    assert await searching.names(f"{asked}&filters[name]=other") == []


async def test_nobody_is_told_of_what_is_not_theirs(searching: Searching) -> None:
    assert "pay-secret" not in str(await searching.get("term=pay&pageLimit=100"))
    assert "pay-secret" in str(await searching.get("term=pay&pageLimit=100", projects=None))
    assert "pay-secret" not in str(await searching.get("term=pay&pageLimit=100"))


async def test_what_is_stored_is_found_at_once(searching: Searching) -> None:
    assert await searching.names("term=newcomer") == []
    catalog = searching.portal.records.catalog
    new = [entity("API", "newcomer", "demo", "team-a")]
    await catalog.ingest("c", new, project="demo", version="1")
    assert await searching.names("term=newcomer") == ["newcomer"]
    assert await searching.names("term=newcomer") == ["newcomer"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (f"term={'x' * 101}", 'term length "101" is greater than "100"'),
        ("pageLimit=101", 'page limit "101" is greater than "100"'),
        ("pageLimit=none", "pageLimit"),
        ("types[]=unknown", "types"),
        ("pageCursor=bm8=", "Invalid page cursor"),
        (f"pageCursor={base64.b64encode(b'-1').decode()}", "Invalid page cursor"),
        (f"pageCursor={base64.b64encode(b'9999').decode()}", "Invalid page cursor"),
        ("pageCursor=%00", "Invalid page cursor"),
    ],
)
def test_what_cannot_be_asked_is_refused(query: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        query_of(query)


async def test_there_is_nothing_else_there(searching: Searching) -> None:
    with pytest.raises(NotFound):
        await searching.api.answer(searching.request("", path="/else"))
    with pytest.raises(MethodNotAllowed):
        await searching.api.answer(searching.request("", method="DELETE"))

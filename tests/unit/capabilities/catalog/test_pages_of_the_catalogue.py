"""The catalogue: filters, order and columns in the address, gaps, views, nothing of others."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import ALICE, BOB, RunningPortal, running_portal

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.contract import Entity, WorkloadState

EVIL = "<script>alert(1)</script>"


def described(name: str, project: str, kind: str = "Component", **spec: str) -> Entity:
    descriptor: RawObject = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": project,
            "title": spec.pop("title", ""),
            "description": EVIL,
            "tags": ["python"],
            "annotations": {"towpath.dev/workload": name, "evil/one": EVIL},
            "links": [{"title": EVIL, "url": "javascript:alert(1)"}],
        },
        "spec": {"type": "service", "lifecycle": "production", **spec},
    }
    return entity_of(descriptor)


TEAM: RawObject = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Group",
    "metadata": {"name": "team-a"},
    "spec": {"type": "team", "children": []},
}


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        shop = described("shop", "demo", owner="group:default/team-a")
        orphan = described("orphan", "demo")
        lost = described("lost", "demo", owner="group:default/gone", title="عنوان")
        catalog = portal.records.catalog
        await catalog.ingest(
            "repository:demo/shop", [shop, orphan, lost], project="demo", version="1"
        )
        secret = described("secret", "other", owner="group:default/team-b")
        await catalog.ingest("b", [secret], project="other", version="1")
        await catalog.ingest("people", [entity_of(TEAM)], project="", version="1")
        await catalog.observe("demo", "shop", WorkloadState("Degraded", f"staging: {EVIL}"))
        await catalog.observe("other", "secret", WorkloadState("Degraded"))
        yield portal


def names(html: str) -> list[str]:
    table = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return re.findall(r'class="row-link"[^>]*>([^<]*)</a>', table)


async def test_it_lists_components_with_their_health_and_gaps_of_ownership(
    portal: RunningPortal,
) -> None:
    page = await portal.open("/catalog")
    assert "Degraded" in page.text
    assert "No owner 1" in page.text
    assert "Unknown owner 1" in page.text
    assert "Mine 1" in page.text
    assert EVIL not in page.html
    assert 'dir="auto">عنوان' in page.html


async def test_a_usual_column_without_a_word_is_left_out(portal: RunningPortal) -> None:
    def headings(page: str) -> str:
        return page.partition("<thead>")[2].partition("</thead>")[0]

    assert "Health" in headings((await portal.open("/catalog")).html)
    groups = headings((await portal.open("/catalog?kind=group")).html)
    assert "Owner" in groups
    assert "Health" not in groups
    chosen = headings((await portal.open("/catalog?kind=group&columns=health")).html)
    assert "Health" in chosen


async def test_other_projects_are_in_no_list_count_facet_or_page(portal: RunningPortal) -> None:
    for address in (
        "/catalog",
        "/catalog?kind=all",
        "/catalog?q=secret",
        "/catalog?owner=unknown",
        "/catalog?health=Degraded",
        "/?show=all",
    ):
        page = await portal.open(address)
        assert "team-b" not in page.text
        assert "/secret" not in page.html
        assert "other" not in page.text.split("Catalog")[0]
    assert re.search(r"Degraded 1\b", (await portal.open("/catalog")).text)
    with pytest.raises(NotFound):
        await portal.open("/catalog/component/other/secret")
    with pytest.raises(NotFound):
        await portal.open("/projects/other")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("owner=group:default/team-a", ["shop"], id="an owner"),
        pytest.param("owner=me", ["shop"], id="what is mine"),
        pytest.param("owner=none", ["orphan"], id="what nobody owns"),
        pytest.param("owner=unknown", ["عنوان"], id="what somebody unknown owns"),
        pytest.param("health=Degraded", ["shop"], id="a health"),
        pytest.param("health=Healthy", [], id="a health that nothing has"),
        pytest.param("q=orphan", ["orphan"], id="a word"),
        pytest.param("tag=python&q=sh", ["shop"], id="a tag and the beginning of a word"),
        pytest.param("kind=group", ["team-a"], id="a kind in any spelling"),
        pytest.param("sort=-name", ["shop", "orphan", "عنوان"], id="names downwards"),
        pytest.param("sort=health", ["shop", "عنوان", "orphan"], id="the sickest first"),
    ],
)
async def test_filters_and_order_are_in_the_address(
    portal: RunningPortal, query: str, found: list[str]
) -> None:
    assert names((await portal.open(f"/catalog?{query}")).html) == found


@pytest.mark.parametrize(
    "query", ["health=Splendid", "sort=beauty", "columns=beauty", "continue=12", "continue=W10"]
)
async def test_an_address_that_is_none_is_refused(portal: RunningPortal, query: str) -> None:
    with pytest.raises(BadRequest):
        await portal.open(f"/catalog?{query}")


async def test_pages_follow_one_another(
    portal: RunningPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("towpath.capabilities.portal.catalog.pages.PAGE_SIZE", 2)
    seen, address = [], "/catalog?sort=owner"
    while address:
        page = await portal.open(address)
        seen += names(page.html)
        following = re.search(r'href="([^"]*continue=[^"]*)"', page.html)
        address = following.group(1).replace("&amp;", "&") if following else ""
    assert seen == ["orphan", "عنوان", "shop"]


async def test_columns_are_chosen_in_the_address(portal: RunningPortal) -> None:
    page = await portal.open("/catalog?columns=runs,tags")
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?(\w[\w ]*)', page.html)
    assert heads == ["Name", "What runs", "Tags"]
    assert EVIL not in page.html


async def test_a_view_is_kept_for_its_owner_alone(portal: RunningPortal) -> None:
    done = await portal.post("/catalog?health=Degraded&evil=1", {"view": EVIL})
    assert done.leads_to == "/catalog?health=Degraded"
    page = await portal.open("/catalog?health=Degraded")
    assert "Your views" in page.text
    assert EVIL not in page.html
    assert "Your views" not in (await portal.open("/catalog", user=BOB)).text
    await portal.post("/catalog", {"forget": EVIL})
    assert "Your views" not in (await portal.open("/catalog", user=ALICE)).text


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\x07b"])
async def test_a_view_needs_a_name(portal: RunningPortal, name: str) -> None:
    page = await portal.post("/catalog", {"view": name})
    assert page.status == 422
    assert "Give the view a name" in page.text


async def test_empty_lists_say_why(portal: RunningPortal) -> None:
    assert "Nothing fits this filter" in (await portal.open("/catalog?q=zzz")).text
    assert "There is none of that kind" in (await portal.open("/catalog?kind=Domain")).text


async def test_an_entity_has_a_page_with_its_relations_and_harmless_links(
    portal: RunningPortal,
) -> None:
    page = await portal.open("/catalog/component/demo/shop")
    assert "team-a" in page.text
    assert "Open the service" in page.text
    assert EVIL not in page.html
    assert 'href="javascript:' not in page.html
    group = await portal.open("/catalog/group/default/team-a")
    assert "shop component in demo" in group.text
    assert 'href="/catalog?kind=all&amp;owner=group%3Adefault%2Fteam-a"' in group.html


async def test_gaps_and_errors_are_told_on_the_entitys_page(portal: RunningPortal) -> None:
    assert "Nobody owns it" in (await portal.open("/catalog/component/demo/orphan")).text
    assert "gone is unknown here" in (await portal.open("/catalog/component/demo/lost")).text
    spec = {"type": "git", "repository": "shop"}
    made = await portal.client.create(
        CATALOG_SOURCE, CATALOG_SOURCE.object("shop", "demo", spec=spec)
    )
    error = {"entity": "component:demo/shop", "field": "spec.type", "message": EVIL}
    status = {"errors": [error]}
    await portal.client.update(CATALOG_SOURCE, {**made, "status": status}, subresource="status")
    page = await portal.open("/catalog/component/demo/shop")
    assert "Its description has errors." in page.text
    assert EVIL not in page.html


async def test_an_api_shows_what_it_offers(portal: RunningPortal) -> None:
    api = described("orders", "demo", "API", owner="group:default/team-a", definition=EVIL)
    await portal.records.catalog.ingest("c", [api], project="demo", version="1")
    page = await portal.open("/catalog/api/demo/orders")
    assert "What it offers" in page.text
    assert EVIL not in page.html

"""The catalogue: filters in the address, relations, nothing of other people's projects."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import RunningPortal, running_portal

from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.machinery.errors import BadRequest, NotFound
from towpath.machinery.objects import RawObject
from towpath.records.contract import Entity

EVIL = "<script>alert(1)</script>"


def described(name: str, project: str, **spec: str) -> Entity:
    descriptor: RawObject = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": name,
            "namespace": project,
            "description": EVIL,
            "annotations": {"towpath.dev/workload": name},
            "links": [{"title": EVIL, "url": "javascript:alert(1)"}],
        },
        "spec": {"type": "service", "lifecycle": "production", **spec},
    }
    return entity_of(descriptor)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        shop = described("shop", "demo", owner="group:default/team-a")
        orphan = described("orphan", "demo")
        await portal.records.catalog.ingest("a", [shop, orphan], project="demo", version="1")
        secret = described("secret", "other", owner="group:default/team-b")
        await portal.records.catalog.ingest("b", [secret], project="other", version="1")
        spec = {"repository": "shop", "environments": ["staging"]}
        made = await portal.client.create(WORKLOAD, WORKLOAD.object("shop", "demo", spec=spec))
        status = {"health": "Degraded"}
        await portal.client.update(WORKLOAD, {**made, "status": status}, subresource="status")
        yield portal


async def test_it_lists_components_with_their_health_and_what_has_no_owner(
    portal: RunningPortal,
) -> None:
    page = await portal.open("/catalog")
    assert "shop" in page.text
    assert "Degraded" in page.text
    assert "No owner" in page.text
    assert EVIL not in page.html


async def test_other_projects_are_in_no_list_count_or_page(portal: RunningPortal) -> None:
    for address in ("/catalog", "/catalog?kind=all", "/catalog?q=secret", "/"):
        page = await portal.open(address)
        assert "team-b" not in page.text
        assert "/secret" not in page.html
    with pytest.raises(NotFound):
        await portal.open("/catalog/component/other/secret")
    with pytest.raises(NotFound):
        await portal.open("/projects/other")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("owner=group:default/team-a", {"shop"}, id="an owner"),
        pytest.param("health=Degraded", {"shop"}, id="a health"),
        pytest.param("health=Healthy", set(), id="a health that nothing has"),
        pytest.param("q=orphan", {"orphan"}, id="a word"),
        pytest.param("kind=Group", set(), id="a kind that nothing is"),
    ],
)
async def test_a_filter_is_in_the_address(
    portal: RunningPortal, query: str, names: set[str]
) -> None:
    page = await portal.open(f"/catalog?{query}")
    table = page.html.partition("<tbody>")[2].partition("</tbody>")[0]
    assert {name for name in ("shop", "orphan") if f">{name}</a>" in table} == names


async def test_a_filter_that_is_none_is_refused(portal: RunningPortal) -> None:
    with pytest.raises(BadRequest, match="health"):
        await portal.open("/catalog?health=Splendid")


async def test_an_entity_has_a_page_with_its_relations_and_harmless_links(
    portal: RunningPortal,
) -> None:
    page = await portal.open("/catalog/component/demo/shop")
    assert "team-a" in page.text
    assert "Open the service" in page.text
    assert EVIL not in page.html
    assert 'href="javascript:' not in page.html

"""The graph of an entity: what is walked, what breaks, and nothing that the visitor may not see."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.portal import RunningPortal, running_portal

from towpath.capabilities.portal.catalog.graph.walking import (
    NEEDS,
    NODES_MAX,
    Edge,
    canonical,
    impact,
    walk,
)
from towpath.machinery.errors import NotFound
from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, Relation, Viewer, written

VIEWER = Viewer(UserInfo("alice"), frozenset({"demo"}))
ADMIN = Viewer(UserInfo("admin"), None)
SHOP = "/catalog/component/demo/shop/graph"
EVIL = "<script>alert(1)</script>"


def entity(ref: str, *relations: tuple[str, str], title: str = "") -> Entity:
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return Entity(
        ref=ref,
        kind=kind.title() if kind != "api" else "API",
        name=name,
        namespace=namespace,
        title=title,
        written=written({"kind": kind, "metadata": {"name": name}}),
        owner="group:default/team-a",
        relations=tuple(Relation(*one) for one in relations),
    )


DEMO = (
    entity(
        "component:demo/shop",
        ("dependsOn", "resource:demo/db"),
        ("providesApi", "api:demo/orders"),
        ("dependsOn", "component:secret/ledger"),
        ("dependsOn", "component:demo/gone"),
        title=EVIL,
    ),
    entity("resource:demo/db"),
    entity("api:demo/orders"),
    entity("component:demo/web", ("consumesApi", "api:demo/orders")),
    entity("component:demo/mobile", ("dependsOn", "component:demo/web")),
    entity("component:demo/loop", ("dependsOn", "component:demo/mobile")),
    entity("component:demo/backup", ("dependencyOf", "component:demo/shop")),
)


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[RunningPortal]:
    async with running_portal(tmp_path) as portal:
        catalog = portal.records.catalog
        await catalog.ingest("a", list(DEMO), project="demo", version="1")
        hidden = entity("component:secret/ledger", ("dependsOn", "component:demo/shop"))
        await catalog.ingest("b", [hidden], project="secret", version="1")
        yield portal


def test_a_relation_has_one_direction_whoever_tells_it() -> None:
    assert canonical("a", "dependencyOf", "b") == Edge("b", "a", "dependsOn")
    assert canonical("a", "dependsOn", "b") == Edge("a", "b", "dependsOn")
    assert canonical("a", "likes", "b") is None


async def test_a_walk_goes_as_far_as_it_is_asked(portal: RunningPortal) -> None:
    index = portal.records.catalog
    near = await walk(index, VIEWER, "component:demo/shop", types=NEEDS, depth=1)
    assert near.distances == {
        "component:demo/shop": 0,
        "resource:demo/db": 1,
        "api:demo/orders": 1,
        "component:demo/gone": 1,
        "component:demo/backup": 1,
    }
    onward = await walk(index, VIEWER, "component:demo/web", types=NEEDS, depth=5, backward=False)
    assert set(onward.distances) == {"component:demo/web", "api:demo/orders"}
    back = await walk(index, VIEWER, "component:demo/web", types=NEEDS, depth=5, forward=False)
    assert set(back.distances.values()) == {0, -1, -2}


async def test_what_breaks_is_who_needs_it_and_who_needs_its_apis(portal: RunningPortal) -> None:
    index = portal.records.catalog
    assert await impact(index, VIEWER, "component:demo/shop") == {
        "api:demo/orders": 1,
        "component:demo/web": 2,
        "component:demo/mobile": 3,
        "component:demo/loop": 4,
    }
    assert "component:secret/ledger" in await impact(index, ADMIN, "component:demo/shop")
    assert await impact(index, VIEWER, "component:demo/loop") == {}


async def test_circles_end(portal: RunningPortal) -> None:
    circle = [
        entity("component:demo/one", ("dependsOn", "component:demo/two")),
        entity("component:demo/two", ("dependsOn", "component:demo/one")),
    ]
    index = portal.records.catalog
    await index.ingest("c", circle, project="demo", version="1")
    assert await impact(index, VIEWER, "component:demo/one") == {"component:demo/two": 1}
    found = await walk(index, VIEWER, "component:demo/one", types=NEEDS, depth=5)
    assert len(found.edges) == 2


async def test_what_does_not_fit_is_counted(portal: RunningPortal) -> None:
    many = [
        entity(f"component:demo/m{number}", ("dependsOn", "component:demo/hub"))
        for number in range(NODES_MAX + 20)
    ]
    index = portal.records.catalog
    await index.ingest("d", many, project="demo", version="1")
    found = await walk(index, VIEWER, "component:demo/hub", types=NEEDS, depth=1)
    assert (len(found.distances), found.left_out) == (NODES_MAX, 21)


async def test_the_page_shows_what_one_may_see_and_escapes_names(portal: RunningPortal) -> None:
    page = await portal.open(SHOP)
    assert "4 entities break when it is down" in page.text
    assert "ledger" not in page.html
    assert EVIL not in page.html
    assert "not in the catalogue" in page.text
    assert 'href="/catalog/resource/demo/db/graph"' in page.html


@pytest.mark.parametrize(
    "query",
    ["depth=99&direction=sideways&show=nothing", "depth=1", "direction=needed", "show=owns"],
)
async def test_whatever_is_asked_is_drawn(portal: RunningPortal, query: str) -> None:
    page = await portal.open(f"{SHOP}?{query}")
    assert page.status == 200
    assert 'aria-current="true"' in page.html


async def test_an_entity_of_another_project_has_no_graph(portal: RunningPortal) -> None:
    with pytest.raises(NotFound):
        await portal.open("/catalog/component/secret/ledger/graph")

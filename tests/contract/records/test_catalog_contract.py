"""What every CatalogIndex does."""

import pytest

from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, EntityFilter, Relation, Viewer
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_DEMO = Viewer(UserInfo("alice"), frozenset({"demo"}))
OF_NOTHING = Viewer(UserInfo("stranger"), frozenset())


def component(name: str, **fields: object) -> Entity:
    return Entity(
        ref=f"component:default/{name}",
        kind="Component",
        name=name,
        descriptor={"kind": "Component", "metadata": {"name": name, "any Field": 1}},
        **fields,  # type: ignore[arg-type]
    )


ORDERS = component(
    "orders",
    title="Order service",
    description="Takes orders from customers",
    type="service",
    owner="group:default/team-a",
    lifecycle="production",
    tags=("python", "http"),
    relations=(
        Relation("ownedBy", "group:default/team-a"),
        Relation("dependsOn", "component:default/secret-engine"),
    ),
)
SHOP = component("shop", type="website", owner="group:default/team-b", tags=("python",))
ENGINE = component(
    "secret-engine",
    type="service",
    relations=(Relation("dependsOn", "component:default/orders"),),
)
TEAM = Entity(
    ref="group:default/team-a",
    kind="Group",
    name="team-a",
    descriptor={"kind": "Group"},
    type="team",
)


@pytest.fixture
async def filled(records: SqliteRecords) -> SqliteRecords:
    await records.catalog.ingest("git/demo", [ORDERS, SHOP], project="demo", version="1")
    await records.catalog.ingest("git/hidden", [ENGINE], project="hidden", version="1")
    await records.catalog.ingest("org", [TEAM], project="", version="1")
    return records


async def refs(records: SqliteRecords, viewer: Viewer, text: str = "", **fields: str) -> list[str]:
    where = EntityFilter({name: (value,) for name, value in fields.items()}, text)
    page = await records.catalog.query(viewer, where)
    assert page.total == len(page.entities)
    return [entity.ref.split("/")[1] for entity in page.entities]


async def test_an_entity_comes_back_as_it_went_in(filled: SqliteRecords) -> None:
    found = await filled.catalog.get(OF_DEMO, "Component:default/orders")
    assert found is not None
    assert found.descriptor == ORDERS.descriptor
    assert (found.source, found.project) == ("git/demo", "demo")
    assert sorted(found.tags) == ["http", "python"]
    assert sorted(found.relations) == sorted(ORDERS.relations)


@pytest.mark.parametrize(
    ("viewer", "expected"),
    [
        pytest.param(ADMIN, ["orders", "secret-engine", "shop", "team-a"], id="who sees all"),
        pytest.param(
            OF_DEMO, ["orders", "shop", "team-a"], id="a member sees their project and the public"
        ),
        pytest.param(OF_NOTHING, ["team-a"], id="a member of nothing sees the public"),
    ],
)
async def test_viewers_see_their_projects(
    filled: SqliteRecords, viewer: Viewer, expected: list[str]
) -> None:
    assert await refs(filled, viewer) == expected


async def test_a_hidden_entity_is_as_if_it_did_not_exist(filled: SqliteRecords) -> None:
    assert await filled.catalog.get(OF_DEMO, "component:default/secret-engine") is None
    assert await refs(filled, OF_DEMO, text="secret") == []
    facets = await filled.catalog.facets(OF_DEMO, EntityFilter(), ["type"])
    assert facets == {"type": {"service": 1, "team": 1, "website": 1}}


async def test_filters_combine(filled: SqliteRecords) -> None:
    assert await refs(filled, ADMIN, kind="Component", type="service") == [
        "orders",
        "secret-engine",
    ]
    assert await refs(filled, ADMIN, tag="python", owner="group:default/team-b") == ["shop"]


async def test_an_unknown_field_is_refused(filled: SqliteRecords) -> None:
    with pytest.raises(ValueError, match="colour"):
        await filled.catalog.query(ADMIN, EntityFilter({"colour": ("red",)}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("order", ["orders"], id="beginning of a word"),
        pytest.param("CUSTOMERS takes", ["orders"], id="words in any order and case"),
        pytest.param('"; drop table -', [], id="operators are only text"),
        pytest.param("team-a", ["team-a", "orders"], id="the name itself comes first"),
    ],
)
async def test_text_search(filled: SqliteRecords, text: str, expected: list[str]) -> None:
    assert sorted(await refs(filled, ADMIN, text=text)) == sorted(expected)


async def test_facets_do_not_narrow_themselves(filled: SqliteRecords) -> None:
    where = EntityFilter({"type": ("service",), "kind": ("Component",)})
    facets = await filled.catalog.facets(ADMIN, where, ["type", "tag"])
    assert facets == {"type": {"service": 2, "website": 1}, "tag": {"http": 1, "python": 1}}


async def test_edges_are_seen_from_both_ends(filled: SqliteRecords) -> None:
    edges = await filled.catalog.edges(ADMIN, "component:default/orders")
    assert edges.outgoing == [
        Relation("dependsOn", "component:default/secret-engine"),
        Relation("ownedBy", "group:default/team-a"),
    ]
    assert edges.incoming == [Relation("dependsOn", "component:default/secret-engine")]


async def test_edges_do_not_tell_of_hidden_entities(filled: SqliteRecords) -> None:
    edges = await filled.catalog.edges(OF_DEMO, "component:default/orders")
    assert edges.outgoing == [Relation("ownedBy", "group:default/team-a")]
    assert edges.incoming == []
    hidden = await filled.catalog.edges(OF_DEMO, "component:default/secret-engine")
    assert hidden.outgoing == []


async def test_the_same_version_again_changes_nothing(filled: SqliteRecords) -> None:
    again = await filled.catalog.ingest("git/demo", [], project="demo", version="1")
    assert not again.changed
    assert "orders" in await refs(filled, ADMIN)


async def test_a_new_version_replaces_the_whole_source(filled: SqliteRecords) -> None:
    await filled.catalog.ingest("git/demo", [SHOP], project="demo", version="2")
    assert await refs(filled, OF_DEMO) == ["shop", "team-a"]
    assert await refs(filled, OF_DEMO, text="customers") == []


async def test_a_reference_belongs_to_the_source_that_had_it_first(filled: SqliteRecords) -> None:
    thief = await filled.catalog.ingest("git/thief", [ORDERS], project="other", version="1")
    assert thief.taken == ("component:default/orders",)
    assert (await filled.catalog.get(ADMIN, ORDERS.ref)).source == "git/demo"  # type: ignore[union-attr]
    await filled.catalog.forget("git/demo")
    retry = await filled.catalog.ingest("git/thief", [ORDERS], project="other", version="1")
    assert retry.changed
    assert retry.taken == ()


async def test_pages_cover_everything_once(filled: SqliteRecords) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = await filled.catalog.query(ADMIN, EntityFilter(), limit=3, continue_token=token)
        names += [entity.name for entity in page.entities]
        token = page.continue_token
        if not token:
            break
    assert names == ["orders", "secret-engine", "shop", "team-a"]


async def test_sources_tell_their_version(filled: SqliteRecords) -> None:
    assert await filled.catalog.sources() == {"git/demo": "1", "git/hidden": "1", "org": "1"}

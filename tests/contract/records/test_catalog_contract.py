"""What every CatalogIndex does."""

import pytest

from towpath.machinery.errors import BadRequest
from towpath.machinery.users import UserInfo
from towpath.records.contract import (
    Entity,
    EntityFilter,
    Relation,
    SavedView,
    Viewer,
    WorkloadState,
    written,
)
from towpath.records.questions import Has
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_DEMO = Viewer(UserInfo("alice"), frozenset({"demo"}))
OF_NOTHING = Viewer(UserInfo("stranger"), frozenset())


def component(name: str, **fields: object) -> Entity:
    return Entity(
        ref=f"component:default/{name}",
        kind="Component",
        name=name,
        written=written({"kind": "Component", "metadata": {"name": name, "any Field": 1}}),
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
    written=written({"kind": "Group"}),
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


async def test_facts_narrow_a_list_as_fields_do(filled: SqliteRecords) -> None:
    async def found(viewer: Viewer, text: str = "", **fields: str) -> list[str]:
        where = EntityFilter(
            {name: (value,) for name, value in fields.items()},
            text,
            meets=Has("metadata.Any Field"),
        )
        page = await filled.catalog.query(viewer, where, sort="name")
        assert page.total == len(page.entities)
        return [one.name for one in page.entities]

    assert await found(ADMIN) == ["orders", "secret-engine", "shop"]
    assert await found(OF_DEMO) == ["orders", "shop"]
    assert await found(ADMIN, kind="Group") == []
    assert await found(ADMIN, type="website") == ["shop"]
    assert await found(ADMIN, "order service") == ["orders"]
    assert await found(OF_NOTHING) == []


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


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        pytest.param("name", ["a-1", "b-2", "c-3", "d-4"], id="by name"),
        pytest.param("-name", ["d-4", "c-3", "b-2", "a-1"], id="the other way round"),
        pytest.param("owner", ["c-3", "d-4", "a-1", "b-2"], id="nobody's first, then by name"),
        pytest.param("health", ["b-2", "c-3", "a-1", "d-4"], id="the sickest first, unknown last"),
        pytest.param("-health", ["d-4", "a-1", "c-3", "b-2"], id="the sickest last"),
    ],
)
async def test_a_list_has_an_order_and_goes_on_after_its_last_row(
    records: SqliteRecords, sort: str, expected: list[str]
) -> None:
    rows = [
        component("a-1", owner="group:default/x", workload="a-1"),
        component("b-2", owner="group:default/y", workload="b-2"),
        component("c-3", workload="c-3"),
        component("d-4"),
    ]
    await records.catalog.ingest("s", rows, project="demo", version="1")
    for name, health in (("a-1", "Healthy"), ("b-2", "Degraded"), ("c-3", "Progressing")):
        await records.catalog.observe("demo", name, WorkloadState(health))
    seen, token = [], ""
    for number in range(len(rows)):
        page = await records.catalog.query(
            OF_DEMO, EntityFilter(), limit=1, sort=sort, continue_token=token
        )
        seen += [entity.name for entity in page.entities]
        token = page.continue_token
        if sort == "name":
            # What comes before the place where one is shifts nothing.
            new = component(f"0-{number}")
            await records.catalog.ingest(f"n{number}", [new], project="demo", version="1")
    assert seen == expected


async def test_a_token_is_good_for_its_own_list_alone(filled: SqliteRecords) -> None:
    page = await filled.catalog.query(ADMIN, EntityFilter(), limit=1, sort="name")
    with pytest.raises(BadRequest):
        await filled.catalog.query(
            ADMIN, EntityFilter(), sort="-name", continue_token=page.continue_token
        )
    for token in ("1", "x", "eyJ9", "W10", "WyJuYW1lIixmYWxzZSxmYWxzZSxbMV1d", "\x00", "ä"):
        with pytest.raises(BadRequest):
            await filled.catalog.query(ADMIN, EntityFilter(), sort="name", continue_token=token)
    with pytest.raises(BadRequest):
        await filled.catalog.query(ADMIN, EntityFilter(), sort="descriptor")


async def test_a_state_stays_when_its_entity_is_delivered_anew(records: SqliteRecords) -> None:
    shop = component("shop-1", workload="shop-1")
    await records.catalog.observe("demo", "shop-1", WorkloadState("Degraded", "It is.", "http://x"))
    for version in ("1", "2"):
        await records.catalog.ingest("s", [shop], project="demo", version=version)
        found = await records.catalog.get(OF_DEMO, shop.ref)
        assert found is not None
        assert found.state == WorkloadState("Degraded", "It is.", "http://x")
        counts = await records.catalog.facets(OF_DEMO, EntityFilter(), ["health"])
        assert counts == {"health": {"Degraded": 1}}
    assert await records.catalog.observed() == [("demo", "shop-1")]
    await records.catalog.observe("demo", "shop-1", None)
    assert await records.catalog.facets(OF_DEMO, EntityFilter(), ["health"]) == {"health": {}}
    assert await records.catalog.observed() == []


async def test_a_state_of_one_project_is_not_told_in_another(records: SqliteRecords) -> None:
    await records.catalog.observe("hidden", "shop-1", WorkloadState("Degraded"))
    shop = component("shop-1", workload="shop-1")
    await records.catalog.ingest("s", [shop], project="demo", version="1")
    found = await records.catalog.get(OF_DEMO, shop.ref)
    assert found is not None
    assert found.state is None


async def test_some_are_found_as_one_types_and_only_those_one_may_see(
    filled: SqliteRecords,
) -> None:
    async def found(viewer: Viewer, text: str) -> list[str]:
        where = EntityFilter(text=text)
        return [one.name for one in await filled.catalog.find(viewer, where, limit=5)]

    assert await found(OF_DEMO, "ord") == ["orders"]
    assert await found(OF_DEMO, "takes") == ["orders"]
    assert await found(OF_DEMO, "secret") == []
    assert await found(ADMIN, "secret") == ["secret-engine"]
    assert await found(ADMIN, "-") == []


async def test_which_references_exist_for_whom(filled: SqliteRecords) -> None:
    refs = ["group:default/team-a", "group:default/team-z", "component:default/secret-engine"]
    assert await filled.catalog.existing(OF_DEMO, refs) == {"group:default/team-a"}
    assert len(await filled.catalog.existing(ADMIN, refs)) == 2


async def test_pages_hear_of_the_projects_they_may_see(records: SqliteRecords) -> None:
    heard: list[str] = []
    with (
        records.changes.of_projects("catalog", OF_DEMO, lambda: heard.append("demo")),
        records.changes.of_projects("catalog", ADMIN, lambda: heard.append("all")),
        records.changes.of_projects("catalog", OF_NOTHING, lambda: heard.append("nothing")),
    ):
        await records.catalog.ingest("s", [component("a-1")], project="demo", version="1")
        await records.catalog.observe("hidden", "x", WorkloadState("Healthy"))
        await records.catalog.observe("hidden", "x", WorkloadState("Healthy"))
    assert heard == ["demo", "all", "all"]


async def test_views_are_kept_for_each_person_and_few(
    records: SqliteRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("towpath.records.views.VIEWS_MAX", 2)
    for name in ("one", "two"):
        assert await records.views.save("alice", SavedView(name, "q=1"))
    assert not await records.views.save("alice", SavedView("three", "q=3"))
    assert await records.views.save("alice", SavedView("two", "q=2"))
    assert await records.views.of("alice") == [SavedView("one", "q=1"), SavedView("two", "q=2")]
    assert await records.views.of("bob") == []
    await records.views.remove("bob", "one")
    await records.views.remove("alice", "two")
    assert await records.views.of("alice") == [SavedView("one", "q=1")]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        pytest.param("ordres", ["orders"], id="two letters the wrong way round"),
        pytest.param("secrte engine", ["secret-engine"], id="one of two words"),
        pytest.param("ordr", ["orders"], id="a letter too few"),
        pytest.param("engine", ["secret-engine"], id="what is right is left alone"),
        pytest.param("zzzzzz", [], id="near to nothing"),
        pytest.param("ord", ["orders"], id="too short to be wrong"),
    ],
)
async def test_a_mistyped_word_is_understood(
    filled: SqliteRecords, typed: str, expected: list[str]
) -> None:
    where = EntityFilter(text=typed)
    page = await filled.catalog.query(ADMIN, where)
    assert [one.name for one in page.entities] == expected
    assert [one.name for one in await filled.catalog.find(ADMIN, where)] == expected
    counts = await filled.catalog.facets(ADMIN, where, ["kind"])
    assert sum(counts["kind"].values()) == len(expected)

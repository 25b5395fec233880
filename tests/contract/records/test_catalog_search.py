"""What is found by some words: by whom, and in which order."""

import pytest

from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, EntityFilter, Viewer, written
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_DEMO = Viewer(UserInfo("alice"), frozenset({"demo"}))
OF_NOTHING = Viewer(UserInfo("stranger"), frozenset())


def entity(name: str, kind: str = "Component", description: str = "") -> Entity:
    return Entity(
        ref=f"{kind.lower()}:default/{name}",
        kind=kind,
        name=name,
        description=description,
        written=written({"kind": kind, "metadata": {"name": name}}),
    )


@pytest.fixture
async def payments(records: SqliteRecords) -> SqliteRecords:
    """Everything with `pay` somewhere, of two projects and of none."""
    shared = [
        entity("books", description="The payments of a year"),
        entity("ledger", description="What is left to pay"),
        entity("the-payroll"),
        entity("the-pay-office"),
        entity("pay-desk", "API"),
        entity("pay-desk-two"),
        entity("pay", "System"),
    ]
    await records.catalog.ingest("shared", shared, project="", version="1")
    for project in ("demo", "hidden"):
        own = [entity(f"pay-{project}"), entity(f"paywall-{project}")]
        await records.catalog.ingest(project, own, project=project, version="1")
    return records


ELSEWHERE = ["pay-desk", "the-pay-office", "the-payroll", "ledger", "books"]
"""Of another kind; with the word in the name, and its beginning; the same anywhere."""


@pytest.mark.parametrize(
    ("viewer", "called"),
    [
        pytest.param(
            ADMIN,
            ["pay-demo", "pay-hidden", "pay-desk-two", "paywall-demo", "paywall-hidden"],
            id="who sees all",
        ),
        pytest.param(OF_DEMO, ["pay-demo", "pay-desk-two", "paywall-demo"], id="a member"),
        pytest.param(OF_NOTHING, ["pay-desk-two"], id="a member of nothing"),
    ],
)
async def test_the_best_comes_first(
    payments: SqliteRecords, viewer: Viewer, called: list[str]
) -> None:
    found = await payments.catalog.find(viewer, EntityFilter(text="Pay "), limit=20)
    assert [one.name for one in found] == ["pay", *called, *ELSEWHERE]


async def test_pages_are_pieces_of_one_list(payments: SqliteRecords) -> None:
    where = EntityFilter(text="pay")
    whole = await payments.catalog.find(OF_DEMO, where, limit=100)
    pages = [
        await payments.catalog.find(OF_DEMO, where, limit=3, skip=at) for at in range(0, 12, 3)
    ]
    assert [one for page in pages for one in page] == whole
    assert len({one.ref for one in whole}) == 9


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(
            EntityFilter({"kind": ("API", "System")}, "pay"), ["pay", "pay-desk"], id="by kinds"
        ),
        pytest.param(
            EntityFilter({"project": ("demo",)}), ["pay-demo", "paywall-demo"], id="without words"
        ),
        pytest.param(EntityFilter({"project": ("hidden",)}, "pay"), [], id="hidden ones"),
        pytest.param(EntityFilter(text="office p"), ["the-pay-office"], id="a word's first letter"),
        pytest.param(EntityFilter(text="offcie pay"), ["the-pay-office"], id="a mistyped word"),
        pytest.param(EntityFilter(text="pay-desk"), ["pay-desk", "pay-desk-two"], id="just so"),
    ],
)
async def test_what_is_found_is_narrowed_down(
    payments: SqliteRecords, where: EntityFilter, expected: list[str]
) -> None:
    assert [one.name for one in await payments.catalog.find(OF_DEMO, where)] == expected


async def test_who_moves_to_another_project_is_found_there(payments: SqliteRecords) -> None:
    await payments.catalog.ingest("demo", [entity("pay-demo")], project="hidden", version="2")
    where = EntityFilter(text="demo")
    assert await payments.catalog.find(OF_DEMO, where) == []
    assert [one.project for one in await payments.catalog.find(ADMIN, where)] == ["hidden"]


async def test_a_hidden_word_does_not_stand_before_a_near_one(records: SqliteRecords) -> None:
    await records.catalog.ingest("a", [entity("warehouse")], project="demo", version="1")
    await records.catalog.ingest("b", [entity("warehuose")], project="hidden", version="1")
    for typed in ("warehuose", "warehuuse"):
        found = await records.catalog.find(OF_DEMO, EntityFilter(text=typed))
        assert [one.name for one in found] == ["warehouse"]

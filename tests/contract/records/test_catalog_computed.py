"""Computed properties as facts: filtered, sorted and counted by what each reader may see."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from towpath.machinery.users import UserInfo
from towpath.records.contract import (
    PAIRS,
    Entity,
    EntityFilter,
    Properties,
    Property,
    Relation,
    Viewer,
    written,
)
from towpath.records.properties import AGGREGATION, CALCULATION, MIRROR
from towpath.records.questions import By, Has, Is, Question
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_RED = Viewer(UserInfo("alice"), frozenset({"red"}))
OF_BOTH = Viewer(UserInfo("bob"), frozenset({"red", "blue"}))
OF_NONE = Viewer(UserInfo("carol"), frozenset())
PROJECTS = ("", "red", "blue")
NEEDS = ("dependsOn",)
KEYS = ("computed.needs", "computed.seats", "computed.tier", "computed.farAway", "computed.large")
SPEC: Sequence[Property] = (
    Property("needs", "Needs", AGGREGATION, NEEDS),
    Property("seats", "Seats", AGGREGATION, NEEDS, value="item.spec.seats", function="sum"),
    Property("tier", "Tier", MIRROR, ("partOf",), path="spec.tier"),
    Property("farAway", "Far away", AGGREGATION, (*NEEDS, *NEEDS), where="item.spec.seats > 99"),
    Property("large", "Large", CALCULATION, expression="entity.spec.seats + computed.needs > 150"),
)
PROPERTIES = Properties({"component": tuple(SPEC)}, PAIRS)


def component(name: str, seats: int, needs: Sequence[str] = (), system: str = "") -> Entity:
    told = [Relation("dependsOn", f"component:default/{one}") for one in needs]
    told += [Relation("partOf", f"system:default/{system}")] if system else []
    return entity("Component", name, {"seats": seats}, told)


def entity(
    kind: str, name: str, spec: Mapping[str, object], told: Sequence[Relation] = ()
) -> Entity:
    descriptor = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "spec": {**spec}}
    ref = f"{kind.lower()}:default/{name}"
    return Entity(ref, kind, name, written(descriptor), relations=tuple(told))


def drawn(chance: random.Random, project: str) -> list[Entity]:
    """What a project's source says: some of its twelve components and of its two systems."""
    names = [f"{one}-{number}" for one in ("all", "red", "blue") for number in range(12)]
    own = [name for name in names if name.startswith(f"{project or 'all'}-")]
    systems = [entity("System", f"{project}s{n}", {"tier": chance.randrange(3)}) for n in (1, 2)]
    told = ["reds1", "blues1", "s1", "s2", "nothing"]
    return [
        *systems[: chance.randrange(1, 3)],
        *(
            component(
                name, chance.randrange(300), chance.sample(names, 4), system=chance.choice(told)
            )
            for name in chance.sample(own, 9)
        ),
    ]


async def deliver(records: SqliteRecords, project: str, said: Sequence[Entity], at: int) -> None:
    await records.catalog.ingest(
        f"of-{project}", said, project=project, version=str(at), loss_allowed=True
    )


async def plainly(records: SqliteRecords, viewer: Viewer) -> dict[str, dict[str, object]]:
    """By reference and key, each computed by itself for that viewer."""
    page = await records.catalog.query(viewer, EntityFilter({"kind": ("Component",)}), limit=1000)
    found = {}
    for one in page.entities:
        computed = await records.catalog.computed(viewer, one.ref)
        told = {f"computed.{name}": known.value for name, known in computed.items()}
        found[one.ref] = {key: value for key, value in told.items() if value is not None}
    return found


def spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def test_every_way_to_ask_tells_what_reading_tells(records: SqliteRecords) -> None:
    chance = random.Random(5)
    await records.catalog.compute(PROPERTIES)
    for round_ in range(3):
        for project in PROJECTS if round_ == 0 else [chance.choice(PROJECTS)]:
            await deliver(records, project, drawn(chance, project), round_)
        await records.catalog.settled()
        for viewer in (ADMIN, OF_RED, OF_BOTH, OF_NONE):
            await is_told_everywhere(records, viewer, await plainly(records, viewer))


async def is_told_everywhere(
    records: SqliteRecords, viewer: Viewer, plain: dict[str, dict[str, object]]
) -> None:
    catalog = records.catalog
    components = EntityFilter({"kind": ("Component",)})
    values = await catalog.computed_values(viewer, [*plain])
    for key in KEYS:
        known = {ref: spelled(told[key]) for ref, told in plain.items() if key in told}
        counts = Counter(known.values())
        assert dict((await catalog.count(viewer, Has(key), [key]))[key]) == counts
        assert (await catalog.facets(viewer, components, [key]))[key] == counts
        for value, count in counts.items():
            assert (await catalog.ask(viewer, Question(Is(key, (value,))))).total == count
            same = await catalog.query(viewer, EntityFilter({key: (value,)}))
            assert {one.ref for one in same.entities} == {
                ref for ref, told in known.items() if told == value
            }
        without = await catalog.query(viewer, EntityFilter({**components.fields, key: ("",)}))
        assert {one.ref for one in without.entities} == plain.keys() - known.keys()
        told_by_key = {ref: of.get(key.lower()) for ref, of in values.items()}
        assert {ref: told for ref, told in told_by_key.items() if told} == {
            ref: [value] for ref, value in known.items()
        }


@pytest.mark.parametrize("sort", ["computed.seats", "-computed.seats"], ids=["up", "down"])
async def test_numbers_are_sorted_as_numbers_page_by_page(
    records: SqliteRecords, sort: str
) -> None:
    catalog = records.catalog
    await catalog.compute(PROPERTIES)
    needed = {"a": 5, "b": 40, "c": 300, "d": 1000}
    others = [component(f"needs-{name}", 1, [name]) for name in needed]
    await deliver(records, "", [*(component(*one) for one in needed.items()), *others], 1)
    await catalog.settled()
    seats: list[object] = []
    token = ""
    while True:
        page = await catalog.query(
            ADMIN,
            EntityFilter({"kind": ("Component",)}),
            limit=2,
            continue_token=token,
            sort=sort,
        )
        for one in page.entities:
            seats.append((await catalog.computed(ADMIN, one.ref))["seats"].value)
        if not (token := page.continue_token):
            break
    ordered = sorted(needed.values(), reverse=sort.startswith("-"))
    assert seats == [*ordered, None, None, None, None], "who has no value comes last"
    by = By("computed.seats", sort.startswith("-"))
    answer = await catalog.ask(ADMIN, Question(Has("computed.seats"), order=(by,), limit=3))
    assert answer.more


async def test_a_change_is_computed_for_what_looks_at_it_and_nothing_else(
    records: SqliteRecords,
) -> None:
    written = []
    catalog = records.catalog
    await catalog.compute(PROPERTIES)
    for size in (50, 500):
        others = [component(f"other-{size}-{number}", 1) for number in range(size)]
        chain = [component("a", 900), component("b", 1, ["a"]), component("c", 1, ["b"])]
        await deliver(records, "", [*chain, *others], size)
        await catalog.settled()
        before = await records.rows_written()
        await catalog.amend("of-", put=[component("a", 3)], project="", version=f"{size}+")
        await catalog.settled()
        written.append(await records.rows_written() - before)
        told = await catalog.computed_values(ADMIN, ["component:default/b", "component:default/c"])
        assert told["component:default/b"]["computed.seats"] == ["3"]
        assert told["component:default/c"]["computed.faraway"] == ["0"]
    assert written[0] == written[1]


async def test_what_is_computed_outlives_a_restart_and_goes_with_its_definition(
    records: SqliteRecords,
) -> None:
    catalog = records.catalog
    await catalog.compute(PROPERTIES)
    await deliver(records, "", [component("a", 9), component("b", 1, ["a"])], 1)
    await catalog.settled()
    before = await records.rows_written()
    await catalog.compute(Properties({**PROPERTIES.of}, tuple(reversed(PAIRS))))
    await catalog.settled()
    assert await records.rows_written() == before, "nothing is computed that is known"
    await catalog.compute(Properties({"component": tuple(SPEC[:1])}, PAIRS))
    await catalog.settled()
    assert (await catalog.ask(ADMIN, Question(Has("computed.seats")))).total == 0
    assert (await catalog.ask(ADMIN, Question(Is("computed.needs", ("1",))))).total == 1
    await catalog.compute(Properties({}, PAIRS))
    await catalog.settled()
    assert (await catalog.ask(ADMIN, Question(Has("computed.needs")))).total == 0


async def test_nobody_writes_what_is_computed(records: SqliteRecords) -> None:
    told = written({"kind": "Component", "metadata": {"name": "a"}, "computed": {"needs": 99}})
    await deliver(records, "", [Entity("component:default/a", "Component", "a", told)], 1)
    assert (await records.catalog.ask(ADMIN, Question(Has("computed.needs")))).total == 0

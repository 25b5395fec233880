"""Questions to the catalogue: sets answer what a plain reading of the entities would."""

import random
from collections.abc import Callable, Iterator

import orjson
import pytest

from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo
from towpath.records.contract import Entity, Relation, Viewer, written
from towpath.records.questions import (
    Begins,
    By,
    Condition,
    Every,
    Has,
    Is,
    Never,
    Place,
    Question,
    Some,
)
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_RED = Viewer(UserInfo("alice"), frozenset({"red"}))
TYPES = ("Service", "website", "library")
TEAMS = ("a", "b", "c")


def entity(name: str, project: str, kind: str = "Component", **more: object) -> Entity:
    owner = f"group:default/{more['owner']}" if "owner" in more else ""
    spec = {key: value for key, value in more.items() if key not in ("tags", "title")}
    metadata = {"name": name, **{key: more[key] for key in ("tags", "title") if key in more}}
    return Entity(
        ref=f"{kind.lower()}:default/{name}",
        kind=kind,
        name=name,
        written=written({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}),
        relations=(Relation("ownedBy", owner),) if owner else (),
    )


def many(seed: int) -> dict[str, list[Entity]]:
    """Entities by project, drawn with a seed."""
    drawn = random.Random(seed)
    found: dict[str, list[Entity]] = {"red": [], "blue": [], "": []}
    for number in range(60):
        more: dict[str, object] = {"type": drawn.choice(TYPES), "owner": drawn.choice(TEAMS)}
        if drawn.random() < 0.5:
            more["tags"] = drawn.sample(["java", "go", "web.app"], 2)
        if drawn.random() < 0.4:
            more["title"] = drawn.choice(["Shop", "shop", "Shop_100%", "Market"])
        if drawn.random() < 0.3:
            more["lifecycle"] = None
        project = drawn.choice(["red", "blue"])
        found[project].append(entity(f"part-{number}", project, **more))
    found[""] = [entity(team, "", "Group") for team in TEAMS]
    return found


@pytest.fixture
async def world(records: SqliteRecords) -> SqliteRecords:
    for project, entities in many(7).items():
        await records.catalog.ingest(f"s-{project}", entities, project=project, version="1")
    return records


def values_of(entity: RawObject, key: str) -> list[object]:
    """The values of a key, by walking: the plain reading."""
    if key.startswith("relations."):
        kind = key.removeprefix("relations.")
        return [one["targetRef"] for one in entity["relations"] if one["type"].lower() == kind]
    return [*walked(entity, key)]


def walked(value: object, key: str) -> Iterator[object]:
    if isinstance(value, list):
        for item in value:
            if key and isinstance(item, str) and item.lower() == key:
                yield True
            else:
                yield from walked(item, key)
    elif isinstance(value, dict):
        for name, inner in value.items():
            lower = name.lower()
            if key == lower:
                yield from (inner if isinstance(inner, list) else [inner])
            elif key.startswith(f"{lower}."):
                yield from walked(inner, key[len(lower) + 1 :])


def said(value: object) -> str:
    return "true" if value is True else str(value).lower()


def meets(entity: RawObject, where: Condition) -> bool:
    match where:
        case Every(of):
            return all(meets(entity, one) for one in of)
        case Some(of):
            return any(meets(entity, one) for one in of)
        case Never(one):
            return not meets(entity, one)
        case Has(key):
            return bool(values_of(entity, key))
        case Is(key, values):
            known = {said(value) for value in values_of(entity, key) if value is not None}
            return bool(known & {value.lower() for value in values})
        case Begins(key, prefix):
            return any(
                said(value).startswith(prefix.lower())
                for value in values_of(entity, key)
                if value is not None
            )


CONDITIONS = [
    pytest.param(Is("kind", ("component",)), id="a kind without regard to case"),
    pytest.param(Is("spec.type", ("SERVICE", "library")), id="one of two types"),
    pytest.param(Has("metadata.tags"), id="has tags"),
    pytest.param(Has("metadata.tags.java"), id="a text in a list is a key"),
    pytest.param(Is("metadata.tags.web.app", ("true",)), id="of a text with a dot"),
    pytest.param(Is("metadata.tags", ("go",)), id="a text in a list is a value"),
    pytest.param(Has("spec.lifecycle"), id="null is there"),
    pytest.param(Is("spec.lifecycle", ("null",)), id="null is no value"),
    pytest.param(Is("relations.ownedby", ("group:default/a",)), id="a relation told"),
    pytest.param(Has("relations.ownerof"), id="a relation told by others"),
    pytest.param(Begins("metadata.name", "Part-1"), id="begins so"),
    pytest.param(Some(), id="none of nothing"),
    pytest.param(Never(Is("spec.type", ("website",))), id="not a website"),
    pytest.param(
        Every(
            (Is("kind", ("Component",)), Some((Has("metadata.title"), Is("spec.owner", ("b",)))))
        ),
        id="and of or",
    ),
]


@pytest.mark.parametrize("viewer", [ADMIN, OF_RED], ids=["who sees all", "who sees a project"])
@pytest.mark.parametrize("where", CONDITIONS)
async def test_conditions_mean_what_a_plain_reading_says(
    world: SqliteRecords, viewer: Viewer, where: Condition
) -> None:
    everything = [
        orjson.loads(one) for one in (await world.catalog.ask(viewer, Question())).entities
    ]
    expected = [one["metadata"]["name"] for one in everything if meets(one, where)]
    answer = await world.catalog.ask(viewer, Question(where))
    found = [orjson.loads(one)["metadata"]["name"] for one in answer.entities]
    assert (found, answer.total) == (expected, len(expected))


async def names(world: SqliteRecords, question: Question, viewer: Viewer = ADMIN) -> list[str]:
    answer = await world.catalog.ask(viewer, question)
    return [orjson.loads(one)["metadata"]["name"] for one in answer.entities]


@pytest.mark.parametrize("downwards", [False, True], ids=["upwards", "downwards"])
@pytest.mark.parametrize(
    "key",
    [
        pytest.param("", id="by number"),
        pytest.param("metadata.name", id="that all have"),
        pytest.param("metadata.title", id="that some have"),
        pytest.param("metadata.tags", id="with several values"),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        pytest.param(Every(), id="everything"),
        pytest.param(Is("spec.owner", ("a",)), id="some"),
        pytest.param(Is("metadata.name", ("part-3", "part-5")), id="few"),
    ],
)
async def test_pages_forwards_and_backwards_are_the_whole_in_its_order(
    world: SqliteRecords, where: Condition, key: str, downwards: bool
) -> None:
    order = (By(key, downwards),) if key else ()
    whole = await names(world, Question(where, order=order))
    assert len(set(whole)) == len(whole) > 0
    forwards: list[str] = []
    after: Place | None = None
    while True:
        answer = await world.catalog.ask(ADMIN, Question(where, order=order, limit=7, after=after))
        forwards += [orjson.loads(one)["metadata"]["name"] for one in answer.entities]
        if not answer.more:
            break
        after = answer.last
    assert forwards == whole
    backwards: list[str] = []
    before = answer.last
    assert before is not None
    while True:
        answer = await world.catalog.ask(
            ADMIN, Question(where, order=order, limit=7, before=before)
        )
        page = [orjson.loads(one)["metadata"]["name"] for one in answer.entities]
        backwards = page + backwards
        if not answer.more:
            break
        before = answer.first
    assert backwards == whole[:-1]


async def test_orders_put_what_has_no_value_last(world: SqliteRecords) -> None:
    for downwards in (False, True):
        answer = await world.catalog.ask(
            ADMIN, Question(order=(By("metadata.title", downwards), By("metadata.name")))
        )
        titles = [orjson.loads(one)["metadata"].get("title") for one in answer.entities]
        known = [title.lower() for title in titles if title]
        assert known == sorted(known, reverse=downwards)
        assert all(title is None for title in titles[len(known) :])


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        pytest.param("ART-1", lambda name: "art-1" in name, id="a part without regard to case"),
        pytest.param("t_2", lambda name: "t-2" in name, id="an underscore is any character"),
        pytest.param(
            "p%5", lambda name: name[0] == "p" and "5" in name, id="a percent is any text"
        ),
        pytest.param("nothing", lambda name: False, id="what is nowhere"),
        pytest.param("\n", lambda name: False, id="a line's end is in no name"),
    ],
)
async def test_a_text_is_looked_for_in_the_values_of_keys(
    world: SqliteRecords, text: str, matches: Callable[[str], bool]
) -> None:
    everything = await names(world, Question())
    found = await names(world, Question(text=text, text_keys=("metadata.name", "spec.x")))
    assert found == [name for name in everything if matches(name)]


async def test_counts_are_of_values_as_spelled(world: SqliteRecords) -> None:
    entities = [orjson.loads(one) for one in (await world.catalog.ask(ADMIN, Question())).entities]
    counts = await world.catalog.count(
        ADMIN,
        Is("kind", ("component",)),
        ["spec.type", "metadata.tags", "metadata.tags.java", "no"],
    )
    kinds = [one for one in entities if one["kind"] == "Component"]
    for kind in TYPES:
        expected = sum(one["spec"]["type"] == kind for one in kinds)
        assert dict(counts["spec.type"])[kind] == expected
    java = sum("java" in one["metadata"].get("tags", ()) for one in kinds)
    assert dict(counts["metadata.tags"])["java"] == java
    assert counts["metadata.tags.java"] == [("true", java)]
    assert counts["no"] == []


async def test_what_is_hidden_is_nowhere(world: SqliteRecords) -> None:
    blue = {f"component:default/{name}" for name in await names(world, Question())} - {
        f"component:default/{name}" for name in await names(world, Question(), OF_RED)
    }
    assert blue
    hidden = min(blue)
    team = orjson.loads((await world.catalog.named(OF_RED, ["group:default/a"]))[0] or b"")
    assert {one["targetRef"] for one in team["relations"]}.isdisjoint(blue)
    assert await names(world, Question(Is("relations.ownerof", (hidden,))), OF_RED) == []
    assert await names(world, Question(Begins("relations.ownerof", hidden)), OF_RED) == []
    counts = await world.catalog.count(OF_RED, Every(), ["relations.ownerof", "metadata.name"])
    assert blue.isdisjoint(value for value, _ in counts["relations.ownerof"])
    assert await world.catalog.named(OF_RED, [hidden]) == [None]
    (known,) = await world.catalog.named(ADMIN, [hidden])
    assert known is not None
    uid = orjson.loads(known)["metadata"]["uid"]
    assert await world.catalog.identified(OF_RED, uid) is None
    assert await world.catalog.identified(ADMIN, uid) == known


async def test_answers_are_as_new_as_what_was_written(world: SqliteRecords) -> None:
    """What is kept in memory is changed with what is written, one entity at a time."""
    for seed in range(5):
        await names(world, Question(Is("spec.type", ("service",)), order=(By("metadata.title"),)))
        await world.catalog.count(ADMIN, Has("relations.ownedby"), ["spec.owner"])
        revision = world.catalog.revision
        for project, entities in many(seed).items():
            await world.catalog.ingest(
                f"s-{project}", entities, project=project, version=f"x{seed}", loss_allowed=True
            )
        assert world.catalog.revision > revision
        entities = [
            orjson.loads(one) for one in (await world.catalog.ask(ADMIN, Question())).entities
        ]
        for where in (
            Is("spec.type", ("service",)),
            Has("relations.ownerof"),
            Has("metadata.tags"),
        ):
            expected = {one["metadata"]["name"] for one in entities if meets(one, where)}
            assert set(await names(world, Question(where))) == expected


async def told_of_team_a(world: SqliteRecords, viewer: Viewer) -> list[str]:
    (told,) = await world.catalog.named(viewer, ["group:default/a"])
    assert told is not None
    return [one["targetRef"] for one in orjson.loads(told)["relations"]]


async def test_an_owner_is_told_of_what_is_owned_and_not_of_its_words(
    world: SqliteRecords,
) -> None:
    ref = "component:default/moving"

    async def deliver(version: str, owner: str, project: str = "red", title: str = "") -> None:
        moving = entity("moving", project, type="service", owner=owner, title=title)
        await world.catalog.ingest("moving", [moving], project=project, version=version)

    await deliver("1", "a")
    (before,) = await world.catalog.named(ADMIN, ["group:default/a"])
    assert ref in await told_of_team_a(world, OF_RED)
    await deliver("2", "a", title="Another word")
    assert await world.catalog.named(ADMIN, ["group:default/a"]) == [before]
    await deliver("3", "a", project="blue")
    assert ref not in await told_of_team_a(world, OF_RED), "it is another project's now"
    assert ref in await told_of_team_a(world, ADMIN)
    await deliver("4", "b", project="blue")
    assert ref not in await told_of_team_a(world, ADMIN)

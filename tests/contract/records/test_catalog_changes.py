"""What an ingest writes, refuses and remembers, and how it is undone."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import orjson
import pytest

from towpath.machinery.users import UserInfo
from towpath.records import ingesting
from towpath.records.contract import (
    Cause,
    Entity,
    EntityFilter,
    Ingested,
    Relation,
    Viewer,
    written,
)
from towpath.records.questions import Has, Is, Question, Uid
from towpath.records.sqlite import SqliteRecords

ADMIN = Viewer(UserInfo("admin"), None)
OF_DEMO = Viewer(UserInfo("alice"), frozenset({"demo"}))
OF_OTHER = Viewer(UserInfo("bob"), frozenset({"other"}))
TEAM = "group:default/team"


def entity(number: int, title: str = "", kind: str = "Component", owner: str = TEAM) -> Entity:
    name = f"e-{number}"
    metadata = {"name": name, "title": title} if title else {"name": name}
    descriptor = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": {"n": number}}
    return Entity(
        ref=f"{kind.lower()}:default/{name}",
        kind=kind,
        name=name,
        title=title,
        written=written(descriptor),
        relations=(Relation("ownedBy", owner),) if owner else (),
    )


async def ingest(
    records: SqliteRecords, entities: Sequence[Entity], version: str, **more: object
) -> Ingested:
    return await records.catalog.ingest(
        "s",
        entities,
        project="demo",
        version=version,
        **more,  # type: ignore[arg-type]
    )


async def names(records: SqliteRecords, viewer: Viewer = ADMIN) -> list[str]:
    answer = await records.catalog.ask(viewer, Question())
    return [orjson.loads(one)["metadata"]["name"] for one in answer.entities]


async def shown(records: SqliteRecords, ref: str) -> dict[str, object]:
    (found,) = await records.catalog.named(ADMIN, [ref])
    assert found is not None
    known: dict[str, object] = orjson.loads(found)
    return known


@pytest.mark.parametrize("amend", [False, True], ids=["told everything", "told the change"])
async def test_what_is_written_is_what_changed_however_much_there_is(
    records: SqliteRecords, amend: bool
) -> None:
    """The owners differ, so that a change of one touches a neighbour of its own."""
    written = []
    for size in (100, 1000):
        source = f"s-{size}"
        entities = [entity(size * 10 + n, owner=f"group:default/{n}") for n in range(size)]
        await records.catalog.ingest(source, entities, project="demo", version="1")
        before = await records.rows_written()
        changed = replace(entities[5], description="changed")
        if amend:
            done = await records.catalog.amend(source, put=[changed], project="demo", version="2")
        else:
            told = [*entities[:5], changed, *entities[6:]]
            done = await records.catalog.ingest(source, told, project="demo", version="2")
        assert (done.added, done.updated, done.removed) == (0, 1, 0)
        written.append(await records.rows_written() - before)
    # The full text's own merging is counted too, and comes when it comes.
    assert max(written) < 100


async def test_the_same_again_writes_nothing_of_the_entities(records: SqliteRecords) -> None:
    await ingest(records, [entity(n) for n in range(50)], "1")
    before = await records.rows_written()
    done = await ingest(records, [entity(n) for n in range(50)], "2")
    assert not done.changed
    assert await records.rows_written() - before < 5


async def test_uid_stays_and_etag_changes_with_what_others_say(records: SqliteRecords) -> None:
    await records.catalog.ingest(
        "org", [replace(entity(0, kind="Group", owner=""), ref=TEAM)], project="", version="1"
    )
    await ingest(records, [entity(1)], "1")
    first, team = await shown(records, "component:default/e-1"), await shown(records, TEAM)
    await ingest(records, [entity(1, title="New"), entity(2)], "2")
    second, grown = await shown(records, "component:default/e-1"), await shown(records, TEAM)
    for before, after in ((first, second), (team, grown)):
        old, new = before["metadata"], after["metadata"]
        assert isinstance(old, dict) and isinstance(new, dict)
        assert old["uid"] == new["uid"]
        assert old["etag"] != new["etag"]
    assert {"type": "ownerOf", "targetRef": "component:default/e-2"} in grown["relations"]  # type: ignore[operator]
    found = await records.catalog.get(ADMIN, TEAM)
    assert found is not None and isinstance(grown["metadata"], dict)
    assert (found.uid, found.etag) == (grown["metadata"]["uid"], grown["metadata"]["etag"])


async def test_a_great_delivery_is_written_in_parts(
    records: SqliteRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "PART_MAX", 7)
    team = replace(entity(0, kind="Group", owner=""), ref=TEAM)
    entities = [team, *(entity(n) for n in range(1, 40))]
    done = await ingest(records, entities, "1")
    assert (done.added, await records.catalog.sources()) == (40, {"s": "1"})
    owned = Question(Is("relations.ownedby", (TEAM,)))
    assert (await records.catalog.ask(ADMIN, owned)).total == 39
    relations = (await shown(records, TEAM))["relations"]
    assert isinstance(relations, list) and len(relations) == 39
    await records.catalog.forget("s")
    assert await names(records) == []
    assert await records.catalog.sources() == {}


@pytest.mark.parametrize(
    ("left", "refused"),
    [
        pytest.param(15, False, id="a quarter may go"),
        pytest.param(13, True, id="more than thirty per cent may not"),
        pytest.param(0, True, id="all may not"),
    ],
)
async def test_who_would_lose_much_is_refused(
    records: SqliteRecords, left: int, refused: bool
) -> None:
    await ingest(records, [entity(n) for n in range(20)], "1")
    before = await names(records)
    done = await ingest(records, [entity(n, "new") for n in range(left)], "2")
    assert (done.refused is not None) is refused
    if done.refused is None:
        assert len(await names(records)) == left
        return
    assert (done.changed, done.refused.removed, done.refused.of) == (False, 20 - left, 20)
    assert await names(records) == before
    assert await records.catalog.sources() == {"s": "1"}
    assert await records.catalog.losses() == [done.refused]
    agreed = await ingest(records, [entity(n) for n in range(left)], "2", loss_allowed=True)
    assert agreed.removed == 20 - left
    assert await records.catalog.losses() == []


async def test_a_few_may_always_go(records: SqliteRecords) -> None:
    await ingest(records, [entity(n) for n in range(5)], "1")
    assert (await ingest(records, [], "2")).removed == 5


async def test_a_loss_is_settled_when_what_was_there_comes_again(records: SqliteRecords) -> None:
    entities = [entity(n) for n in range(20)]
    await ingest(records, entities, "1")
    await ingest(records, [], "2")
    assert len(await records.catalog.losses()) == 1
    await ingest(records, entities, "1")
    assert await records.catalog.losses() == []


async def test_removing_by_name_is_refused_like_leaving_out(records: SqliteRecords) -> None:
    await ingest(records, [entity(n) for n in range(20)], "1")
    gone = [entity(n).ref for n in range(10)]
    done = await records.catalog.amend("s", remove=gone, project="demo", version="2")
    assert done.refused is not None and done.refused.removed == 10
    assert len(await names(records)) == 20


async def test_history_says_who_why_and_what_was_before(records: SqliteRecords) -> None:
    ref = "component:default/e-1"
    await ingest(records, [entity(1)], "c1", cause=Cause("alice", "first"))
    await ingest(records, [entity(1, "Shop")], "c2", cause=Cause("bob", "a title"))
    await ingest(records, [], "c3", cause=Cause("carol", "gone"))
    changes = await records.catalog.history(ADMIN, ref)
    assert [(one.who, one.why, one.version) for one in changes] == [
        ("carol", "gone", "c3"),
        ("bob", "a title", "c2"),
        ("alice", "first", "c1"),
    ]
    titles = [
        [
            state and orjson.loads(state)["metadata"].get("title")
            for state in (one.before, one.after)
        ]
        for one in changes
    ]
    assert titles == [["Shop", None], [None, "Shop"], [None, None]]
    assert changes[-1].before is None and changes[0].after is None
    assert await records.catalog.history(OF_OTHER, ref) == []
    assert len(await records.catalog.history(OF_DEMO, ref)) == 3


async def test_history_is_bounded(records: SqliteRecords) -> None:
    for number in range(60):
        await ingest(records, [entity(1, f"title {number}")], str(number))
    changes = await records.catalog.history(ADMIN, "component:default/e-1", limit=1000)
    assert len(changes) == 50
    assert orjson.loads(changes[0].after or b"")["metadata"]["title"] == "title 59"


async def test_the_last_change_is_undone_and_that_too(records: SqliteRecords) -> None:
    await ingest(records, [entity(n) for n in range(20)], "1")
    after = [entity(3, "changed"), entity(99)]
    await ingest(records, after, "2", loss_allowed=True)
    uid = Uid((await shown(records, "component:default/e-3"))["metadata"]["uid"])  # type: ignore[index]
    done = await records.catalog.undo("s", cause=Cause("alice", "a mistake"))
    assert (done.added, done.updated, done.removed) == (19, 1, 1)
    assert sorted(await names(records)) == sorted(f"e-{n}" for n in range(20))
    restored = await shown(records, "component:default/e-3")
    assert restored["metadata"]["uid"] == uid  # type: ignore[index]
    assert "title" not in restored["metadata"]  # type: ignore[operator]
    assert await records.catalog.sources() == {"s": ""}
    await records.catalog.undo("s")
    assert sorted(await names(records)) == ["e-3", "e-99"]
    assert await records.catalog.undo("never heard of") == Ingested(changed=False)


async def test_an_entity_that_moves_to_another_project_is_theirs_alone(
    records: SqliteRecords,
) -> None:
    await ingest(records, [entity(1)], "1")
    assert await names(records, OF_DEMO) == ["e-1"]
    await records.catalog.ingest("s", [entity(1)], project="other", version="2")
    assert await names(records, OF_DEMO) == []
    assert await names(records, OF_OTHER) == ["e-1"]


async def test_an_entity_taken_out_comes_again_with_its_source(records: SqliteRecords) -> None:
    await ingest(records, [entity(1), entity(2)], "1")
    uid = Uid((await shown(records, "component:default/e-1"))["metadata"]["uid"])  # type: ignore[index]
    cause = Cause("alice", "orphan")
    assert not await records.catalog.remove(OF_OTHER, uid, cause=cause)
    assert await records.catalog.remove(OF_DEMO, uid, cause=cause)
    assert await names(records) == ["e-2"]
    await ingest(records, [entity(1), entity(2)], "1")
    assert sorted(await names(records)) == ["e-1", "e-2"]
    assert (await records.catalog.ask(ADMIN, Question(Has("metadata.uid")))).total == 2


async def test_what_another_release_has_written_is_brought_to_our_form(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with SqliteRecords(path) as records:
        await ingest(records, [entity(1, "Wonderful")], "1")
    connection = apsw.Connection(str(path))
    for table in ("entity_answer", "fact", "catalog_word"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("UPDATE entity SET uid = ''")
    connection.execute("UPDATE catalog_form SET form = 0")
    connection.close()
    async with SqliteRecords(path) as records:
        metadata = (await shown(records, "component:default/e-1"))["metadata"]
        assert isinstance(metadata, dict)
        assert str(uuid.UUID(metadata["uid"])) == metadata["uid"]
        assert (await records.catalog.ask(ADMIN, Question(Has("spec.n")))).total == 1
        found = await records.catalog.find(ADMIN, EntityFilter(text="wonderfull"))
        assert [one.name for one in found] == ["e-1"]

"""One group that owns everything: a small delivery costs the same however much it owns."""

from pathlib import Path

import orjson

from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.machinery.users import PLATFORM
from towpath.records.contract import Entity, Viewer
from towpath.records.ingesting import HUB_RELATIONS_MIN
from towpath.records.sqlite import SqliteRecords

ANYBODY = Viewer(PLATFORM, None)
TEAM = "group:default/team"


def entity(kind: str, name: str, **spec: object) -> Entity:
    return entity_of(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
    )


def owned(number: int) -> Entity:
    name = f"c{number}"
    return entity("Component", name, type="service", lifecycle="production", owner=TEAM)


async def bring(records: SqliteRecords, numbers: range) -> None:
    """Each by a source of its own."""
    for number in numbers:
        await records.catalog.ingest(
            f"repository:{number}", [owned(number)], project="demo", version="1"
        )


async def owns(records: SqliteRecords) -> int:
    (answer,) = await records.catalog.named(ANYBODY, [TEAM])
    assert answer is not None
    return len(orjson.loads(answer)["relations"])


async def begin(records: SqliteRecords) -> None:
    team = [entity("Group", "team", type="team", children=[])]
    await records.catalog.ingest("people", team, project="", version="1")


async def test_a_delivery_costs_the_same_however_much_the_owner_has(tmp_path: Path) -> None:
    async with SqliteRecords(tmp_path / "records.db") as records:
        await begin(records)
        await bring(records, range(HUB_RELATIONS_MIN + 50))
        await records.catalog.settled()
        costs = []
        for first in (1000, 3000):
            before = await records.rows_written()
            await bring(records, range(first, first + 20))
            costs.append(await records.rows_written() - before)
            await bring(records, range(first + 20, first + 220))
        await records.catalog.settled()
        assert await owns(records) == HUB_RELATIONS_MIN + 50 + 440
    # What is put off may be done in between, once or twice.
    assert costs[1] < costs[0] * 1.5


async def test_one_delivery_of_much_is_there_at_once(tmp_path: Path) -> None:
    async with SqliteRecords(tmp_path / "records.db") as records:
        await begin(records)
        await records.catalog.ingest(
            "all", [owned(number) for number in range(1000)], project="demo", version="1"
        )
        assert await owns(records) == 1000
        await records.catalog.ingest("all", [], project="demo", version="2", loss_allowed=True)
        assert await owns(records) == 0


async def test_what_was_put_off_survives_the_end_of_the_process(tmp_path: Path) -> None:
    async with SqliteRecords(tmp_path / "records.db") as records:
        await begin(records)
        await bring(records, range(HUB_RELATIONS_MIN + 1))
        await records.catalog.settled()
        await bring(records, range(5000, 5003))
    async with SqliteRecords(tmp_path / "records.db") as records:
        assert await owns(records) == HUB_RELATIONS_MIN + 4

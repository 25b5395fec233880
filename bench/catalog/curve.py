"""What a refresh costs by how much there is and how much changed: rows written, processor time.

Counted on the index itself, in this process: a count is the same on any machine. `ingest` is told
everything and compares; `amend` is told the change.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.catalog.company import Descriptor, company
from bench.report import last_line, table
from towpath.capabilities.portal.catalog.descriptors import entity_of
from towpath.records.catalog_contract import Entity
from towpath.records.sqlite import SqliteRecords

SIZES = (1_000, 10_000, 100_000)
CHANGES = (0, 1, 10, 100)
PROCESSOR_MS, ROWS = "processor ms", "rows written"


@dataclass(frozen=True, slots=True)
class Cost:
    rows: int
    cpu_s: float


async def curve(folder: Path) -> None:
    rows = []
    for size in SIZES:
        descriptors = company(size).descriptors
        entities = [entity_of(one) for one in descriptors]
        async with SqliteRecords(folder / f"{size}.db") as records:
            whole = await _cost(records, entities, "all", amend=False)
            rows.append(_row(size, "all, at first", whole))
            for count in CHANGES:
                for amend in (False, True):
                    changed = _changed(entities, descriptors, count, amend=amend)
                    cost = await _cost(records, changed, f"{count}-{amend}", amend=amend)
                    told = "amend" if amend else "ingest"
                    rows.append(_row(size, f"{count} changed, {told}", cost))
    table(rows)
    last_line("catalog.curve", {"curve": rows})


def _row(size: int, what: str, cost: Cost) -> dict[str, object]:
    return {"refresh": what, "entities": size, ROWS: cost.rows, PROCESSOR_MS: 1000 * cost.cpu_s}


def _changed(
    entities: list[Entity], descriptors: list[Descriptor], count: int, *, amend: bool
) -> list[Entity]:
    """The last ones, which are components, with another description."""
    changed = []
    for one in descriptors[len(descriptors) - count :]:
        metadata = {**one["metadata"], "description": f"changed: {amend}, {count}"}
        changed.append(entity_of({**one, "metadata": metadata}))
    return changed if amend else [*entities[: len(entities) - count], *changed]


async def _cost(
    records: SqliteRecords, entities: list[Entity], version: str, *, amend: bool
) -> Cost:
    before = await records.rows_written()
    cpu = time.process_time()
    if amend:
        await records.catalog.amend("company", put=entities, project="", version=version)
    else:
        await records.catalog.ingest("company", entities, project="", version=version)
    cpu_s = time.process_time() - cpu
    return Cost(await records.rows_written() - before, cpu_s)

"""The history of entities: one row for each change, with what was before it.

What was after it is what was before the next one, or what is there now. Kept are so many changes of
one entity and so many of all; the oldest go.
"""

# ruff: noqa: S608 - what is put into the SQL is constants and question marks, never a value.

import time
from collections.abc import Sequence
from dataclasses import asdict

import apsw
import orjson

from towpath.records.browsing import entities, visibility
from towpath.records.catalog_contract import Cause, Entity, Relation
from towpath.records.database import Row
from towpath.records.questions import EntityChange
from towpath.records.viewers import Viewer

CHANGES_MAX = 200_000
CHANGES_OF_ONE_MAX = 50


class Chronicle:
    """Writes the rows of one delivery, in its transaction."""

    def __init__(
        self, connection: apsw.Connection, source: str, version: str, cause: Cause
    ) -> None:
        self._connection = connection
        (newest,) = next(connection.execute("SELECT max(id) FROM entity_change"))
        self._told = (source, version, (newest or 0) + 1, time.time(), cause.who, cause.why)
        self._rows: list[tuple[str, str, bytes | None]] = []

    def came(self, entity: Entity) -> None:
        self._rows.append((entity.ref, entity.project, None))

    def changed(self, entity_id: int, after: Entity) -> None:
        self._rows.append((after.ref, after.project, _kept(self._now(entity_id))))

    def went(self, entity_id: int) -> None:
        entity = self._now(entity_id)
        self._rows.append((entity.ref, entity.project, _kept(entity)))

    def flush(self) -> None:
        connection = self._connection
        connection.executemany(
            "INSERT INTO entity_change (ref, project, before, source, version, batch, time_s, who,"
            " why) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*row, *self._told) for row in self._rows],
        )
        connection.executemany(
            "DELETE FROM entity_change WHERE ref = ?1 AND id <= (SELECT id FROM entity_change"
            f" WHERE ref = ?1 ORDER BY id DESC LIMIT 1 OFFSET {CHANGES_OF_ONE_MAX})",
            [(ref,) for ref, _, before in self._rows if before is not None],
        )
        self._rows.clear()

    def prune(self) -> None:
        self._connection.execute(
            "DELETE FROM entity_change WHERE id <= (SELECT max(id) FROM entity_change) - ?",
            (CHANGES_MAX,),
        )

    def _now(self, entity_id: int) -> Entity:
        return entities(self._connection, [entity_id])[0]


def changes_of(
    connection: apsw.Connection, viewer: Viewer, ref: str, limit: int
) -> list[EntityChange]:
    """Newest first. A change belongs to the project that the entity was in after it."""
    condition, projects = visibility(viewer)
    rows: list[Row] = connection.execute(
        "SELECT ref, time_s, source, version, who, why, before, project FROM entity_change"
        " WHERE ref = ? ORDER BY id DESC LIMIT ?",
        (ref.lower(), limit),
    ).fetchall()
    now = connection.execute(
        f"SELECT id FROM entity WHERE ref = ? AND {condition}",
        (ref.lower(), *projects),
    ).fetchone()
    after = shown(_kept(entities(connection, [now[0]])[0])) if now else None
    found = []
    for name, time_s, source, version, who, why, before, project in rows:
        change = EntityChange(name, time_s, source, version, who, why, shown(before), after)
        after = change.before
        if viewer.projects is None or project in projects:
            found.append(change)
    return found


def last_batch(connection: apsw.Connection, source: str) -> tuple[list[Entity], list[str]]:
    """What to put and what to remove, so that the source's last change is undone."""
    rows: list[Row] = connection.execute(
        "SELECT ref, before FROM entity_change WHERE source = ?1 AND batch ="
        " (SELECT max(batch) FROM entity_change WHERE source = ?1) ORDER BY id",
        (source,),
    ).fetchall()
    put = [_entity(before) for _, before in rows if before is not None]
    return put, [ref for ref, before in rows if before is None]


def shown(kept: bytes | None) -> bytes | None:
    """What people are shown of it: the descriptor, and the relations that it tells."""
    if kept is None:
        return None
    entity = _entity(kept)
    relations = [{"type": one.type, "targetRef": one.target} for one in entity.relations]
    return orjson.dumps({**entity.descriptor, "relations": relations})


def _kept(entity: Entity) -> bytes:
    told = asdict(entity)
    for name in ("state", "uid", "etag"):
        del told[name]
    return orjson.dumps(told)


def _entity(kept: bytes) -> Entity:
    told = orjson.loads(kept)
    relations: Sequence[dict[str, str]] = told.pop("relations")
    return Entity(
        **{**told, "tags": tuple(told["tags"])},
        relations=tuple(Relation(**one) for one in relations),
    )

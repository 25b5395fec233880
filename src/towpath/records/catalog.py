"""The catalogue index over SQLite: sources replace their entities, people read what they may see.

What a viewer may see is a condition of every query: entities of their projects, and those of no
project (people, groups, shared systems). Facets are counted on the filtered set without a filter
on the counted field itself, as a person who narrows down expects. How a workload is comes from
elsewhere than its entity, and is kept beside it.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import time
from collections.abc import Sequence
from dataclasses import replace

import apsw
import orjson

from towpath.records.browsing import (
    COLUMNS,
    count_values,
    find_some,
    marks,
    order_of,
    read_page,
    selection,
    visibility,
)
from towpath.records.changes import Changes
from towpath.records.contract import (
    Cause,
    Edges,
    Entity,
    EntityFilter,
    EntityPage,
    Ingested,
    Relation,
    Viewer,
    WorkloadState,
)
from towpath.records.database import Database, Row

NEWS = "catalog"
"""The noun of its changes."""


class SqliteCatalogIndex:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def ingest(
        self,
        source: str,
        entities: Sequence[Entity],
        *,
        project: str,
        version: str,
        cause: Cause = Cause(),
        loss_allowed: bool = False,
    ) -> Ingested:
        owned = [replace(entity, source=source, project=project) for entity in entities]
        ingested = await self._database.write(
            lambda connection: _ingest(connection, source, owned, project, version)
        )
        if ingested.changed:
            self._changes.publish(NEWS, project)
        return ingested

    async def forget(self, source: str, *, cause: Cause = Cause()) -> None:
        def delete(connection: apsw.Connection) -> str | None:
            _delete_entities(connection, source)
            row: Row | None = connection.execute(
                "DELETE FROM entity_source WHERE name = ? RETURNING project", (source,)
            ).fetchone()
            return row[0] if row else None

        project = await self._database.write(delete)
        if project is not None:
            self._changes.publish(NEWS, project)

    async def sources(self) -> dict[str, str]:
        rows = await self._database.fetch("SELECT name, version FROM entity_source")
        return dict(rows)

    async def get(self, viewer: Viewer, ref: str) -> Entity | None:
        found = await self.query(viewer, EntityFilter({"ref": (ref.lower(),)}), limit=1)
        return found.entities[0] if found.entities else None

    async def query(
        self,
        viewer: Viewer,
        where: EntityFilter,
        *,
        limit: int = 100,
        continue_token: str = "",
        sort: str = "",
    ) -> EntityPage:
        order = order_of(sort, where.text, continue_token)
        chosen = selection(viewer, where)
        return await self._database.read(
            lambda connection: read_page(connection, chosen, order, limit)
        )

    async def facets(
        self, viewer: Viewer, where: EntityFilter, fields: Sequence[str], *, empty: bool = False
    ) -> dict[str, dict[str, int]]:
        def count(connection: apsw.Connection) -> dict[str, dict[str, int]]:
            return {
                name: count_values(connection, viewer, where, name, empty=empty) for name in fields
            }

        return await self._database.read(count)

    async def find(self, viewer: Viewer, text: str, *, limit: int = 10) -> list[Entity]:
        return await self._database.read(
            lambda connection: find_some(connection, viewer, text, limit)
        )

    async def existing(self, viewer: Viewer, refs: Sequence[str]) -> set[str]:
        may_see, projects = visibility(viewer)
        rows = await self._database.fetch(
            f"SELECT ref FROM entity WHERE ref IN ({marks(refs)}) AND {may_see}",
            (*refs, *projects),
        )
        return {ref for (ref,) in rows}

    async def observe(self, project: str, name: str, state: WorkloadState | None) -> None:
        if await self._database.write(
            lambda connection: _observe(connection, project, name, state)
        ):
            self._changes.publish(NEWS, project)

    async def observed(self) -> list[tuple[str, str]]:
        rows = await self._database.fetch("SELECT project, name FROM workload_state")
        return [(project, name) for project, name in rows]

    async def edges(self, viewer: Viewer, ref: str) -> Edges:
        may_see, projects = visibility(viewer)

        def select(connection: apsw.Connection) -> Edges:
            outgoing: list[Row] = connection.execute(
                "SELECT entity_relation.type, entity_relation.target FROM entity_relation"
                f" JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity.ref = ? AND {may_see} ORDER BY 1, 2",
                (ref.lower(), *projects),
            ).fetchall()
            incoming: list[Row] = connection.execute(
                "SELECT entity_relation.type, entity.ref FROM entity_relation"
                f" JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity_relation.target = ? AND {may_see} ORDER BY 1, 2",
                (ref.lower(), *projects),
            ).fetchall()
            visible = _visible_targets(connection, viewer, [target for _, target in outgoing])
            return Edges(
                [Relation(kind, target) for kind, target in outgoing if target in visible],
                [Relation(kind, target) for kind, target in incoming],
            )

        return await self._database.read(select)


def _visible_targets(
    connection: apsw.Connection, viewer: Viewer, targets: Sequence[str]
) -> set[str]:
    """Targets without those that exist and are hidden from the viewer."""
    if viewer.projects is None or not targets:
        return set(targets)
    may_see, projects = visibility(viewer)
    hidden = connection.execute(
        f"SELECT ref FROM entity WHERE ref IN ({marks(targets)}) AND NOT {may_see}",
        (*targets, *projects),
    ).fetchall()
    return set(targets) - {ref for (ref,) in hidden}


def _ingest(
    connection: apsw.Connection,
    source: str,
    entities: Sequence[Entity],
    project: str,
    version: str,
) -> Ingested:
    known = connection.execute(
        "SELECT version, project FROM entity_source WHERE name = ?", (source,)
    ).fetchone()
    if known == (version, project):
        return Ingested(changed=False)
    connection.execute(
        "INSERT INTO entity_source (name, project, version, updated_s) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET project = excluded.project,"
        " version = excluded.version, updated_s = excluded.updated_s",
        (source, project, version, time.time()),
    )
    _delete_entities(connection, source)
    taken = [entity.ref for entity in entities if not _insert(connection, entity)]
    if taken:
        # Not settled: the same version is worth another try, the other source may have let go.
        connection.execute("UPDATE entity_source SET version = '' WHERE name = ?", (source,))
    return Ingested(changed=True, taken=tuple(taken))


def _delete_entities(connection: apsw.Connection, source: str) -> None:
    connection.execute(
        "DELETE FROM entity_text WHERE rowid IN (SELECT id FROM entity WHERE source = ?)",
        (source,),
    )
    connection.execute("DELETE FROM entity WHERE source = ?", (source,))


def _insert(connection: apsw.Connection, entity: Entity) -> bool:
    """False when the reference is taken: by another source, or twice in this one."""
    inserted = connection.execute(
        f"INSERT INTO entity ({COLUMNS}, health) VALUES ({marks(range(14))}, coalesce((SELECT"
        " health FROM workload_state WHERE project = ? AND name = ?), ''))"
        " ON CONFLICT (ref) DO NOTHING RETURNING id",
        (
            entity.ref,
            entity.source,
            entity.project,
            entity.kind,
            entity.namespace,
            entity.name,
            entity.title,
            entity.description,
            entity.type,
            entity.owner,
            entity.system,
            entity.lifecycle,
            entity.workload,
            orjson.dumps(entity.descriptor).decode(),
            entity.project,
            entity.workload,
        ),
    ).fetchone()
    if inserted is None:
        return False
    (entity_id,) = inserted
    connection.executemany(
        "INSERT INTO entity_tag (entity, tag) VALUES (?, ?)",
        [(entity_id, tag) for tag in sorted(set(entity.tags))],
    )
    connection.executemany(
        "INSERT INTO entity_relation (entity, type, target) VALUES (?, ?, ?)",
        [(entity_id, relation.type, relation.target) for relation in sorted(set(entity.relations))],
    )
    connection.execute(
        "INSERT INTO entity_text (rowid, name, title, description, tags, owner)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            entity_id,
            entity.name,
            entity.title,
            entity.description,
            " ".join(entity.tags),
            entity.owner,
        ),
    )
    return True


def _observe(
    connection: apsw.Connection, project: str, name: str, state: WorkloadState | None
) -> bool:
    """Whether anything is different now. The health is in the entity's row too, to be counted."""
    known = connection.execute(
        "SELECT health, sentence, url FROM workload_state WHERE project = ? AND name = ?",
        (project, name),
    ).fetchone()
    new = (state.health, state.sentence, state.url) if state else None
    if known == new:
        return False
    if new is None:
        connection.execute(
            "DELETE FROM workload_state WHERE project = ? AND name = ?", (project, name)
        )
    else:
        connection.execute(
            "INSERT OR REPLACE INTO workload_state (project, name, health, sentence, url)"
            " VALUES (?, ?, ?, ?, ?)",
            (project, name, *new),
        )
    connection.execute(
        "UPDATE entity SET health = ? WHERE project = ? AND workload = ? AND workload <> ''",
        (state.health if state else "", project, name),
    )
    return True

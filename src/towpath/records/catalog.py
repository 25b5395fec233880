"""The catalogue index over SQLite: sources replace their entities, people read what they may see.

What a viewer may see is a condition of every query: entities of their projects, and those of no
project (people, groups, shared systems). Facets are counted on the filtered set without a filter
on the counted field itself, as a person who narrows down expects.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import apsw
import orjson

from towpath.records.contract import (
    Edges,
    Entity,
    EntityFilter,
    EntityPage,
    Ingested,
    Relation,
    Viewer,
)
from towpath.records.database import Database, Row, Value

COLUMN_OF_FIELD: Mapping[str, str] = {
    name: f"entity.{name}"
    for name in (
        "ref",
        "kind",
        "namespace",
        "name",
        "type",
        "owner",
        "system",
        "lifecycle",
        "project",
        "source",
    )
}
TAG = "tag"
_COLUMNS = (
    "ref, source, project, kind, namespace, name, title, description, type, owner, system, "
    "lifecycle, descriptor"
)
_SELECTED = ", ".join(f"entity.{column}" for column in _COLUMNS.split(", "))


class SqliteCatalogIndex:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ingest(
        self, source: str, entities: Sequence[Entity], *, project: str, version: str
    ) -> Ingested:
        owned = [replace(entity, source=source, project=project) for entity in entities]
        return await self._database.write(
            lambda connection: _ingest(connection, source, owned, project, version)
        )

    async def forget(self, source: str) -> None:
        def delete(connection: apsw.Connection) -> None:
            _delete_entities(connection, source)
            connection.execute("DELETE FROM entity_source WHERE name = ?", (source,))

        await self._database.write(delete)

    async def sources(self) -> dict[str, str]:
        rows = await self._database.fetch("SELECT name, version FROM entity_source")
        return dict(rows)

    async def get(self, viewer: Viewer, ref: str) -> Entity | None:
        found = await self.query(viewer, EntityFilter({"ref": (ref.lower(),)}), limit=1)
        return found.entities[0] if found.entities else None

    async def query(
        self, viewer: Viewer, where: EntityFilter, *, limit: int = 100, continue_token: str = ""
    ) -> EntityPage:
        offset = int(continue_token or 0)
        tables, condition, parameters = _selection(viewer, where)
        order = "entity_text.rank, " if _match_of(where.text) else ""

        def select(connection: apsw.Connection) -> EntityPage:
            (total,) = next(
                connection.execute(f"SELECT count(*) FROM {tables} WHERE {condition}", parameters)
            )
            rows = connection.execute(
                f"SELECT entity.id, {_SELECTED} FROM {tables} WHERE {condition}"
                f" ORDER BY {order}entity.name, entity.ref LIMIT ? OFFSET ?",
                [*parameters, limit, offset],
            ).fetchall()
            entities = _entities(connection, rows)
            more = offset + len(entities) < total
            return EntityPage(entities, total, str(offset + len(entities)) if more else "")

        return await self._database.read(select)

    async def facets(
        self, viewer: Viewer, where: EntityFilter, fields: Sequence[str]
    ) -> dict[str, dict[str, int]]:
        def count(connection: apsw.Connection) -> dict[str, dict[str, int]]:
            return {name: _count_values(connection, viewer, where, name) for name in fields}

        return await self._database.read(count)

    async def edges(self, viewer: Viewer, ref: str) -> Edges:
        may_see, projects = _visibility(viewer)

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
    may_see, projects = _visibility(viewer)
    hidden = connection.execute(
        f"SELECT ref FROM entity WHERE ref IN ({_marks(targets)}) AND NOT {may_see}",
        (*targets, *projects),
    ).fetchall()
    return set(targets) - {ref for (ref,) in hidden}


def _visibility(viewer: Viewer) -> tuple[str, list[str]]:
    if viewer.projects is None:
        return "1 = 1", []
    projects = sorted(viewer.projects)
    return f"(entity.project = '' OR entity.project IN ({_marks(projects)}))", projects


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _selection(viewer: Viewer, where: EntityFilter) -> tuple[str, str, list[Value]]:
    """Tables, condition and parameters of what a filter selects for a viewer."""
    condition, projects = _visibility(viewer)
    conditions = [condition]
    parameters: list[Value] = [*projects]
    for name, values in where.fields.items():
        if name == TAG:
            conditions.append(
                "EXISTS (SELECT 1 FROM entity_tag WHERE entity_tag.entity = entity.id"
                f" AND entity_tag.tag IN ({_marks(values)}))"
            )
        else:
            conditions.append(f"{_column(name)} IN ({_marks(values)})")
        parameters += values
    tables = "entity"
    if match := _match_of(where.text):
        tables = "entity_text JOIN entity ON entity.id = entity_text.rowid"
        conditions.append("entity_text MATCH ?")
        parameters.append(match)
    return tables, " AND ".join(conditions), parameters


def _column(name: str) -> str:
    column = COLUMN_OF_FIELD.get(name)
    if column is None:
        known = ", ".join([*COLUMN_OF_FIELD, TAG])
        raise ValueError(f"{name!r} is not a field of the catalogue; there are {known}")
    return column


def _match_of(text: str) -> str:
    """The words of a search as an FTS5 query: all of them, the beginning of a word is enough."""
    words = re.findall(r"\w+", text)
    return " ".join(f'"{word}"*' for word in words)


def _count_values(
    connection: apsw.Connection, viewer: Viewer, where: EntityFilter, name: str
) -> dict[str, int]:
    others = {field: values for field, values in where.fields.items() if field != name}
    tables, condition, parameters = _selection(viewer, replace(where, fields=others))
    if name == TAG:
        tables += " JOIN entity_tag ON entity_tag.entity = entity.id"
        column = "entity_tag.tag"
    else:
        column = _column(name)
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM {tables} WHERE {condition} AND {column} <> ''"
        " GROUP BY 1 ORDER BY 2 DESC, 1",
        parameters,
    )
    return dict(rows)


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
        f"INSERT INTO entity ({_COLUMNS}) VALUES ({_marks(range(13))})"
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
            orjson.dumps(entity.descriptor).decode(),
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


def _entities(connection: apsw.Connection, rows: Sequence[Row]) -> list[Entity]:
    """Entities with tags and relations: two queries for a whole page."""
    ids = [row[0] for row in rows]
    tags: dict[int, list[str]] = {}
    relations: dict[int, list[Relation]] = {}
    for entity_id, tag in connection.execute(
        f"SELECT entity, tag FROM entity_tag WHERE entity IN ({_marks(ids)}) ORDER BY 1, 2", ids
    ):
        tags.setdefault(entity_id, []).append(tag)
    for entity_id, kind, target in connection.execute(
        "SELECT entity, type, target FROM entity_relation"
        f" WHERE entity IN ({_marks(ids)}) ORDER BY 1, 2, 3",
        ids,
    ):
        relations.setdefault(entity_id, []).append(Relation(kind, target))
    return [
        _entity(row[1:], tuple(tags.get(row[0], ())), tuple(relations.get(row[0], ())))
        for row in rows
    ]


def _entity(row: Row, tags: tuple[str, ...], relations: tuple[Relation, ...]) -> Entity:
    return Entity(
        ref=row[0],
        source=row[1],
        project=row[2],
        kind=row[3],
        namespace=row[4],
        name=row[5],
        title=row[6],
        description=row[7],
        type=row[8],
        owner=row[9],
        system=row[10],
        lifecycle=row[11],
        descriptor=orjson.loads(row[12]),
        tags=tags,
        relations=relations,
    )

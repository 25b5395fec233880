"""Reading the catalogue: what a filter selects for a viewer, in which order, counted by what.

Everything that a list needs of an entity beside its text is in two indexes, so that counting and
sorting thousands never reads the descriptors. A page is continued after its last row, not at a
number of rows, so that rows that come and go shift nothing.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw
import orjson

from towpath.machinery.errors import BadRequest
from towpath.records.contract import (
    HEALTHS,
    Entity,
    EntityFilter,
    EntityPage,
    Relation,
    Viewer,
    WorkloadState,
)
from towpath.records.database import Row, Value
from towpath.records.texts import match_of, words_in

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
        "health",
        "project",
        "source",
    )
}
TAG = "tag"
COLUMNS = (
    "ref, source, project, kind, namespace, name, title, description, type, owner, system, "
    "lifecycle, workload, descriptor"
)
_SELECTED = ", ".join(f"entity.{column}" for column in COLUMNS.split(", "))
_HEALTH_RANK = "CASE entity.health {} ELSE {} END".format(
    " ".join(f"WHEN '{word}' THEN {rank}" for rank, word in enumerate(HEALTHS)), len(HEALTHS)
)
_SORTS: Mapping[str, str] = {
    **{name: f"entity.{name}" for name in ("kind", "owner", "project", "type", "lifecycle")},
    "health": _HEALTH_RANK,
}
SORTS = ("name", *_SORTS)


def visibility(viewer: Viewer, table: str = "entity") -> tuple[str, list[str]]:
    """The condition of every query that a person can reach, and its parameters."""
    if viewer.projects is None:
        return "1 = 1", []
    projects = ["", *sorted(viewer.projects)]
    return f"{table}.project IN ({marks(projects)})", projects


def visible_targets(
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


def marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


@dataclass(frozen=True, slots=True)
class Selection:
    """Tables, condition and parameters of what a filter selects for a viewer."""

    tables: str
    condition: str
    parameters: list[Value]
    sorted_from: str
    """The tables for a page in an order. Who sees a few projects has a few rows: these are found
    first and then sorted, and not looked for among all in their order."""


def selection(viewer: Viewer, where: EntityFilter) -> Selection:
    may_see, projects = visibility(viewer)
    fits, values = fields_condition(where)
    conditions = [may_see, fits]
    parameters: list[Value] = [*projects, *values]
    tables = "entity"
    if match := match_of(viewer, where.text):
        tables = "entity_text JOIN entity ON entity.id = entity_text.rowid"
        conditions.append("entity_text MATCH ?")
        parameters.append(match)
    is_few = viewer.projects is not None and tables == "entity" and "kind" in where.fields
    by_project = "entity INDEXED BY entity_browse" if is_few else tables
    return Selection(tables, " AND ".join(conditions), parameters, by_project)


def fields_condition(where: EntityFilter) -> tuple[str, list[Value]]:
    """The condition of its fields, and its parameters."""
    conditions = ["1 = 1"]
    parameters: list[Value] = []
    for name, values in where.fields.items():
        if name == TAG:
            conditions.append(
                "EXISTS (SELECT 1 FROM entity_tag WHERE entity_tag.entity = entity.id"
                f" AND entity_tag.tag IN ({marks(values)}))"
            )
        else:
            conditions.append(f"{column_of(name)} IN ({marks(values)})")
        parameters += values
    return " AND ".join(conditions), parameters


def column_of(name: str) -> str:
    column = COLUMN_OF_FIELD.get(name)
    if column is None:
        known = ", ".join([*COLUMN_OF_FIELD, TAG])
        raise ValueError(f"{name!r} is not a field of the catalogue; there are {known}")
    return column


@dataclass(frozen=True, slots=True)
class Order:
    """In which order, and after which row a page begins."""

    by: str
    downwards: bool
    ranked: bool
    after: tuple[Value, ...] = ()
    """Of the row before: its sort value, name and reference; with a rank, how many rows."""

    @property
    def terms(self) -> tuple[str, ...]:
        if self.ranked:
            return ("entity_text.rank", "entity.name", "entity.ref")
        own = (_SORTS[self.by],) if self.by in _SORTS else ()
        return (*own, "entity.name", "entity.ref")

    @property
    def sql(self) -> str:
        way = " DESC" if self.downwards else ""
        return ", ".join(f"{term}{way}" for term in self.terms)

    def token(self, row: Row, shown: int) -> str:
        """Where the next page begins, after that row."""
        after = [self._skipped + shown] if self.ranked else list(row[: len(self.terms)])
        said = orjson.dumps([self.by, self.downwards, self.ranked, after])
        return base64.urlsafe_b64encode(said).decode().rstrip("=")

    @property
    def _skipped(self) -> int:
        return int(self.after[0] or 0) if self.ranked and self.after else 0

    def beginning(self) -> tuple[str, list[Value], int]:
        """Condition, its parameters, and how many rows to leave out."""
        if not self.after or self.ranked:
            return "1 = 1", [], self._skipped
        than = "<" if self.downwards else ">"
        return f"({', '.join(self.terms)}) {than} ({marks(self.terms)})", [*self.after], 0


def order_of(sort: str, text: str, token: str) -> Order:
    by, downwards = sort.removeprefix("-"), sort.startswith("-")
    if by and by not in SORTS:
        raise BadRequest(f"sort: {by!r} is none of {', '.join(SORTS)}")
    order = Order(by or "name", downwards, ranked=not by and bool(words_in(text)))
    if not token:
        return order
    try:
        said = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        known, after = said[:3], tuple(said[3])
    except (binascii.Error, ValueError, TypeError, IndexError, KeyError):
        known, after = None, ()
    fits = len(after) == (1 if order.ranked else len(order.terms))
    plain = all(isinstance(value, str | int) for value in after)
    whole = not order.ranked or (fits and isinstance(after[0], int) and after[0] >= 0)
    if known != [order.by, downwards, order.ranked] or not (fits and plain and whole):
        raise BadRequest("continue: it is not a page of this list; begin at its first page")
    return replace(order, after=after)


def read_page(
    connection: apsw.Connection, chosen: Selection, order: Order, limit: int
) -> EntityPage:
    """Ids first, from the indexes alone; then what belongs to the few that are shown."""
    (total,) = next(
        connection.execute(
            f"SELECT count(*) FROM {chosen.tables} WHERE {chosen.condition}", chosen.parameters
        )
    )
    begins, after, skipped = order.beginning()
    found: list[Row] = connection.execute(
        f"SELECT {', '.join(order.terms)}, entity.id FROM {chosen.sorted_from}"
        f" WHERE {chosen.condition} AND {begins} ORDER BY {order.sql} LIMIT ? OFFSET ?",
        [*chosen.parameters, *after, limit + 1, skipped],
    ).fetchall()
    shown = found[:limit]
    token = order.token(shown[-1], len(shown)) if len(found) > limit else ""
    return EntityPage(entities(connection, [row[-1] for row in shown]), total, token)


def count_values(
    connection: apsw.Connection, viewer: Viewer, where: EntityFilter, name: str, *, empty: bool
) -> dict[str, int]:
    """Of the filtered set, without a filter on the counted field itself."""
    others = {field: values for field, values in where.fields.items() if field != name}
    chosen = selection(viewer, replace(where, fields=others))
    tables = chosen.tables
    if name == TAG:
        tables += " JOIN entity_tag ON entity_tag.entity = entity.id"
        column = "entity_tag.tag"
    else:
        column = column_of(name)
    told = "" if empty else f" AND {column} <> ''"
    rows = connection.execute(
        f"SELECT {column}, count(*) FROM {tables} WHERE {chosen.condition}{told}"
        " GROUP BY 1 ORDER BY 2 DESC, 1",
        chosen.parameters,
    )
    return dict(rows)


def entities(connection: apsw.Connection, ids: Sequence[int]) -> list[Entity]:
    """These entities in this order, with tags and relations: three queries for a whole page."""
    tags: dict[int, list[str]] = {}
    relations: dict[int, list[Relation]] = {}
    for entity_id, tag in connection.execute(
        f"SELECT entity, tag FROM entity_tag WHERE entity IN ({marks(ids)}) ORDER BY 1, 2", ids
    ):
        tags.setdefault(entity_id, []).append(tag)
    for entity_id, kind, target in connection.execute(
        "SELECT entity, type, target FROM entity_relation"
        f" WHERE entity IN ({marks(ids)}) ORDER BY 1, 2, 3",
        ids,
    ):
        relations.setdefault(entity_id, []).append(Relation(kind, target))
    rows = connection.execute(
        "SELECT entity.id, state.health, state.sentence, state.url, entity.uid,"
        f" coalesce(answer.etag, ''), {_SELECTED} FROM entity"
        " LEFT JOIN entity_answer AS answer ON answer.entity = entity.id"
        " LEFT JOIN workload_state AS state"
        " ON state.project = entity.project AND state.name = entity.workload"
        f" WHERE entity.id IN ({marks(ids)})",
        ids,
    )
    found = {
        row[0]: _entity(row, tuple(tags.get(row[0], ())), tuple(relations.get(row[0], ())))
        for row in rows
    }
    return [found[entity_id] for entity_id in ids]


def _entity(row: Row, tags: tuple[str, ...], relations: tuple[Relation, ...]) -> Entity:
    _, health, sentence, url, uid, etag, *own = row
    return Entity(
        ref=own[0],
        source=own[1],
        project=own[2],
        kind=own[3],
        namespace=own[4],
        name=own[5],
        title=own[6],
        description=own[7],
        type=own[8],
        owner=own[9],
        system=own[10],
        lifecycle=own[11],
        workload=own[12],
        written=own[13],
        tags=tags,
        relations=relations,
        state=None if health is None else WorkloadState(health, sentence, url),
        uid=uid,
        etag=etag,
    )

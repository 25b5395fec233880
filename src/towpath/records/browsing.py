"""Reading the catalogue's rows: what a viewer may see of them, in which order, and as entities.

Everything that a list needs of an entity beside its text is in two indexes, so that sorting
thousands never reads the descriptors. A page is continued after its last row, not at a number of
rows, so that rows that come and go shift nothing.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw
import orjson

from towpath.machinery.errors import BadRequest
from towpath.records.contract import (
    HEALTHS,
    Entity,
    EntityFilter,
    Relation,
    Viewer,
    WorkloadState,
)
from towpath.records.database import Row, Value
from towpath.records.properties import COMPUTED
from towpath.records.questions import Place
from towpath.records.texts import words_in

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
FIELD = "\x00field."
"""Before the name of a field where it is kept like a key; no key of an entity has such a letter."""
FIELDS = (*(name for name in COLUMN_OF_FIELD if name not in ("ref", "name")), TAG)
"""That are kept so, with "" as a value; the others are another for each entity."""
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
REFS_AT_ONCE = 500
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


def chunks(refs: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at once as a query may well be given."""
    for start in range(0, len(refs), REFS_AT_ONCE):
        yield refs[start : start + REFS_AT_ONCE]


def marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def fields_condition(where: EntityFilter) -> tuple[str, list[Value]]:
    """The condition of its fields but those that are computed, and its parameters."""
    conditions = ["1 = 1"]
    parameters: list[Value] = []
    for name, values in where.fields.items():
        if name.startswith(COMPUTED):
            continue
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
    """Of the row before: its sort value, name and reference; of a computed one its value and
    number; with a rank, how many rows."""

    @property
    def is_computed(self) -> bool:
        return self.by.startswith(COMPUTED)

    @property
    def length(self) -> int:
        """Of `after`."""
        return 1 if self.ranked else 2 if self.is_computed else len(self.terms)

    @property
    def terms(self) -> tuple[str, ...]:
        own = (_SORTS[self.by],) if self.by in _SORTS else ()
        return (*own, "entity.name", "entity.ref")

    @property
    def sql(self) -> str:
        way = " DESC" if self.downwards else ""
        return ", ".join(f"{term}{way}" for term in self.terms)

    def token(self, after: Sequence[Value]) -> str:
        """Where the next page begins, after that row."""
        said = orjson.dumps([self.by, self.downwards, self.ranked, after])
        return base64.urlsafe_b64encode(said).decode().rstrip("=")

    @property
    def skipped(self) -> int:
        return int(self.after[0] or 0) if self.ranked and self.after else 0

    @property
    def place(self) -> Place | None:
        if not (self.is_computed and self.after):
            return None
        value, number = self.after
        return Place(None if value is None else str(value), int(number or 0))

    def beginning(self) -> tuple[str, list[Value]]:
        """Condition, and its parameters."""
        if not self.after:
            return "1 = 1", []
        than = "<" if self.downwards else ">"
        return f"({', '.join(self.terms)}) {than} ({marks(self.terms)})", [*self.after]


def order_of(sort: str, text: str, token: str) -> Order:
    by, downwards = sort.removeprefix("-"), sort.startswith("-")
    if by and by not in SORTS and not by.startswith(COMPUTED):
        raise BadRequest(f"sort: {by!r} is none of {', '.join(SORTS)}")
    order = Order(by or "name", downwards, ranked=not by and bool(words_in(text)))
    if not token:
        return order
    try:
        said = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        known, after = said[:3], tuple(said[3])
    except (binascii.Error, ValueError, TypeError, IndexError, KeyError):
        known, after = None, ()
    fits = len(after) == order.length
    plain = all(isinstance(value, str | int | None) for value in after)
    counts = order.ranked or order.is_computed
    whole = not counts or (fits and isinstance(after[-1], int) and 0 <= after[-1] < 2**32)
    if known != [order.by, downwards, order.ranked] or not (fits and plain and whole):
        raise BadRequest("continue: it is not a page of this list; begin at its first page")
    return replace(order, after=after)


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

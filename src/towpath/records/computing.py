"""Computed properties as facts: which entities must be computed anew, and what comes of it.

Whatever changes marks the entities whose properties look at it, along the relations, before and
after; they are computed some time later, each once for all that came meanwhile. Kept is what
somebody sees who sees everything. Of an entity whose properties look into another project, others
may see other values: those are computed when somebody asks, from what that reader may see.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import apsw
import orjson

from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM
from towpath.records.browsing import chunks, marks, visibility
from towpath.records.database import Row
from towpath.records.flattening import Facts, add_facts
from towpath.records.properties import (
    COMPUTED,
    Computed,
    Properties,
    Property,
    computed_of,
    properties_of,
)
from towpath.records.stitching import Stitching, Touched
from towpath.records.viewers import Viewer

TARGETS_MAX = 2000
"""So many entities are looked at for one property, the first by reference."""
PART_MAX = 200
"""So many are computed in one transaction."""


def known_properties(connection: apsw.Connection) -> Properties:
    (written,) = next(connection.execute("SELECT properties FROM catalog_computed"))
    return properties_of(written)


def define(connection: apsw.Connection, properties: Properties, touched: Touched) -> None:
    """From now on these are computed; nothing happens when they are what they were."""
    differing = properties.differing(known_properties(connection))
    if not differing:
        return
    connection.execute("UPDATE catalog_computed SET properties = ?", (properties.written(),))
    _put_off(connection, touched, f"lower(kind) IN ({marks(differing)})", differing)


def all_to_compute(connection: apsw.Connection) -> None:
    """When none of the facts is there any more."""
    connection.execute("DELETE FROM entity_computed")
    kinds = [*known_properties(connection).of]
    _put_off(connection, Touched(), f"lower(kind) IN ({marks(kinds)})", kinds)


class Dependants:
    """Marks, within a transaction, what is to be computed anew for something that changes."""

    def __init__(self, connection: apsw.Connection, touched: Touched) -> None:
        self._connection = connection
        self._touched = touched
        self._properties = known_properties(connection)
        self._ways = sorted(self._properties.ways)
        self._following = _Following(connection, self._properties)

    def mark(self, ref: str) -> None:
        """Of an entity that is about to change, and once more when it has."""
        if not self._properties.of:
            return
        for kind in self._properties.of:
            self._put_off(kind, [ref])
        for kind, via in self._ways:
            refs = [ref]
            for relation in reversed(via):
                refs = self._following.tellers(refs, relation)
            self._put_off(kind, refs)

    def _put_off(self, kind: str, refs: Sequence[str]) -> None:
        for some in chunks(refs):
            where = f"ref IN ({marks(some)}) AND lower(kind) = ?"
            _put_off(self._connection, self._touched, where, [*some, kind])


def _put_off(
    connection: apsw.Connection, touched: Touched, where: str, parameters: Sequence[str]
) -> None:
    sql = f"INSERT OR IGNORE INTO entity_uncomputed SELECT id FROM entity WHERE {where}"
    connection.execute(sql, tuple(parameters))
    touched.put_off = True


def is_behind(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM entity_uncomputed LIMIT 1").fetchone() is not None


def computed_anew(connection: apsw.Connection, touched: Touched) -> bool:
    """Some of those that were put off; whether there were any."""
    sql = (
        "DELETE FROM entity_uncomputed WHERE entity IN"
        " (SELECT entity FROM entity_uncomputed LIMIT ?) RETURNING entity"
    )
    ids: list[Row] = connection.execute(sql, (PART_MAX,)).fetchall()
    if not ids:
        return False
    seeing = Seeing(connection, None)
    stitching = Stitching(connection, touched)
    for (entity_id,) in sorted(ids):
        _compute(connection, seeing, stitching, entity_id)
    stitching.finish()
    return True


def _compute(
    connection: apsw.Connection, seeing: "Seeing", stitching: Stitching, entity_id: int
) -> None:
    before: Row | None = connection.execute(
        "SELECT json, beyond FROM entity_computed WHERE entity = ?", (entity_id,)
    ).fetchone()
    seen = seeing.of(entity_id)
    known = _facts(before[0]) if before else {}
    after = seen.facts if seen else {}
    stitching.exchange(entity_id, known, after)
    if seen is None:
        connection.execute("DELETE FROM entity_computed WHERE entity = ?", (entity_id,))
    else:
        kept = orjson.dumps([[*name, *how] for name, how in after.items()])
        sql = "INSERT OR REPLACE INTO entity_computed VALUES (?, ?, ?)"
        connection.execute(sql, (entity_id, kept, seen.is_beyond))
    if (seen and seen.is_beyond) or (before and before[1]):
        names = seen.computed if seen else ()
        stitching.differs(f"{COMPUTED}{name}".lower() for name in names)
        stitching.differs(key for key, _ in known)


def forget(connection: apsw.Connection, stitching: Stitching, entity_id: int) -> None:
    """The entity goes, and what was computed of it."""
    row: Row | None = connection.execute(
        "DELETE FROM entity_computed WHERE entity = ? RETURNING json", (entity_id,)
    ).fetchone()
    if row is not None:
        stitching.exchange(entity_id, _facts(row[0]), {})


def _facts(written: bytes) -> Facts:
    return {
        (key, value): (spelled, listed) for key, value, spelled, listed in orjson.loads(written)
    }


def differing_facts(
    connection: apsw.Connection, key: str, projects: frozenset[str]
) -> Iterator[tuple[str, str, int]]:
    """Value, spelling and entity for what is computed of more than all may see, as seen by one."""
    may_see, parameters = visibility(Viewer(PLATFORM, projects))
    sql = (
        "SELECT entity_computed.entity FROM entity_computed"
        " JOIN entity ON entity.id = entity_computed.entity"
        f" WHERE entity_computed.beyond AND {may_see}"
    )
    seeing = Seeing(connection, projects)
    rows: list[Row] = connection.execute(sql, parameters).fetchall()
    for (entity_id,) in rows:
        seen = seeing.of(entity_id)
        for (of_key, value), (spelled, _) in seen.facts.items() if seen else ():
            if of_key == key:
                yield value, spelled or value, entity_id


def values_of(
    connection: apsw.Connection, viewer: Viewer, refs: Sequence[str]
) -> dict[str, dict[str, list[str]]]:
    """What is kept of these entities, and of those of which the viewer may see otherwise, that."""
    may_see, projects = visibility(viewer)
    seeing = Seeing(connection, viewer.projects)
    found: dict[str, dict[str, list[str]]] = {}
    for some in chunks(refs):
        rows: list[Row] = connection.execute(
            "SELECT entity.id, entity.ref, entity_computed.json, entity_computed.beyond FROM entity"
            " JOIN entity_computed ON entity_computed.entity = entity.id"
            f" WHERE entity.ref IN ({marks(some)}) AND {may_see}",
            (*some, *projects),
        ).fetchall()
        for entity_id, ref, kept, beyond in rows:
            is_other = beyond and viewer.projects is not None
            seen = seeing.of(entity_id) if is_other else None
            values = found.setdefault(ref, {})
            for (key, value), (spelled, _) in (seen.facts if seen else _facts(kept)).items():
                values.setdefault(key, []).append(spelled or value)
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What is computed of one entity, for who may see certain projects."""

    computed: dict[str, Computed]
    is_beyond: bool
    """Others who may see the entity may see another value."""
    facts: Facts = field(default_factory=dict)


class Seeing:
    """Computes, from what somebody sees. `projects` None: everything."""

    def __init__(self, connection: apsw.Connection, projects: frozenset[str] | None) -> None:
        self._connection = connection
        self._properties = known_properties(connection)
        self._following = _Following(connection, self._properties, projects)

    def of(self, entity_id: int) -> Seen | None:
        """None for an entity that is gone, or of a kind of which nothing is computed."""
        row: Row | None = self._connection.execute(
            "SELECT ref, lower(kind), project, descriptor FROM entity WHERE id = ?", (entity_id,)
        ).fetchone()
        properties = self._properties.of.get(row[1]) if row else None
        if row is None or properties is None:
            return None
        ref, _, project, descriptor = row
        passed: set[str] = set()
        found = computed_of(
            properties, orjson.loads(descriptor), lambda one: self._items(one, ref, passed)
        )
        facts: Facts = {}
        for name, one in found.items():
            if not one.error and one.value is not None:
                add_facts(facts, f"{COMPUTED}{name}", one.value)
        return Seen(found, not passed <= {"", project}, facts)

    def _items(self, one: Property, ref: str, passed: set[str]) -> list[RawObject]:
        """Whatever is at the end of its relations, by name; and of which projects all of it is."""
        refs = [ref]
        found: list[Row] = []
        for relation in one.via:
            found = self._following.targets(refs, relation)
            refs = [row[1] for row in found]
            passed.update(row[2] for row in found)
        return [orjson.loads(descriptor) for *_, descriptor in sorted(found)]


class _Following:
    """Relations from both of their ends, as far as somebody sees."""

    def __init__(
        self,
        connection: apsw.Connection,
        properties: Properties,
        projects: frozenset[str] | None = None,
    ) -> None:
        self._connection = connection
        self._inverse = properties.inverse
        self._may_see, self._projects = visibility(Viewer(PLATFORM, projects))

    def targets(self, refs: Sequence[str], relation: str) -> list[Row]:
        """Name, reference, project and descriptor of the entities that these are so related to."""
        found: list[Row] = []
        for some in chunks(self._others(refs, relation, self._inverse.get(relation))[:TARGETS_MAX]):
            found += self._connection.execute(
                "SELECT name, ref, project, descriptor FROM entity"
                f" WHERE ref IN ({marks(some)}) AND {self._may_see}",
                (*some, *self._projects),
            ).fetchall()
        return found

    def tellers(self, refs: Sequence[str], relation: str) -> list[str]:
        """The references of whatever is so related to one of these."""
        return self._others(refs, self._inverse.get(relation), relation)

    def _others(self, refs: Sequence[str], told: str | None, heard: str | None) -> list[str]:
        """By their references: those that these tell `told` with, and that tell them `heard`."""
        found: set[str] = set()
        for some in chunks(refs):
            rows = self._connection.execute(
                "SELECT entity_relation.target FROM entity"
                " JOIN entity_relation ON entity_relation.entity = entity.id"
                f" WHERE entity.ref IN ({marks(some)}) AND entity_relation.type = ?"
                f" AND {self._may_see}"
                " UNION SELECT entity.ref FROM entity_relation"
                " JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity_relation.target IN ({marks(some)}) AND entity_relation.type = ?"
                f" AND {self._may_see}",
                (*some, told, *self._projects, *some, heard, *self._projects),
            )
            found.update(row[0] for row in rows)
        return sorted(found)

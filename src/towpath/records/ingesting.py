"""Writing the catalogue: what a source delivers is compared, and only the difference is written.

A transaction holds entities, their answers and facts, what they change of others, and a row of
history for each change. What would remove too much is refused: a source that suddenly has little is
more likely broken than emptied.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import apsw
import orjson

from towpath.records.browsing import COLUMNS, FIELD, FIELDS, TAG, chunks, marks, visibility
from towpath.records.catalog_contract import Cause, Entity, Ingested, Relation
from towpath.records.chronicle import Chronicle, last_batch
from towpath.records.computing import Dependants
from towpath.records.computing import forget as forget_computed
from towpath.records.database import Row
from towpath.records.questions import Loss, Uid
from towpath.records.spelling import learn, words_of
from towpath.records.stitching import Fact, Stitching, Touched
from towpath.records.texts import put_text
from towpath.records.viewers import Viewer

LOSS_SHARE_MAX = 0.3
LOSS_ALWAYS_ALLOWED = 5
"""So few may go, whatever share they are."""
EXAMPLES_MAX = 5
HUB_RELATIONS_MIN, HUB_SHARE = 200, 10
"""An entity that so many tell relations with, and of which less than one in so many changes, is
stitched later."""
PART_MAX = 2000
"""So many entities are changed in one transaction; what is more takes several."""

_COLUMNS_KEPT = tuple(name for name in FIELDS if name != TAG)
_FIELDS_SQL = f"SELECT {', '.join(_COLUMNS_KEPT)} FROM entity WHERE id = ?"
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entity with what tells it from any other state of itself."""

    entity: Entity
    digest: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a source says, and who it was."""

    source: str
    project: str
    version: str
    cause: Cause
    loss_allowed: bool
    is_last: bool = False
    """The source is no more when it is done."""


def prepared(entities: Iterable[Entity], source: str, project: str) -> list[Prepared]:
    """The slow part of comparing, which needs no database: for another thread."""
    return [
        Prepared(owned, _digest(owned))
        for owned in (replace(one, source=source, project=project) for one in entities)
    ]


def ingest(
    connection: apsw.Connection, delivery: Delivery, entities: Sequence[Prepared], touched: Touched
) -> "Ingested | Writing":
    """Make these the source's entities."""
    known = connection.execute(
        "SELECT version, project FROM entity_source WHERE name = ?", (delivery.source,)
    ).fetchone()
    if known == (delivery.version, delivery.project):
        _settle_loss(connection, delivery.source)
        return Ingested(changed=False)
    rows: list[Row] = connection.execute(
        "SELECT ref, digest FROM entity WHERE source = ?", (delivery.source,)
    ).fetchall()
    held: dict[str, str] = dict(rows)
    first: dict[str, Prepared] = {}
    twice = []
    for one in entities:
        if first.setdefault(one.entity.ref, one) is not one:
            twice.append(one.entity.ref)
    gone = [ref for ref in held if ref not in first]
    if loss := _loss(delivery, gone, len(held)):
        return _refuse(connection, delivery, loss)
    put = [one for ref, one in first.items() if held.get(ref) != one.digest]
    return Writing(connection, delivery, put, gone, twice).go_on(connection, touched)


def amend(
    connection: apsw.Connection,
    delivery: Delivery,
    put: Sequence[Prepared],
    remove: Sequence[str],
    touched: Touched,
) -> "Ingested | Writing":
    """Change only these of the source's entities."""
    held = _digests(connection, delivery.source, [one.entity.ref for one in put])
    gone = [*_digests(connection, delivery.source, remove)]
    if len(gone) > LOSS_ALWAYS_ALLOWED:
        sql = "SELECT count(*) FROM entity WHERE source = ?"
        (count,) = next(connection.execute(sql, (delivery.source,)))
        if loss := _loss(delivery, gone, count):
            return _refuse(connection, delivery, loss)
    changed = [one for one in put if held.get(one.entity.ref) != one.digest]
    return Writing(connection, delivery, changed, gone, ()).go_on(connection, touched)


def forget(
    connection: apsw.Connection, source: str, cause: Cause, touched: Touched
) -> "Ingested | Writing":
    known: Row | None = connection.execute(
        "SELECT project FROM entity_source WHERE name = ?", (source,)
    ).fetchone()
    if known is None:
        return Ingested(changed=False)
    sql = "SELECT ref FROM entity WHERE source = ?"
    rows: list[Row] = connection.execute(sql, (source,)).fetchall()
    delivery = Delivery(source, known[0], "", cause, loss_allowed=True, is_last=True)
    refs = [row[0] for row in rows]
    return Writing(connection, delivery, (), refs, ()).go_on(connection, touched)


def undo(
    connection: apsw.Connection, source: str, cause: Cause, touched: Touched
) -> "Ingested | Writing":
    """The entities as they were before the source's last change; its version is unknown then."""
    put, gone = last_batch(connection, source)
    known: Row | None = connection.execute(
        "SELECT project FROM entity_source WHERE name = ?", (source,)
    ).fetchone()
    project = known[0] if known else put[0].project if put else ""
    delivery = Delivery(source, project, "", cause, loss_allowed=True)
    return amend(connection, delivery, prepared(put, source, project), gone, touched)


def remove(
    connection: apsw.Connection, viewer: Viewer, uid: Uid, cause: Cause, touched: Touched
) -> "Ingested | Writing":
    may_see, projects = visibility(viewer)
    known: Row | None = connection.execute(
        f"SELECT ref, source, project FROM entity WHERE uid = ? AND {may_see}", (uid, *projects)
    ).fetchone()
    if known is None:
        return Ingested(changed=False)
    ref, source, project = known
    delivery = Delivery(source, project, "", cause, loss_allowed=True)
    return amend(connection, delivery, (), (ref,), touched)


class Writing:
    """The changes of one delivery, in as many transactions as they take: one for what is small.

    So that nobody else's write waits for a great one. What they mean for other entities is done
    after all of them, once for each; the source's version is there when everything is.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        delivery: Delivery,
        put: Sequence[Prepared],
        gone: Sequence[str],
        taken: Sequence[str],
    ) -> None:
        self.delivery = delivery
        self._connection = connection
        self._touched = Touched()
        self._dependants = Dependants(connection, self._touched)
        self._to_put = [*reversed(put)]
        self._to_remove = [*reversed(gone)]
        self._taken = [*taken]
        self._chronicle = Chronicle(connection, delivery.source, delivery.version, delivery.cause)
        self._to_stitch: set[int] = set()
        self._neighbours: set[str] = set()
        self._heard: Counter[str] = Counter()
        """Of what else changed, how often it is told a relation otherwise."""
        self._words: set[str] = set()
        self._added = self._updated = self._removed = 0
        self._keep_source("")

    def go_on(self, connection: apsw.Connection, touched: Touched) -> "Ingested | Writing":
        """Within a transaction: the next part; itself when there are more."""
        self._connection = connection
        self._touched = touched
        self._dependants = Dependants(connection, touched)
        stitching = Stitching(connection, touched)
        for _ in range(PART_MAX):
            if not self._does_one(stitching):
                break
        stitching.finish()
        self._chronicle.flush()
        if self._to_remove or self._to_put or self._is_stitching():
            return self
        return self._finished()

    def _does_one(self, stitching: Stitching) -> bool:
        """Whether there was anything left to do."""
        if self._to_remove:
            self._remove(self._to_remove.pop(), stitching)
        elif self._to_put:
            one = self._to_put.pop()
            if not self._put(one):
                self._taken.append(one.entity.ref)
        else:
            self._resolve_neighbours(stitching)
            if not self._to_stitch:
                return False
            stitching.stitch([self._to_stitch.pop()])
        return True

    def _finished(self) -> Ingested:
        self._chronicle.prune()
        learn(self._connection, self._words)
        if self.delivery.is_last:
            sql = "DELETE FROM entity_source WHERE name = ?"
            self._connection.execute(sql, (self.delivery.source,))
        else:
            # Not settled with some taken: the other source may let go, and then it is tried again.
            self._keep_source("" if self._taken else self.delivery.version)
        return Ingested(
            changed=bool(self._added or self._updated or self._removed),
            taken=tuple(self._taken),
            added=self._added,
            updated=self._updated,
            removed=self._removed,
            project=self.delivery.project,
        )

    def _keep_source(self, version: str) -> None:
        self._connection.execute(
            "INSERT INTO entity_source (name, project, version, updated_s) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET project = excluded.project,"
            " version = excluded.version, updated_s = excluded.updated_s, loss = ''",
            (self.delivery.source, self.delivery.project, version, time.time()),
        )

    def _put(self, one: Prepared) -> bool:
        """False when another source holds the reference."""
        known: Row | None = self._connection.execute(
            "SELECT id, source, project FROM entity WHERE ref = ?", (one.entity.ref,)
        ).fetchone()
        if known is not None and known[1] != one.entity.source:
            return False
        before = self._fields(known[0]) if known is not None else set()
        self._dependants.mark(one.entity.ref)
        if known is None:
            self._chronicle.came(one.entity)
            entity_id = self._insert(one)
            self._added += 1
            self._neighbours.update(self._tellers(one.entity.ref))
            self._heard.update({relation.target for relation in one.entity.relations})
        else:
            entity_id = known[0]
            self._chronicle.changed(entity_id, one.entity)
            self._move(entity_id, known[2], one.entity)
            self._update(entity_id, one)
            self._updated += 1
        self._add_parts(entity_id, one.entity)
        self._tell(entity_id, before, self._fields(entity_id))
        self._dependants.mark(one.entity.ref)
        self._to_stitch.add(entity_id)
        return True

    def _fields(self, entity_id: int) -> set[tuple[str, str]]:
        """As they are kept to filter and count by."""
        if self._touched.everything:
            return set()
        (values,) = self._connection.execute(_FIELDS_SQL, (entity_id,))
        tags = self._connection.execute("SELECT tag FROM entity_tag WHERE entity = ?", (entity_id,))
        return {*zip(_COLUMNS_KEPT, values, strict=True), *((TAG, row[0]) for row in tags)}

    def _tell(
        self, entity_id: int, before: set[tuple[str, str]], after: set[tuple[str, str]]
    ) -> None:
        for fields, came in ((before - after, False), (after - before, True)):
            for name, value in fields:
                self._touched.tell(Fact(f"{FIELD}{name}", value, value, entity_id, came))

    def _is_stitching(self) -> bool:
        return bool(self._neighbours or self._heard or self._to_stitch)

    def _move(self, entity_id: int, project: str, entity: Entity) -> None:
        """At the other end of what it tells otherwise now: a group is not told of every word that
        changes in what it owns. Of one that is another project's now, all that know of it."""
        before = {
            Relation(kind, target)
            for kind, target in self._connection.execute(
                "SELECT type, target FROM entity_relation WHERE entity = ?", (entity_id,)
            )
        }
        after = set(entity.relations)
        if project == entity.project:
            self._heard.update({relation.target for relation in before ^ after})
            return
        self._neighbours.update(relation.target for relation in before | after)
        self._neighbours.update(self._tellers(entity.ref))

    def _remove(self, ref: str, stitching: Stitching) -> None:
        sql = "SELECT id FROM entity WHERE ref = ? AND source = ?"
        row: Row | None = self._connection.execute(sql, (ref, self.delivery.source)).fetchone()
        if row is None:
            return  # somebody else took it out, between two parts
        entity_id = row[0]
        self._chronicle.went(entity_id)
        self._dependants.mark(ref)
        self._tell(entity_id, self._fields(entity_id), set())
        self._heard.update(set(self._targets(entity_id)))
        self._neighbours.update(self._tellers(ref))
        stitching.forget(entity_id)
        forget_computed(self._connection, stitching, entity_id)
        self._to_stitch.discard(entity_id)
        self._remove_parts(entity_id)
        self._connection.execute("DELETE FROM entity WHERE id = ?", (entity_id,))
        self._removed += 1

    def _resolve_neighbours(self, stitching: Stitching) -> None:
        """A hub is stitched when this delivery is a good part of all that it hears.

        A thousand small ones would stitch it a thousand times, and each time it would be larger.
        """
        for refs in chunks(sorted(self._heard.keys() - self._neighbours)):
            found: list[Row] = self._connection.execute(
                f"SELECT id, ref FROM entity WHERE ref IN ({marks(refs)})", refs
            ).fetchall()
            for entity_id, ref in found:
                if entity_id not in self._to_stitch and self._is_hub(ref, self._heard[ref]):
                    stitching.put_off(entity_id)
                else:
                    self._to_stitch.add(entity_id)
        self._heard.clear()
        for refs in chunks(sorted(self._neighbours)):
            rows = self._connection.execute(
                f"SELECT id FROM entity WHERE ref IN ({marks(refs)})", refs
            )
            self._to_stitch.update(row[0] for row in rows)
        self._neighbours.clear()

    def _is_hub(self, ref: str, changed: int) -> bool:
        least = max(HUB_RELATIONS_MIN, changed * HUB_SHARE)
        sql = "SELECT 1 FROM entity_relation WHERE target = ? LIMIT 1 OFFSET ?"
        return self._connection.execute(sql, (ref, least)).fetchone() is not None

    def _targets(self, entity_id: int) -> list[str]:
        rows = self._connection.execute(
            "SELECT target FROM entity_relation WHERE entity = ?", (entity_id,)
        )
        return [row[0] for row in rows]

    def _tellers(self, ref: str) -> list[str]:
        """Whoever tells a relation with it may show that to others now, or no more."""
        rows = self._connection.execute(
            "SELECT entity.ref FROM entity_relation JOIN entity"
            " ON entity.id = entity_relation.entity WHERE entity_relation.target = ?",
            (ref,),
        )
        return [row[0] for row in rows]

    def _insert(self, one: Prepared) -> int:
        rows: list[Row] = self._connection.execute(
            f"INSERT INTO entity ({COLUMNS}, digest, uid, health) VALUES ({marks(range(16))},"
            " coalesce((SELECT health FROM workload_state WHERE project = ? AND name = ?), ''))"
            " RETURNING id",
            (
                *_values(one.entity),
                one.digest,
                str(uuid.uuid4()),
                one.entity.project,
                one.entity.workload,
            ),
        ).fetchall()
        return int(rows[0][0])

    def _update(self, entity_id: int, one: Prepared) -> None:
        self._remove_parts(entity_id)
        self._connection.execute(
            f"UPDATE entity SET ({COLUMNS}, digest, health) = ({marks(range(15))},"
            " coalesce((SELECT health FROM workload_state WHERE project = ? AND name = ?), ''))"
            " WHERE id = ?",
            (
                *_values(one.entity),
                one.digest,
                one.entity.project,
                one.entity.workload,
                entity_id,
            ),
        )

    def _remove_parts(self, entity_id: int) -> None:
        for sql in (
            "DELETE FROM entity_text WHERE rowid = ?",
            "DELETE FROM entity_tag WHERE entity = ?",
            "DELETE FROM entity_relation WHERE entity = ?",
        ):
            self._connection.execute(sql, (entity_id,))

    def _add_parts(self, entity_id: int, entity: Entity) -> None:
        connection = self._connection
        connection.executemany(
            "INSERT INTO entity_tag (entity, tag) VALUES (?, ?)",
            [(entity_id, tag) for tag in sorted(set(entity.tags))],
        )
        connection.executemany(
            "INSERT INTO entity_relation (entity, type, target) VALUES (?, ?, ?)",
            [(entity_id, one.type, one.target) for one in sorted(set(entity.relations))],
        )
        texts = (entity.name, entity.title, entity.description, " ".join(entity.tags), entity.owner)
        put_text(connection, entity_id, entity.project, texts)
        self._words.update(words_of(entity.name, entity.title))


def _values(entity: Entity) -> tuple[str, ...]:
    """In the order of COLUMNS."""
    return (*_texts(entity), entity.written)


def _texts(entity: Entity) -> tuple[str, ...]:
    return (
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
    )


def _digest(entity: Entity) -> str:
    told = (
        *_texts(entity),
        entity.descriptor,
        entity.tags,
        [(one.type, one.target) for one in sorted(set(entity.relations))],
    )
    written = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()


def _digests(connection: apsw.Connection, source: str, refs: Sequence[str]) -> Mapping[str, str]:
    """Of those references that the source holds."""
    found: dict[str, str] = {}
    for some in chunks(refs):
        rows: list[Row] = connection.execute(
            f"SELECT ref, digest FROM entity WHERE source = ? AND ref IN ({marks(some)})",
            (source, *some),
        ).fetchall()
        found.update(rows)
    return found


def _loss(delivery: Delivery, gone: Sequence[str], count: int) -> Loss | None:
    few = max(LOSS_ALWAYS_ALLOWED, LOSS_SHARE_MAX * count)
    if delivery.loss_allowed or len(gone) <= few:
        return None
    examples = tuple(sorted(gone)[:EXAMPLES_MAX])
    return Loss(delivery.source, delivery.version, len(gone), count, examples)


def _refuse(connection: apsw.Connection, delivery: Delivery, loss: Loss) -> Ingested:
    kept = orjson.dumps([loss.version, loss.removed, loss.of, loss.examples]).decode()
    connection.execute("UPDATE entity_source SET loss = ? WHERE name = ?", (kept, delivery.source))
    return Ingested(changed=False, refused=loss)


def _settle_loss(connection: apsw.Connection, source: str) -> None:
    """What it delivered before has come again: nothing was lost after all."""
    connection.execute(
        "UPDATE entity_source SET loss = '' WHERE name = ? AND loss <> ''", (source,)
    )

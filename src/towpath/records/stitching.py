"""Ready-made answers: each entity as JSON with uid, etag and relations both ways, and its facts.

An entity is stitched anew when it changes and when one changes that tells a relation with it; one
that very many tell relations with, such as the group that owns everything, some time after, once
for all that came meanwhile. What
comes out the same is not written. Facts are compared with those of the answer before, so that the
table needs no second index by entity.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

import apsw
import orjson

from towpath.machinery.objects import RawObject
from towpath.records.catalog_contract import INVERSE
from towpath.records.database import Row
from towpath.records.flattening import Facts, facts_of
from towpath.records.spelling import learn, words_of
from towpath.records.texts import put_text

FORM = 3
"""Of answers, facts and texts; another number here, and all are made anew at the next start."""

FACTS_AT_ONCE = 10_000
TOUCHED_MAX = 20_000
"""Beyond so many changed facts, what is kept of them in memory is read anew."""

_ETAG_BYTES = 20


class Fact(NamedTuple):
    """A fact that came, or went."""

    key: str
    value: str
    spelled: str
    entity_id: int
    came: bool


class Move(NamedTuple):
    """An entity that came, went, or is another project's now. None: it was not there, or is not."""

    entity_id: int
    ref: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Touched:
    """What a transaction changed of what readers keep."""

    facts: list[Fact] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    everything: bool = False
    """There were too many to tell."""
    put_off: bool = False
    """Answers or properties were left as they are that are to be made anew later."""
    differing: set[str] = field(default_factory=set)
    """Keys of which some see other values now than those that are facts."""

    def tell(self, fact: Fact) -> None:
        if self.everything:
            return
        self.facts.append(fact)
        if len(self.facts) > TOUCHED_MAX:
            self.everything = True
            self.facts.clear()
            self.moves.clear()


class Stitching:
    """The facts and answers of one transaction; `finish` writes what is still held back."""

    def __init__(self, connection: apsw.Connection, touched: Touched) -> None:
        self._connection = connection
        self._touched = touched
        self._keys: dict[str, int] = dict(connection.execute("SELECT key, id FROM fact_key"))
        self._came: list[tuple[int, str, int, str | None, bool]] = []
        self._went: list[tuple[int, str, int]] = []

    def stitch(self, entity_ids: Iterable[int]) -> int:
        """Make the answers of these; how many came out different."""
        return sum(self._stitch(entity_id) for entity_id in sorted(entity_ids))

    def put_off(self, entity_id: int) -> None:
        """Its answer misses what others tell of it now, until somebody has `caught_up`."""
        self._connection.execute("INSERT OR IGNORE INTO entity_stale VALUES (?)", (entity_id,))
        self._touched.put_off = True

    def forget(self, entity_id: int) -> None:
        """The entity goes, and its facts with it."""
        row: Row | None = self._connection.execute(
            "DELETE FROM entity_answer WHERE entity = ? RETURNING ref, project, json", (entity_id,)
        ).fetchone()
        if row is not None:
            ref, project, json = row
            self.exchange(entity_id, facts_of(orjson.loads(json)), {})
            self._touched.moves.append(Move(entity_id, ref, project, None))

    def differs(self, keys: Iterable[str]) -> None:
        """Some may see other values of these now than before, whatever the facts are."""
        self._touched.differing.update(keys)

    def finish(self) -> None:
        """In the order of the table: a tenth of the work that they are in any other."""
        connection = self._connection
        self._went.sort()
        connection.executemany(
            "DELETE FROM fact WHERE key = ? AND value = ? AND entity = ?", self._went
        )
        self._came.sort(key=itemgetter(0, 1, 2))
        connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?)", self._came)
        self._went.clear()
        self._came.clear()

    def _stitch(self, entity_id: int) -> bool:
        connection = self._connection
        row: Row | None = connection.execute(
            "SELECT ref, project, namespace, uid, descriptor FROM entity WHERE id = ?",
            (entity_id,),
        ).fetchone()
        if row is None:
            return False  # gone since, between two parts of a great change
        ref, project, namespace, uid, descriptor = row
        relations, others = self._relations(entity_id, ref)
        beyond = not others <= {"", project}
        entity = _completed(orjson.loads(descriptor), namespace, uid, relations)
        etag = hashlib.blake2b(orjson.dumps(entity), digest_size=_ETAG_BYTES).hexdigest()
        before: Row | None = connection.execute(
            "SELECT etag, project, beyond, json FROM entity_answer WHERE entity = ?", (entity_id,)
        ).fetchone()
        if before is not None and before[:3] == (etag, project, beyond):
            return False
        entity["metadata"]["etag"] = etag
        connection.execute(
            "INSERT OR REPLACE INTO entity_answer VALUES (?, ?, ?, ?, ?, ?)",
            (entity_id, ref, project, beyond, etag, orjson.dumps(entity)),
        )
        lived = before[1] if before else None
        if lived != project:
            self._touched.moves.append(Move(entity_id, ref, lived, project))
        known = facts_of(orjson.loads(before[3])) if before else {}
        self.exchange(entity_id, known, facts_of(entity))
        return True

    def _relations(self, entity_id: int, ref: str) -> tuple[list[tuple[str, str]], set[str]]:
        """Sorted, from both ends; and the projects of the entities that are at the other one."""
        told: list[Row] = self._connection.execute(
            "SELECT entity_relation.type, entity_relation.target, other.project"
            " FROM entity_relation LEFT JOIN entity AS other ON other.ref = entity_relation.target"
            " WHERE entity_relation.entity = ?",
            (entity_id,),
        ).fetchall()
        heard: list[Row] = self._connection.execute(
            "SELECT entity_relation.type, entity.ref, entity.project"
            " FROM entity_relation JOIN entity ON entity.id = entity_relation.entity"
            " WHERE entity_relation.target = ?",
            (ref,),
        ).fetchall()
        relations = {(kind, target) for kind, target, _ in told}
        relations |= {(INVERSE[kind], target) for kind, target, _ in heard if kind in INVERSE}
        others = {project for _, _, project in (*told, *heard) if project is not None}
        return sorted(relations), others

    def exchange(self, entity_id: int, before: Facts, after: Facts) -> None:
        went = [(name, fact) for name, fact in before.items() if after.get(name) != fact]
        came = [(name, fact) for name, fact in after.items() if before.get(name) != fact]
        self._went += [(self._key(key), value, entity_id) for (key, value), _ in went]
        self._came += [(self._key(key), value, entity_id, *fact) for (key, value), fact in came]
        if not self._touched.everything:
            for facts, is_new in ((went, False), (came, True)):
                for (key, value), (spelled, _) in facts:
                    self._touched.tell(Fact(key, value, spelled or value, entity_id, is_new))
        if len(self._came) + len(self._went) >= FACTS_AT_ONCE:
            self.finish()

    def _key(self, key: str) -> int:
        known = self._keys.get(key)
        if known is None:
            sql = "INSERT INTO fact_key (key) VALUES (?) RETURNING id"
            rows: list[Row] = self._connection.execute(sql, (key,)).fetchall()
            known = self._keys[key] = int(rows[0][0])
        return known


def caught_up(connection: apsw.Connection, touched: Touched) -> bool:
    """Whether any answer that was put off came out different."""
    stale = [row[0] for row in connection.execute("SELECT entity FROM entity_stale")]
    stitching = Stitching(connection, touched)
    changed = stitching.stitch(stale)
    stitching.finish()
    connection.execute("DELETE FROM entity_stale")
    return changed > 0


def _completed(
    descriptor: RawObject, namespace: str, uid: str, relations: list[tuple[str, str]]
) -> RawObject:
    metadata = descriptor.get("metadata") or {}
    return {
        **descriptor,
        "metadata": {"namespace": namespace, **metadata, "uid": uid},
        "relations": [{"type": kind, "targetRef": target} for kind, target in relations],
    }


def remade(connection: apsw.Connection) -> bool:
    """Once after an upgrade: answers, facts and texts of all, when they were of another form."""
    (form,) = next(connection.execute("SELECT form FROM catalog_form"))
    if form == FORM:
        return False
    connection.execute("DELETE FROM fact")
    connection.execute("DELETE FROM entity_answer")
    connection.execute(
        "UPDATE entity SET uid = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||"
        " substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' ||"
        " hex(randomblob(6))) WHERE uid = ''"
    )
    stitching = Stitching(connection, Touched(everything=True))
    stitching.stitch([row[0] for row in connection.execute("SELECT id FROM entity")])
    stitching.finish()
    words = set()
    connection.execute("INSERT INTO entity_text (entity_text) VALUES ('delete-all')")
    told: list[Row] = connection.execute(
        "SELECT id, project, name, title, description, coalesce((SELECT group_concat(tag, ' ')"
        " FROM entity_tag WHERE entity_tag.entity = entity.id), ''), owner FROM entity"
    ).fetchall()
    for entity_id, project, name, title, *others in told:
        put_text(connection, entity_id, project, (name, title, *others))
        words.update(words_of(name, title))
    learn(connection, words)
    connection.execute("UPDATE catalog_form SET form = ?", (FORM,))
    return True

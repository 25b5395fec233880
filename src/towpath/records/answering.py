"""Questions to the catalogue's facts, answered by sets: which entities, how many, in which order.

Every selection begins with what the viewer may see. Relations name other entities: a value that
names a hidden one is not there for that viewer, in conditions, counts and orders, nor in answers.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import apsw
import orjson
from pyroaring import BitMap

from towpath.records.browsing import marks, visibility, visible_targets
from towpath.records.columns import (
    RELATIONS,
    Column,
    Columns,
    Present,
    Projects,
    Spelled,
    Term,
    Values,
    View,
)
from towpath.records.database import Row
from towpath.records.flattening import LENGTH_MAX, NOTHING
from towpath.records.questions import (
    Begins,
    By,
    Condition,
    Every,
    Has,
    Is,
    Never,
    Place,
    Question,
    Some,
    Uid,
)
from towpath.records.viewers import Viewer

TRUE = "true"
REFS_AT_ONCE = 500
FEW_SHARE = 8
"""Sorted by itself is a selection that has fewer than this part of the column's rows."""


class Answering:
    """Pure but for what `columns` has at hand: `views` says what that must be."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    # -- what must be at hand ----------------------------------------------------------------

    def views(self, viewer: Viewer, question: Question) -> Iterator[View]:
        yield Projects()
        yield from self._of_condition(viewer, question.where)
        for by in question.order:
            yield _values(viewer, by.key)
        if question.text:
            yield from (_values(viewer, key.lower()) for key in question.text_keys)

    def views_of_counts(
        self, viewer: Viewer, where: Condition, keys: Sequence[str]
    ) -> Iterator[View]:
        yield Projects()
        yield from self._of_condition(viewer, where)
        for key in keys:
            yield _spelled(viewer, key)
            for path, value in _splits(key):
                yield Term(path, value, listed=True)

    def _of_condition(self, viewer: Viewer, where: Condition) -> Iterator[View]:
        match where:
            case Every(of) | Some(of):
                for one in of:
                    yield from self._of_condition(viewer, one)
            case Never(one):
                yield from self._of_condition(viewer, one)
            case Has(key):
                if _names_others(viewer, key):
                    yield _spelled(viewer, key)
                yield Present(key.lower())
                for path, value in _splits(key):
                    yield Term(path, value, listed=True)
            case Is(key, values):
                if _names_others(viewer, key):
                    yield _spelled(viewer, key)
                for value in values:
                    yield Term(key.lower(), value.lower())
                if TRUE in (value.lower() for value in values):
                    for path, value in _splits(key):
                        yield Term(path, value, listed=True)
            case Begins(key, _):
                yield _values(viewer, key)

    # -- sets --------------------------------------------------------------------------------

    def chosen(self, viewer: Viewer, where: Condition) -> BitMap:
        """What the condition means among what the viewer may see."""
        return self._met(viewer, where, self._columns.visible(viewer))

    def _met(self, viewer: Viewer, where: Condition, among: BitMap) -> BitMap:
        match where:
            case Every(of):
                for one in of:
                    among = self._met(viewer, one, among)
                return among
            case Some(of):
                found = [self._met(viewer, one, among) for one in of]
                return BitMap.union(*found) if found else BitMap()
            case Never(one):
                return among - self._met(viewer, one, among)
            case Has(key):
                return among & (self._having(viewer, key) | self._listing(key))
            case Is(key, values):
                return among & self._being(viewer, key, values)
            case Begins(key, prefix):
                column = self._columns.column(_values(viewer, key))
                return among & column.beginning(prefix.lower())

    def _having(self, viewer: Viewer, key: str) -> BitMap:
        if _names_others(viewer, key):
            found = [*self._columns.spelled(_spelled(viewer, key)).values()]
            return BitMap.union(*found) if found else BitMap()
        return self._columns.present(key.lower())

    def _being(self, viewer: Viewer, key: str, values: Sequence[str]) -> BitMap:
        lower = [value.lower() for value in values]
        if _names_others(viewer, key):
            known = self._columns.spelled(_spelled(viewer, key))
            found = [ids for value, ids in known.items() if value.lower() in lower]
        else:
            found = [self._columns.term(key.lower(), value) for value in lower]
        if TRUE in lower:
            found.append(self._listing(key))
        return BitMap.union(*found) if found else BitMap()

    def _listing(self, key: str) -> BitMap:
        """`metadata.tags.java`: the entities whose list `metadata.tags` has the text `java`."""
        found = [self._columns.term(path, value, listed=True) for path, value in _splits(key)]
        return BitMap.union(*found) if found else BitMap()

    # -- answers -----------------------------------------------------------------------------

    def answer(self, viewer: Viewer, question: Question) -> tuple[list[int], int, bool]:
        """The entities to answer with, how many there are in all, and whether more follow."""
        chosen = self.chosen(viewer, question.where)
        if question.text:
            chosen &= self._containing(viewer, question)
        total = len(chosen)
        limit = total if question.limit is None else question.limit
        if limit == 0:
            return [], total, False
        backwards = question.before is not None
        in_order = self._in_order(viewer, question, chosen)
        found = [*islice(in_order, question.offset, question.offset + limit + 1)]
        shown = found[:limit]
        return shown[::-1] if backwards else shown, total, len(found) > limit

    def place(self, viewer: Viewer, question: Question, entity_id: int) -> Place:
        if not question.order:
            return Place(None, entity_id)
        column = self._columns.column(_values(viewer, question.order[0].key))
        has = entity_id in column.having
        return Place(column.value(entity_id) if has else None, entity_id)

    def count(
        self, viewer: Viewer, where: Condition, keys: Sequence[str]
    ) -> dict[str, list[tuple[str, int]]]:
        chosen = self.chosen(viewer, where)
        found = {}
        for key in keys:
            known = self._columns.spelled(_spelled(viewer, key))
            counts = [(value, chosen.intersection_cardinality(ids)) for value, ids in known.items()]
            if not known:
                counts.append((TRUE, chosen.intersection_cardinality(self._listing(key))))
            found[key] = [(value, count) for value, count in counts if count]
        return found

    def _containing(self, viewer: Viewer, question: Question) -> BitMap:
        part = question.text.lower()
        columns = [self._columns.column(_values(viewer, key)) for key in question.text_keys]
        if "%" in part or "_" in part:
            pattern = _pattern(part)
            return BitMap.union(BitMap(), *(column.matching(pattern) for column in columns))
        return BitMap.union(BitMap(), *(column.containing(part) for column in columns))

    def _in_order(self, viewer: Viewer, question: Question, chosen: BitMap) -> Iterable[int]:
        """From the question's place on; backwards from it when the answer is to end there."""
        place, backwards = question.before or question.after, question.before is not None
        if not question.order:
            return _between(chosen, place, upwards=not backwards)
        if len(question.order) > 1:
            return self._sorted(viewer, question.order, chosen)
        by = question.order[0]
        column = self._columns.column(_values(viewer, by.key))
        upwards = by.downwards is backwards
        without = chosen - column.having
        if place is not None and place.value is None:
            rest = _between(without, place, upwards=upwards)
            return chain(rest, _along(column, chosen, None, upwards)) if backwards else rest
        valued = _along(column, chosen, place, upwards)
        if not backwards:
            return chain(valued, _between(without, None, upwards=upwards))
        if place is None:
            return chain(_between(without, None, upwards=upwards), valued)
        return valued

    def _sorted(self, viewer: Viewer, order: Sequence[By], chosen: BitMap) -> list[int]:
        """By the last key first, for each sort leaves alone what is equal to it."""
        ids = [*chosen]
        for by in reversed(order):
            column = self._columns.column(_values(viewer, by.key))
            valued = [one for one in ids if one in column.having]
            valued.sort(key=column.value, reverse=by.downwards)
            ids = [*valued, *(one for one in ids if one not in column.having)]
        return ids


def _between(ids: BitMap, place: Place | None, *, upwards: bool) -> Iterable[int]:
    """By number, beyond the place."""
    if upwards:
        return ids if place is None else ids.iter_equal_or_larger(place.number + 1)
    known = len(ids) if place is None else ids.rank(place.number - 1) if place.number else 0
    return (ids[position] for position in range(known - 1, -1, -1))


def _along(column: Column, chosen: BitMap, place: Place | None, upwards: bool) -> Iterator[int]:
    """The chosen entities that have a value, in the column's order, beyond the place."""
    first = 0
    if place is not None and place.value is not None:
        first = column.position(place.value, place.number)
    valued = chosen & column.having
    if len(valued) * FEW_SHARE < len(column.values):
        positions: Sequence[int] = sorted(map(column.rank, valued))
        start = bisect_left(positions, first)
    else:
        positions, start = range(len(column.values)), first
    if upwards:
        steps = range(start, len(positions))
    else:
        steps = range((len(positions) if place is None else start) - 1, -1, -1)
    for step in steps:
        position = positions[step]
        entity_id = column.entities[position]
        if place is not None and position == first and entity_id == place.number:
            continue
        if entity_id in valued and (column.is_single or column.rank(entity_id) == position):
            yield entity_id


def _names_others(viewer: Viewer, key: str) -> bool:
    """Whether the key's values name entities of which some may be hidden from the viewer."""
    return viewer.projects is not None and key.lower().startswith(RELATIONS)


def _values(viewer: Viewer, key: str) -> Values:
    return Values(key.lower(), viewer.projects if _names_others(viewer, key) else None)


def _spelled(viewer: Viewer, key: str) -> Spelled:
    return Spelled(key.lower(), viewer.projects if _names_others(viewer, key) else None)


def _splits(key: str) -> Iterator[tuple[str, str]]:
    """`a.b.c` may mean the text `b.c` in the list `a`, or `c` in `a.b`."""
    key = key.lower()
    if len(key) > LENGTH_MAX:
        return
    at = key.find(".")
    while at >= 0:
        yield key[:at], key[at + 1 :]
        at = key.find(".", at + 1)


def _pattern(part: str) -> re.Pattern[str]:
    """Within one value: in the text of all, nothing is between two."""
    inside = f"[^{NOTHING}]"
    of_wildcard = {"%": f"{inside}*", "_": inside}
    return re.compile("".join(of_wildcard.get(one, re.escape(one)) for one in part))


def answers(connection: apsw.Connection, viewer: Viewer, ids: Sequence[int]) -> dict[int, bytes]:
    """The ready answers of entities; once more only of those that the viewer may see."""
    condition, projects = visibility(viewer, "entity_answer")
    rows: list[Row] = connection.execute(
        f"SELECT entity, json, beyond FROM entity_answer WHERE entity IN ({marks(ids)})"
        f" AND {condition}",
        (*ids, *projects),
    ).fetchall()
    if viewer.projects is None:
        return {entity_id: json for entity_id, json, _ in rows}
    return {
        entity_id: _without_hidden(connection, viewer, json) if beyond else json
        for entity_id, json, beyond in rows
    }


def _without_hidden(connection: apsw.Connection, viewer: Viewer, json: bytes) -> bytes:
    """The answer without relations to what the viewer may not see."""
    entity = orjson.loads(json)
    targets = {relation["targetRef"] for relation in entity["relations"]}
    visible = visible_targets(connection, viewer, [*targets])
    entity["relations"] = [one for one in entity["relations"] if one["targetRef"] in visible]
    return orjson.dumps(entity)


def ids_of(connection: apsw.Connection, refs: Sequence[str]) -> dict[str, int]:
    """For `answers`, which then asks who may see them."""
    found: dict[str, int] = {}
    for start in range(0, len(refs), REFS_AT_ONCE):
        some = refs[start : start + REFS_AT_ONCE]
        rows: list[Row] = connection.execute(
            f"SELECT ref, entity FROM entity_answer WHERE ref IN ({marks(some)})", some
        ).fetchall()
        found.update(rows)
    return found


def id_of(connection: apsw.Connection, uid: Uid) -> int:
    sql = "SELECT id FROM entity WHERE uid = ? AND uid <> ''"
    row: Row | None = connection.execute(sql, (uid,)).fetchone()
    return int(row[0]) if row else -1

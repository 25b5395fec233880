"""Questions to the catalogue's facts, answered by sets: which entities, how many, in which order.

Every selection begins with what the viewer may see. Relations name other entities: a value that
names a hidden one is not there for that viewer, in conditions, counts and orders, nor in answers.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

import apsw
import orjson
from pyroaring import BitMap

from towpath.records.browsing import chunks, marks, visibility, visible_targets
from towpath.records.columns import (
    RELATIONS,
    Column,
    Hand,
    Present,
    Projects,
    Spelled,
    Spellings,
    Term,
    Values,
    View,
)
from towpath.records.database import Row
from towpath.records.flattening import LENGTH_MAX, NOTHING
from towpath.records.properties import COMPUTED
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
WILDCARDS = frozenset("%_")
FEW_SHARE = 8
"""Sorted by itself is a selection that has fewer than this part of the column's rows."""


def views(viewer: Viewer, question: Question) -> Iterator[View]:
    """What must be at hand to answer it."""
    yield Projects()
    yield from _of_condition(viewer, question.where)
    for by in question.order:
        yield seen_numbers(viewer, by.key)
    if question.text:
        yield from (_values(viewer, key) for key in question.text_keys)


def views_of_counts(viewer: Viewer, where: Condition, keys: Sequence[str]) -> Iterator[View]:
    yield Projects()
    yield from _of_condition(viewer, where)
    for key in keys:
        yield seen_spellings(viewer, key)
        yield from _listed(key)


def _of_condition(viewer: Viewer, where: Condition) -> Iterator[View]:
    match where:
        case Every(of) | Some(of):
            for one in of:
                yield from _of_condition(viewer, one)
        case Never(one):
            yield from _of_condition(viewer, one)
        case Has(key):
            yield (
                seen_spellings(viewer, key) if _names_others(viewer, key) else Present(key.lower())
            )
            yield from _listed(key)
        case Is(key, values):
            if _names_others(viewer, key):
                yield seen_spellings(viewer, key)
            for value in values:
                yield Term(key.lower(), value.lower())
                if value.lower() == TRUE:
                    yield from _listed(key)
        case Begins(key, _):
            yield _values(viewer, key)


class Answering:
    """One viewer's questions, answered from what is at hand. Pure."""

    def __init__(self, hand: Hand, viewer: Viewer) -> None:
        self._hand = hand
        self._viewer = viewer

    def chosen(self, where: Condition) -> BitMap:
        """What the condition means among what the viewer may see."""
        return self._met(where, self.visible())

    def answer(self, question: Question) -> tuple[list[int], int, bool]:
        """The entities to answer with, how many there are in all, and whether more follow."""
        chosen = self.chosen(question.where)
        if question.text:
            chosen &= self._containing(question)
        if question.only_sorted and question.order:
            chosen &= self._order(question.order[0].key).having
        total = len(chosen)
        limit = total if question.limit is None else question.limit
        if limit == 0:
            return [], total, False
        start = question.offset
        if not (question.order or question.after or question.before):
            found = [*chosen[start : start + limit + 1]]
            return found[:limit], total, len(found) > limit
        found = [*islice(self.in_order(question, chosen), start, start + limit + 1)]
        shown = found[:limit]
        return shown if question.before is None else shown[::-1], total, len(found) > limit

    def place(self, question: Question, entity_id: int) -> Place:
        if not question.order:
            return Place(None, entity_id)
        column = self._order(question.order[0].key)
        has = entity_id in column.having
        return Place(column.value(entity_id) if has else None, entity_id)

    def count(self, where: Condition, keys: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
        chosen = self.chosen(where)
        found = {}
        for key in keys:
            known = self.spellings(key)
            found[key] = known.counted(chosen)
            if not known.ids and (count := chosen.intersection_cardinality(self._listing(key))):
                found[key] = [(TRUE, count)]
        return found

    def visible(self) -> BitMap:
        projects: Mapping[str, BitMap] = self._hand[Projects()]
        names = projects if self._viewer.projects is None else ("", *self._viewer.projects)
        return union(projects[name] for name in names if name in projects)

    def _met(self, where: Condition, among: BitMap) -> BitMap:
        match where:
            case Every(of):
                for one in of:
                    among = self._met(one, among)
                return among
            case Some(of):
                return union(self._met(one, among) for one in of)
            case Never(one):
                return among - self._met(one, among)
            case Has(key):
                return among & (self._having(key) | self._listing(key))
            case Is(key, values):
                return among & self._being(key, [value.lower() for value in values])
            case Begins(key, prefix):
                return among & self._column(key).beginning(prefix.lower())

    def _having(self, key: str) -> BitMap:
        if _names_others(self._viewer, key):
            return self.spellings(key).having
        present: BitMap = self._hand[Present(key.lower())]
        return present

    def _being(self, key: str, values: Sequence[str]) -> BitMap:
        if _names_others(self._viewer, key):
            known = self.spellings(key).ids
            found = [ids for value, ids in known.items() if value.lower() in values]
        else:
            found = [self._hand[Term(key.lower(), value)] for value in values]
        if TRUE in values:
            found.append(self._listing(key))
        return found[0] if len(found) == 1 else union(found)

    def _listing(self, key: str) -> BitMap:
        """`metadata.tags.java`: the entities whose list `metadata.tags` has the text `java`."""
        return union(self._hand[term] for term in _listed(key))

    def _column(self, key: str) -> Column:
        column: Column = self._hand[_values(self._viewer, key)]
        return column

    def _order(self, key: str) -> Column:
        column: Column = self._hand[seen_numbers(self._viewer, key)]
        return column

    def spellings(self, key: str) -> Spellings:
        known: Spellings = self._hand[seen_spellings(self._viewer, key)]
        return known

    def _containing(self, question: Question) -> BitMap:
        if NOTHING in question.text:
            return BitMap()
        part = question.text.lower()
        columns = [self._column(key) for key in question.text_keys]
        if WILDCARDS.isdisjoint(part):
            return union(column.containing(part) for column in columns)
        pattern = _pattern(part)
        return union(column.matching(pattern) for column in columns)

    def in_order(self, question: Question, chosen: BitMap) -> Iterable[int]:
        """From the question's place on; backwards from it when the answer is to end there."""
        place, backwards = question.before or question.after, question.before is not None
        if not question.order:
            return _between(chosen, place, upwards=not backwards)
        if len(question.order) > 1:
            return self._sorted(question.order, chosen)
        by = question.order[0]
        column = self._order(by.key)
        upwards = by.downwards is backwards
        without = chosen - column.having
        if place is not None and place.value is None:
            rest = _between(without, place, upwards=upwards)
            valued = _along(column, chosen, None, upwards=upwards)
            return chain(rest, valued) if backwards else rest
        valued = _along(column, chosen, place, upwards=upwards)
        return valued if backwards else chain(valued, _between(without, None, upwards=upwards))

    def _sorted(self, order: Sequence[By], chosen: BitMap) -> list[int]:
        """By the last key first, for each sort leaves alone what is equal to it."""
        ids = [*chosen]
        for by in reversed(order):
            column = self._order(by.key)
            valued = [one for one in ids if one in column.having]
            valued.sort(key=column.value, reverse=by.downwards)
            ids = [*valued, *(one for one in ids if one not in column.having)]
        return ids


def union(sets: Iterable[BitMap]) -> BitMap:
    return BitMap.union(BitMap(), *sets)


def _between(ids: BitMap, place: Place | None, *, upwards: bool) -> Iterable[int]:
    """By number, beyond the place."""
    if upwards:
        return ids if place is None else ids.iter_equal_or_larger(place.number + 1)
    known = len(ids) if place is None else ids.rank(place.number - 1) if place.number else 0
    return (ids[position] for position in range(known - 1, -1, -1))


def _along(column: Column, chosen: BitMap, place: Place | None, upwards: bool) -> Iterable[int]:
    """The chosen entities that have a value, in the column's order, beyond the place."""
    entities, valued = column.entities, chosen & column.having
    begins, ends = 0, len(entities)
    if place is not None and place.value is not None:
        at = column.position(place.value, place.number)
        begins, ends = (at, ends) if upwards else (0, at)
    found: Iterable[int]
    if len(valued) * FEW_SHARE < len(entities):
        ranks = sorted(map(column.rank, valued))
        few = ranks[bisect_left(ranks, begins) : bisect_left(ranks, ends)]
        found = map(entities.__getitem__, few if upwards else reversed(few))
    elif column.is_single:
        known = entities[begins:ends]
        found = filter(valued.__contains__, known if upwards else reversed(known))
    else:
        places = range(begins, ends) if upwards else range(ends - 1, begins - 1, -1)
        standing = ((position, entities[position]) for position in places)
        found = (one for at, one in standing if one in valued and column.rank(one) == at)
    return found if place is None else (one for one in found if one != place.number)


def _names_others(viewer: Viewer, key: str) -> bool:
    """Whether the key's values tell of entities of which some may be hidden from the viewer."""
    return viewer.projects is not None and key.lower().startswith((RELATIONS, COMPUTED))


def _values(viewer: Viewer, key: str) -> Values:
    return Values(key.lower(), viewer.projects if _names_others(viewer, key) else None)


def seen_numbers(viewer: Viewer, key: str) -> Values:
    """To order by: what is computed is in the order of numbers."""
    by = _values(viewer, key)
    return Values(by.key, by.projects, by_number=True) if by.key.startswith(COMPUTED) else by


def seen_spellings(viewer: Viewer, key: str) -> Spelled:
    return Spelled(key.lower(), viewer.projects if _names_others(viewer, key) else None)


def _listed(key: str) -> Iterator[Term]:
    """`a.b.c` may mean the text `b.c` in the list `a`, or `c` in `a.b`."""
    key = key.lower()
    if len(key) > LENGTH_MAX:
        return
    at = key.find(".")
    while at >= 0:
        yield Term(key[:at], key[at + 1 :], listed=True)
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
    for some in chunks(refs):
        rows: list[Row] = connection.execute(
            f"SELECT ref, entity FROM entity_answer WHERE ref IN ({marks(some)})", some
        ).fetchall()
        found.update(rows)
    return found


def id_of(connection: apsw.Connection, uid: Uid) -> int:
    sql = "SELECT id FROM entity WHERE uid = ? AND uid <> ''"
    row: Row | None = connection.execute(sql, (uid,)).fetchone()
    return int(row[0]) if row else -1

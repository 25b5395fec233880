"""What is kept in memory of the facts, so that a question is answered by sets and not by rows.

A *term* is the set of entities with one value of a key; a *column* is all values of a key, in
order; *spellings* are its values as written, each with its set, and those of a field of entities.
They are read from the table when first asked for, changed with what a transaction touched, and
bounded: the longest unused goes. What was read just after a change may hear of it once more, which
changes nothing. Who may see what is a set too, with which every selection begins.

Everything here runs on the loop but what reads from the table, in a reader's thread. What was being
read while something changed is read again.
"""

# ruff: noqa: S608 - what is put into the SQL is constants and question marks, never a value.

import re
import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from operator import itemgetter
from typing import Any

import apsw
from pyroaring import BitMap

from towpath.records.browsing import FIELD, FIELDS, TAG, marks
from towpath.records.computing import differing_facts
from towpath.records.database import Database
from towpath.records.flattening import NOTHING
from towpath.records.properties import COMPUTED
from towpath.records.questions import REF
from towpath.records.stitching import Fact, Move, Touched

WEIGHT_MAX = 16_000_000
"""About the bytes of all that is kept, in a catalogue that is not large."""
WEIGHT_OF_ENTITY_MAX = 400
"""In a large one, for each entity: enough for the columns that lists are sorted and searched by."""

BYTES_OF_ROW = 49
"""Of a column, beside its value."""
ENTITIES_A_VALUE = 6
"""So many entities are counted one by one while one value is intersected."""

TRIES = 3
RELATIONS = "relations."
_SIGN, _ALL_BITS = 1 << 63, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    value: str
    listed: bool = False
    """Only as a text in a list."""


@dataclass(frozen=True, slots=True)
class Present:
    """The entities that have the key at all."""

    key: str


@dataclass(frozen=True, slots=True)
class Values:
    """All values of a key, in order."""

    key: str
    projects: frozenset[str] | None = None
    """Of the viewer, where values tell of entities that may be hidden; else None."""
    by_number: bool = False
    """In the order of numbers, each as `sortable` writes it."""


@dataclass(frozen=True, slots=True)
class Spelled:
    key: str
    projects: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Projects:
    """The entities of each project."""


View = Term | Present | Values | Spelled | Projects
Hand = Mapping[View, Any]
"""What a question is answered from: BitMap, Column, Spellings, or BitMaps by project."""


class Column:
    """Values and entities side by side, sorted by value and then by entity."""

    def __init__(self, rows: Iterable[tuple[str, int]]) -> None:
        self.values: list[str] = []
        self.entities = array("I")
        self.weight = 0
        last = NOTHING
        for value, entity_id in rows:
            if value != last:
                last = value
                self.weight += sys.getsizeof(value)
            self.values.append(last)
            self.entities.append(entity_id)
            self.weight += len(value) + BYTES_OF_ROW
        self.having = BitMap(self.entities)
        # By number, of which few are missing: a dictionary would take ten times the room.
        self._first: list[str] = [NOTHING] * (self.having.max() + 1 if self.having else 0)
        for value, entity_id in zip(reversed(self.values), reversed(self.entities), strict=True):
            self._first[entity_id] = value
        self.weight += 8 * len(self._first)
        self._text = ""
        self._begins: list[int] = []  # its numbers are compared more often than those of an array

    @property
    def is_single(self) -> bool:
        """Whether no entity has several values."""
        return len(self.having) == len(self.values)

    def value(self, entity_id: int) -> str:
        """The first of its values; it must have one."""
        return self._first[entity_id]

    def position(self, value: str, entity_id: int) -> int:
        """Of that entity with that value, or where it would be."""
        first = bisect_left(self.values, value)
        return bisect_left(self.entities, entity_id, first, bisect_right(self.values, value, first))

    def rank(self, entity_id: int) -> int:
        """Where the entity stands, with the first of its values."""
        return self.position(self._first[entity_id], entity_id)

    def beginning(self, prefix: str) -> BitMap:
        first = bisect_left(self.values, prefix)
        return BitMap(self.entities[first : bisect_left(self.values, prefix + "\U0010ffff", first)])

    def containing(self, part: str) -> BitMap:
        """The entities with a value that contains it: one search through one long text.

        Between two values is what no part has.
        """
        text, row, found = self._joined(), 0, []
        begins, entities = self._begins, self.entities
        at = text.find(part)
        while at >= 0:
            row = bisect_right(begins, at, row)
            found.append(entities[row - 1])
            at = text.find(part, begins[row])
        return BitMap(found)

    def matching(self, pattern: re.Pattern[str]) -> BitMap:
        """The same with a pattern that never matches what is between two values."""
        found = pattern.finditer(self._joined())
        rows = {bisect_right(self._begins, one.start()) - 1 for one in found}
        return BitMap([self.entities[row] for row in rows if row < len(self.entities)])

    def _joined(self) -> str:
        if not self._begins:
            self._text = NOTHING.join(self.values)
            lengths = (len(value) + 1 for value in self.values)
            self._begins = [*accumulate(lengths, initial=0)]
        return self._text

    def change(self, value: str, entity_id: int, *, came: bool) -> None:
        """An entity has a value now, or has it no more."""
        position = self.position(value, entity_id)
        is_there = self.entities[position : position + 1] == array("I", [entity_id]) and (
            self.values[position] == value
        )
        if is_there == came:
            return
        self._text, self._begins = "", []
        if came:
            self.values.insert(position, value)
            self.entities.insert(position, entity_id)
            missing = entity_id + 1 - len(self._first)
            self._first.extend([NOTHING] * missing)
            first = self._first[entity_id] if entity_id in self.having else value
            self._first[entity_id] = min(value, first)
            self.having.add(entity_id)
            return
        del self.values[position]
        del self.entities[position]
        self._forget(value, entity_id)

    def _forget(self, value: str, entity_id: int) -> None:
        was_single = len(self.having) == len(self.values) + 1
        if self._first[entity_id] != value:
            return
        others = () if was_single else self.entities
        rest = [self.values[position] for position, one in enumerate(others) if one == entity_id]
        if rest:
            self._first[entity_id] = rest[0]
        else:
            self._first[entity_id] = NOTHING
            self.having.discard(entity_id)


class Spellings:
    """The values of a key as they are spelled, each with the entities that have it."""

    def __init__(self, ids_by_value: dict[str, BitMap]) -> None:
        self.ids = ids_by_value
        self.having = BitMap.union(BitMap(), *ids_by_value.values())
        self.weight = sum(_weight(ids) + len(value) for value, ids in ids_by_value.items())
        self.weight += 4 * (self.having.max() + 1 if self.having else 0)
        self._rows = sum(map(len, ids_by_value.values()))
        self._names: dict[str, int] = {}
        self._of_entity = array("I")
        """Which of the names each entity has, the last that came; made when it is needed."""

    def counted(self, chosen: BitMap) -> list[tuple[str, int]]:
        """How many of these have which value: one by one, or value by value when these are few."""
        is_single = self._rows == len(self.having)
        if is_single and self.having and len(chosen) < ENTITIES_A_VALUE * len(self.ids):
            counts = Counter(map(self._places().__getitem__, chosen & self.having))
            return [(name, counts[place]) for name, place in self._names.items() if counts[place]]
        counted = [(value, chosen.intersection_cardinality(ids)) for value, ids in self.ids.items()]
        return [(value, count) for value, count in counted if count]

    def _places(self) -> "array[int]":
        if not self._of_entity:
            self._of_entity = array("I", bytes(4 * (self.having.max() + 1)))
            self._names = {}
            for value, ids in self.ids.items():
                place = self._names[value] = len(self._names)
                for entity_id in ids:
                    self._of_entity[entity_id] = place
        return self._of_entity

    def change(self, value: str, entity_id: int, *, came: bool) -> None:
        ids = self.ids.setdefault(value, BitMap())
        if (entity_id in ids) is not came:
            (ids.add if came else ids.discard)(entity_id)
            self._rows += 1 if came else -1
            if came or not any(entity_id in others for others in self.ids.values()):
                (self.having.add if came else self.having.discard)(entity_id)
            if self._of_entity:
                self._place(value, entity_id, came=came)
        if not ids:
            del self.ids[value]

    def _place(self, value: str, entity_id: int, *, came: bool) -> None:
        if not came:
            if entity_id in self.having:  # with another value, that may have come before
                self._of_entity = array("I")
            return
        missing = entity_id + 1 - len(self._of_entity)
        self._of_entity.extend([0] * missing)
        self._of_entity[entity_id] = self._names.setdefault(value, len(self._names))


class Columns:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[View, tuple[Any, int]] = OrderedDict()
        self._weight = 0
        self._weight_max = WEIGHT_MAX
        self.revision = 0

    async def need(self, views: Iterable[View]) -> Hand:
        """All of these, as new as what was written before it was called."""
        wanted = [*dict.fromkeys(views)]
        for _ in range(TRIES):
            hand: Hand = {view: kept[0] for view in wanted if (kept := self._kept.get(view))}
            missing = [view for view in wanted if view not in hand]
            for view in hand:
                self._kept.move_to_end(view)
            if not missing:
                return hand
            revision = self.revision
            read = await self._database.read(partial(_read, missing))
            if revision == self.revision:
                for view, content in zip(missing, read, strict=True):
                    self._keep(view, content)
                return {**hand, **dict(zip(missing, read, strict=True))}
        # Something changes all the time: as of one moment then, and not kept.
        return dict(zip(wanted, await self._database.read(partial(_read, wanted)), strict=True))

    def changed(self, touched: Touched) -> None:
        """A transaction is committed: what it touched is changed here, or read anew when asked."""
        self.revision += 1
        if touched.everything:
            self._kept.clear()
            self._weight = 0
            return
        for move in touched.moves:
            self._move(move)
        for fact in touched.facts:
            self._exchange(fact)
        came = {(fact.key, fact.entity_id) for fact in touched.facts if fact.came}
        for fact in touched.facts:
            if not fact.came and (fact.key, fact.entity_id) not in came:
                self._drop(Present(fact.key))  # for it may have another value of the key
        keys = {fact.key for fact in touched.facts}
        for view in [*self._kept]:
            if not isinstance(view, Values | Spelled) or view.projects is None:
                continue
            if touched.moves or view.key in keys or view.key in touched.differing:
                self._drop(view)

    def _move(self, move: Move) -> None:
        if projects := self._kept.get(Projects()):
            if move.before in projects[0]:  # it is not, when it was read as it is after the change
                projects[0][move.before].discard(move.entity_id)
            if move.after is not None:
                projects[0].setdefault(move.after, BitMap()).add(move.entity_id)
        if (refs := self._kept.get(Values(REF))) and None in (move.before, move.after):
            refs[0].change(move.ref, move.entity_id, came=move.before is None)

    def _exchange(self, fact: Fact) -> None:
        key, value, spelled, entity_id, came = fact
        if term := self._kept.get(Term(key, value)):
            (term[0].add if came else term[0].discard)(entity_id)
        self._drop(Term(key, value, listed=True))
        if came and (present := self._kept.get(Present(key))):
            present[0].add(entity_id)
        if value == NOTHING:
            return
        if column := self._kept.get(Values(key)):
            column[0].change(value, entity_id, came=came)
        if numbers := self._kept.get(Values(key, by_number=True)):
            numbers[0].change(sortable(value), entity_id, came=came)
        if spellings := self._kept.get(Spelled(key)):
            spellings[0].change(spelled, entity_id, came=came)

    def _keep(self, view: View, content: Any) -> None:
        self._drop(view)
        weight = _weight(content)
        if isinstance(view, Projects):
            entities = sum(map(len, content.values()))
            self._weight_max = max(WEIGHT_MAX, WEIGHT_OF_ENTITY_MAX * entities)
        self._kept[view] = (content, weight)
        self._weight += weight
        while self._weight > self._weight_max:
            _, (_, gone) = self._kept.popitem(last=False)
            self._weight -= gone

    def _drop(self, view: View) -> None:
        if gone := self._kept.pop(view, None):
            self._weight -= gone[1]


def _weight(content: Any) -> int:
    if isinstance(content, Column | Spellings):
        return content.weight
    sets: Sequence[BitMap] = [content] if isinstance(content, BitMap) else [*content.values()]
    return sum(150 + 2 * len(one) for one in sets)


def _read(views: Sequence[View], connection: apsw.Connection) -> list[Any]:
    return [_READ[type(view)](connection, view) for view in views]


def _key(connection: apsw.Connection, key: str) -> int:
    row = connection.execute("SELECT id FROM fact_key WHERE key = ?", (key,)).fetchone()
    return row[0] if row else -1


def _read_term(connection: apsw.Connection, view: Term) -> BitMap:
    listed = " AND listed" if view.listed else ""
    rows = connection.execute(
        f"SELECT entity FROM fact WHERE key = ? AND value = ?{listed}",
        (_key(connection, view.key), view.value),
    )
    return BitMap([row[0] for row in rows])


def _read_present(connection: apsw.Connection, view: Present) -> BitMap:
    rows = connection.execute(
        "SELECT entity FROM fact WHERE key = ?", (_key(connection, view.key),)
    )
    return BitMap([row[0] for row in rows])


def _facts(connection: apsw.Connection, view: Values | Spelled) -> Iterable[tuple[str, str, int]]:
    """Value, spelling and entity, in the order of values.

    For somebody who does not see everything, values that name entities which they may not see are
    not there; and what is computed of more than all may see is as they see it.
    """
    condition, parameters = "1 = 1", []
    if view.projects is not None and view.key.startswith(RELATIONS):
        parameters = ["", *sorted(view.projects)]
        condition = (
            "NOT EXISTS (SELECT 1 FROM entity WHERE entity.ref = fact.value"
            f" AND entity.project NOT IN ({marks(parameters)}))"
        )
    elif view.projects is not None:
        condition = "entity NOT IN (SELECT entity FROM entity_computed WHERE beyond)"
    rows: Iterable[tuple[str, str, int]] = connection.execute(
        "SELECT value, coalesce(spelled, value), entity FROM fact WHERE key = ? AND value <> ?"
        f" AND {condition} ORDER BY value, entity",
        (_key(connection, view.key), NOTHING, *parameters),
    )
    if view.projects is None or not view.key.startswith(COMPUTED):
        return rows
    seen = differing_facts(connection, view.key, view.projects)
    return sorted((*rows, *seen), key=itemgetter(0, 2))


def _read_column(connection: apsw.Connection, view: Values) -> Column:
    if view.key == REF:
        return Column(connection.execute("SELECT ref, entity FROM entity_answer ORDER BY ref"))
    facts = ((value, entity_id) for value, _, entity_id in _facts(connection, view))
    if not view.by_number:
        return Column(facts)
    return Column(sorted((sortable(value), entity_id) for value, entity_id in facts))


def _read_spelled(connection: apsw.Connection, view: Spelled) -> Spellings:
    field = view.key.removeprefix(FIELD)
    rows: Iterable[tuple[str, int]]
    if field not in FIELDS or field == view.key:
        rows = ((spelled, entity_id) for _, spelled, entity_id in _facts(connection, view))
    elif field == TAG:
        rows = connection.execute("SELECT tag, entity FROM entity_tag")
    else:
        rows = connection.execute(f"SELECT {field}, id FROM entity")
    found: dict[str, list[int]] = {}
    for value, entity_id in rows:
        found.setdefault(value, []).append(entity_id)
    return Spellings({value: BitMap(ids) for value, ids in found.items()})


def sortable(value: str) -> str:
    """A text that is among others where a number is among numbers; other texts come after them."""
    try:
        number = float(value)
    except ValueError:
        return f"1{value}"
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    ordered = bits ^ (_ALL_BITS if bits & _SIGN else _SIGN)
    return f"0{ordered:016x}"


def _read_projects(connection: apsw.Connection, _: Projects) -> dict[str, BitMap]:
    found: dict[str, list[int]] = {}
    for project, entity_id in connection.execute("SELECT project, entity FROM entity_answer"):
        found.setdefault(project, []).append(entity_id)
    return {project: BitMap(ids) for project, ids in found.items()}


_READ: dict[type, Callable[[apsw.Connection, Any], Any]] = {
    Term: _read_term,
    Present: _read_present,
    Values: _read_column,
    Spelled: _read_spelled,
    Projects: _read_projects,
}

"""What is kept in memory of the facts, so that a question is answered by sets and not by rows.

A *term* is the set of entities with one value of a key; a *column* is all values of a key, in
order; *spellings* are its values as written, each with its set. They are read from the table when
first asked for, changed or dropped with what a transaction touched, and bounded: the longest unused
goes. Who may see what is a set too, with which every selection begins.

Everything here runs on the loop but what reads from the table, in a reader's thread. What was being
read while something changed is read again.
"""

# ruff: noqa: S608 - what is put into the SQL is constants and question marks, never a value.

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import apsw
from pyroaring import BitMap

from towpath.records.browsing import marks
from towpath.records.database import Database
from towpath.records.flattening import NOTHING
from towpath.records.questions import REF
from towpath.records.stitching import Touched

WEIGHT_MAX = 16_000_000
"""About the bytes of all that is kept."""

TRIES = 3
RELATIONS = "relations."


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
    """Of the viewer, where values name entities that may be hidden; else None."""


@dataclass(frozen=True, slots=True)
class Spelled:
    key: str
    projects: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Projects:
    """The entities of each project."""


View = Term | Present | Values | Spelled | Projects
Hand = Mapping[View, Any]
"""What a question is answered from: BitMap, Column, or BitMaps by value."""


class Column:
    """Values and entities side by side, sorted by value and then by entity."""

    def __init__(self, rows: Iterable[tuple[str, int]]) -> None:
        pairs = [*rows]
        self.values = [value for value, _ in pairs]
        self.entities = array("I", [entity_id for _, entity_id in pairs])
        self.having = BitMap(self.entities)
        self._first = {entity_id: value for value, entity_id in reversed(pairs)}
        self._text = ""
        self._begins = array("Q")

    @property
    def weight(self) -> int:
        return 240 * len(self.values)

    @property
    def is_single(self) -> bool:
        """Whether no entity has several values."""
        return len(self._first) == len(self.values)

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

    def matching(self, pattern: re.Pattern[str]) -> BitMap:
        """The entities with a value that the pattern matches: one search through one long text.

        Between two values is what no pattern matches.
        """
        if not self._begins:
            self._text = NOTHING.join(self.values)
            lengths = (len(value) + 1 for value in self.values)
            self._begins = array("Q", accumulate(lengths, initial=0))
        begins = self._begins
        rows = {bisect_right(begins, found.start()) - 1 for found in pattern.finditer(self._text)}
        return BitMap([self.entities[row] for row in rows if row < len(self.entities)])

    def change(self, value: str, entity_id: int, *, came: bool) -> None:
        """An entity has a value now, or has it no more."""
        position = self.position(value, entity_id)
        is_there = self.entities[position : position + 1] == array("I", [entity_id]) and (
            self.values[position] == value
        )
        if is_there == came:
            return
        self._text, self._begins = "", array("Q")
        if came:
            self.values.insert(position, value)
            self.entities.insert(position, entity_id)
            self.having.add(entity_id)
            self._first[entity_id] = min(value, self._first.get(entity_id, value))
            return
        del self.values[position]
        del self.entities[position]
        self._forget(value, entity_id)

    def _forget(self, value: str, entity_id: int) -> None:
        was_single = len(self._first) == len(self.values) + 1
        if self._first[entity_id] != value:
            return
        others = () if was_single else self.entities
        rest = [self.values[position] for position, one in enumerate(others) if one == entity_id]
        if rest:
            self._first[entity_id] = rest[0]
        else:
            del self._first[entity_id]
            self.having.discard(entity_id)


class Columns:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[View, tuple[Any, int]] = OrderedDict()
        self._weight = 0
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
        if touched.projects:
            self._drop(Projects())
            self._drop(Values(REF))
        keys = set()
        for key, value, entity_id, came in touched.facts:
            keys.add(key)
            if term := self._kept.get(Term(key, value)):
                (term[0].add if came else term[0].discard)(entity_id)
            if value != NOTHING and (column := self._kept.get(Values(key))):
                column[0].change(value, entity_id, came=came)
            self._drop(Term(key, value, listed=True))
        for view in [*self._kept]:
            of_some = isinstance(view, Values | Spelled) and view.projects is not None
            of_key = isinstance(view, Present | Spelled) and view.key in keys
            if of_some or of_key:
                self._drop(view)

    def _keep(self, view: View, content: Any) -> None:
        self._drop(view)
        weight = _weight(content)
        self._kept[view] = (content, weight)
        self._weight += weight
        while self._weight > WEIGHT_MAX:
            _, (_, gone) = self._kept.popitem(last=False)
            self._weight -= gone

    def _drop(self, view: View) -> None:
        if gone := self._kept.pop(view, None):
            self._weight -= gone[1]


def _weight(content: Any) -> int:
    if isinstance(content, Column):
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


def _without_hidden(view: Values | Spelled) -> tuple[str, list[str]]:
    """Values that name entities which the viewer may not see are not there for them."""
    if view.projects is None:
        return "1 = 1", []
    projects = ["", *sorted(view.projects)]
    return (
        "NOT EXISTS (SELECT 1 FROM entity WHERE entity.ref = fact.value"
        f" AND entity.project NOT IN ({marks(projects)}))",
        projects,
    )


def _read_column(connection: apsw.Connection, view: Values) -> Column:
    if view.key == REF:
        return Column(connection.execute("SELECT ref, entity FROM entity_answer ORDER BY ref"))
    condition, projects = _without_hidden(view)
    return Column(
        connection.execute(
            "SELECT value, entity FROM fact WHERE key = ? AND value <> ?"
            f" AND {condition} ORDER BY value, entity",
            (_key(connection, view.key), NOTHING, *projects),
        )
    )


def _read_spelled(connection: apsw.Connection, view: Spelled) -> dict[str, BitMap]:
    condition, projects = _without_hidden(view)
    found: dict[str, list[int]] = {}
    for value, entity_id in connection.execute(
        "SELECT coalesce(spelled, value), entity FROM fact"
        f" WHERE key = ? AND value <> ? AND {condition}",
        (_key(connection, view.key), NOTHING, *projects),
    ):
        found.setdefault(value, []).append(entity_id)
    return {value: BitMap(ids) for value, ids in found.items()}


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

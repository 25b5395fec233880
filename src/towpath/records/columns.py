"""What is kept in memory of the facts, so that a question is answered by sets and not by rows.

A *term* is the set of entities with one value of a key; a *column* is all values of a key, in
order; *spellings* are its values as written, each with its set. They are read from the table when
first asked for, changed or dropped with what a transaction touched, and bounded: the longest unused
goes. Who may see what is a set too, with which every selection begins.

Everything here runs on the loop but `read_*`, which get a connection in a reader's thread. What was
being read while something changed is read again.
"""

# ruff: noqa: S608 - what is put into the SQL is constants and question marks, never a value.

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from towpath.records.viewers import Viewer

WEIGHT_MAX = 16_000_000
"""About the bytes of all that is kept."""

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


class Column:
    """Values and entities side by side, sorted by value and then by entity."""

    def __init__(self, rows: Iterable[tuple[str, int]]) -> None:
        pairs = [*rows]
        self.values = [value for value, _ in pairs]
        self.entities = array("I", [entity_id for _, entity_id in pairs])
        self.having = BitMap(self.entities)
        self.is_single = len(self.having) == len(pairs)
        """Whether no entity has several values."""
        self._rank = array("l", [-1]) * (self.having.max() + 1 if self.having else 0)
        for position in range(len(pairs) - 1, -1, -1):
            self._rank[self.entities[position]] = position
        self._text = NOTHING.join(self.values)
        self._begins = array("I", accumulate((len(value) + 1 for value in self.values), initial=0))

    @property
    def weight(self) -> int:
        return 160 * len(self.values)

    def rank(self, entity_id: int) -> int:
        """Where the entity stands, with the first of its values; it must have one."""
        return self._rank[entity_id]

    def value(self, entity_id: int) -> str:
        """The first of its values; it must have one."""
        return self.values[self._rank[entity_id]]

    def position(self, value: str, entity_id: int) -> int:
        """Of that entity with that value, or where it would be."""
        first = bisect_left(self.values, value)
        return bisect_left(self.entities, entity_id, first, bisect_right(self.values, value, first))

    def beginning(self, prefix: str) -> BitMap:
        first = bisect_left(self.values, prefix)
        return BitMap(self.entities[first : bisect_left(self.values, prefix + "\U0010ffff", first)])

    def containing(self, part: str) -> BitMap:
        """The entities with a value that contains the part: one search through one long text."""
        return self._at(self._found(part))

    def matching(self, pattern: re.Pattern[str]) -> BitMap:
        """The same for a pattern that matches within one value."""
        return self._at(found.start() for found in pattern.finditer(self._text))

    def _found(self, part: str) -> Iterator[int]:
        position = -1 if NOTHING in part else self._text.find(part)
        while position >= 0:
            yield position
            position = self._text.find(part, position + 1)

    def _at(self, positions: Iterable[int]) -> BitMap:
        rows = {bisect_right(self._begins, position) - 1 for position in positions}
        return BitMap([self.entities[row] for row in rows if row < len(self.entities)])


@dataclass(slots=True)
class _Kept:
    content: Any
    weight: int


class Columns:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[View, _Kept] = OrderedDict()
        self._weight = 0
        self.revision = 0

    async def need(self, views: Iterable[View]) -> None:
        """Have these at hand when it returns, and as long as nobody is waited for."""
        while missing := [view for view in dict.fromkeys(views) if view not in self._kept]:
            revision = self.revision
            read = await self._database.read(partial(_read, missing))
            if revision == self.revision:
                for view, content in zip(missing, read, strict=True):
                    self._keep(view, content)

    def term(self, key: str, value: str, *, listed: bool = False) -> BitMap:
        content = self._get(Term(key, value, listed))
        assert isinstance(content, BitMap)
        return content

    def present(self, key: str) -> BitMap:
        content = self._get(Present(key))
        assert isinstance(content, BitMap)
        return content

    def column(self, view: Values) -> Column:
        content = self._get(view)
        assert isinstance(content, Column)
        return content

    def spelled(self, view: Spelled) -> dict[str, BitMap]:
        content = self._get(view)
        assert isinstance(content, dict)
        return content

    def visible(self, viewer: Viewer) -> BitMap:
        """The entities that the viewer may see."""
        projects = self._get(Projects())
        assert isinstance(projects, dict)
        if viewer.projects is None:
            chosen = [*projects.values()]
        else:
            chosen = [projects[name] for name in ("", *viewer.projects) if name in projects]
        return BitMap.union(*chosen) if chosen else BitMap()

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
            term = self._kept.get(Term(key, value))
            if term is not None:
                (term.content.add if came else term.content.discard)(entity_id)
            self._drop(Term(key, value, listed=True))
        for view in [*self._kept]:
            if isinstance(view, Term | Projects):
                continue
            of_some = isinstance(view, Values | Spelled) and view.projects is not None
            if of_some or view.key in keys:
                self._drop(view)

    def _get(self, view: View) -> Any:
        self._kept.move_to_end(view)
        return self._kept[view].content

    def _keep(self, view: View, content: Any) -> None:
        weight = _weight(content)
        self._kept[view] = _Kept(content, weight)
        self._weight += weight
        while self._weight > WEIGHT_MAX and len(self._kept) > _VIEWS_MIN:
            _, gone = self._kept.popitem(last=False)
            self._weight -= gone.weight

    def _drop(self, view: View) -> None:
        gone = self._kept.pop(view, None)
        if gone is not None:
            self._weight -= gone.weight


_VIEWS_MIN = 64
"""More than one question needs: what it has just read stays until it is answered."""


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
    for project, entity_id in connection.execute("SELECT project, id FROM entity"):
        found.setdefault(project, []).append(entity_id)
    return {project: BitMap(ids) for project, ids in found.items()}


_READ: dict[type, Callable[[apsw.Connection, Any], Any]] = {
    Term: _read_term,
    Present: _read_present,
    Values: _read_column,
    Spelled: _read_spelled,
    Projects: _read_projects,
}

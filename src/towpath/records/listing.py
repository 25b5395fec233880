"""Lists of the catalogue: which entities a filter means for a viewer, a page of them, and counts.

Fields are sets like facts: filtering and counting costs little, however many entities there are.
A page is read in the order of an index until it is full; few entities are rather sorted.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from operator import and_

import apsw
from pyroaring import BitMap

from towpath.records.answering import Answering, seen_numbers, seen_spellings, union, views
from towpath.records.browsing import (
    FIELD,
    FIELDS,
    Order,
    column_of,
    entities,
    fields_condition,
    marks,
    visibility,
)
from towpath.records.catalog_contract import EntityFilter, EntityPage
from towpath.records.columns import Hand, View
from towpath.records.database import Row
from towpath.records.finding import fitting
from towpath.records.properties import COMPUTED
from towpath.records.questions import EVERYTHING, By, Question
from towpath.records.spelling import as_meant
from towpath.records.texts import match_of
from towpath.records.viewers import Viewer

FEW = 2000
"""So many entities are read and sorted; more are looked for in their order."""


def views_of_list(
    viewer: Viewer, where: EntityFilter, *, sort: str = "", counted: Sequence[str] = ()
) -> Iterator[View]:
    """What must be at hand."""
    yield from views(viewer, Question(where.meets))
    for name in where.fields:
        if key := _key(name):
            yield seen_spellings(viewer, key)
    for name in counted:
        yield seen_spellings(viewer, _counted(name))
    by = sort.removeprefix("-")
    if by.startswith(COMPUTED):
        yield seen_numbers(viewer, by)


def _key(name: str) -> str:
    """ "" for a field that is looked up in its index each time."""
    if name.startswith(COMPUTED):
        return name
    return f"{FIELD}{name}" if name in FIELDS else ""


def _counted(name: str) -> str:
    if not (key := _key(name)):
        known = ", ".join(FIELDS)
        raise ValueError(f"{name!r} is not counted; these fields are: {known}")
    return key


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What of a filter is found by rows."""

    where: EntityFilter
    """As it is meant."""
    sets: Mapping[str, BitMap]
    texts: BitMap | None


def look_up(connection: apsw.Connection, viewer: Viewer, where: EntityFilter) -> LookedUp:
    meant = replace(where, text=as_meant(connection, viewer, where.text)) if where.text else where
    sets = {}
    for name, values in where.fields.items():
        if not _key(name):
            sql = f"SELECT id FROM entity WHERE {column_of(name)} IN ({marks(values)})"
            sets[name] = BitMap([row[0] for row in connection.execute(sql, tuple(values))])
    match = match_of(viewer, meant.text)
    if not match:
        return LookedUp(meant, sets, None)
    sql = "SELECT rowid FROM entity_text WHERE entity_text MATCH ?"
    return LookedUp(meant, sets, BitMap([row[0] for row in connection.execute(sql, (match,))]))


class Listing:
    """What a filter means for a viewer. On the loop, where the sets change."""

    def __init__(self, hand: Hand, viewer: Viewer, looked_up: LookedUp) -> None:
        self._answering = Answering(hand, viewer)
        self._within = self._answering.chosen(looked_up.where.meets)
        if looked_up.texts is not None:
            self._within &= looked_up.texts
        self._sets = dict(looked_up.sets)
        for name, values in looked_up.where.fields.items():
            if key := _key(name):
                self._sets[name] = self._being(key, values)

    def _being(self, key: str, values: Sequence[str]) -> BitMap:
        known = self._answering.spellings(key)
        found = union(known.ids[one] for one in values if one in known.ids)
        if key.startswith(COMPUTED) and "" in values:
            found |= self._answering.visible() - known.having
        return found

    def chosen(self) -> BitMap:
        return reduce(and_, self._sets.values(), self._within)

    def count(self, name: str, *, empty: bool) -> dict[str, int]:
        """Of the filtered set, without a filter on the counted field itself."""
        others = (ids for field, ids in self._sets.items() if field != name)
        chosen = reduce(and_, others, self._within)
        known = self._answering.spellings(_counted(name))
        counts = {value: count for value, count in known.counted(chosen) if value or empty}
        if empty and name.startswith(COMPUTED) and (without := len(chosen - known.having)):
            counts[""] = without
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    def computed_rows(self, order: Order, wanted: int) -> list[Row]:
        """In the order of a computed property."""
        by = By(order.by, order.downwards)
        question = Question(order=(by,), after=order.place)
        ids = islice(self._answering.in_order(question, self.chosen()), wanted)
        places = ((self._answering.place(question, one), one) for one in ids)
        return [(place.value, place.number, one) for place, one in places]


@dataclass(frozen=True, slots=True)
class Reading:
    """A page's rows: what they are sorted by, and their numbers. In one snapshot."""

    connection: apsw.Connection
    viewer: Viewer
    where: EntityFilter
    chosen: BitMap
    order: Order

    def rows(self, wanted: int) -> list[Row]:
        if self.order.ranked:
            return self._ranked(wanted)
        return (self._sorted if len(self.chosen) <= FEW else self._along)(wanted)

    def _ranked(self, wanted: int) -> list[Row]:
        """As search finds them; then whatever fits too, as it came."""
        skipped = self.order.skipped
        ids = fitting(self.connection, self.viewer, self.where, skipped + wanted)
        found = dict.fromkeys(one for one in ids if one in self.chosen)
        if len(found) < skipped + wanted:
            rest = (one for one in self.chosen if one not in found)
            found |= dict.fromkeys([*islice(rest, skipped + wanted - len(found))])
        ordered = [*found][skipped : skipped + wanted]
        return [(place, one) for place, one in enumerate(ordered, start=skipped + 1)]

    def _sorted(self, wanted: int) -> list[Row]:
        begins, after = self.order.beginning()
        may_see, projects = visibility(self.viewer, "+entity")
        return self.connection.execute(
            f"SELECT {', '.join(self.order.terms)}, entity.id FROM entity"
            f" WHERE entity.id IN (SELECT value FROM json_each(?)) AND {begins} AND {may_see}"
            f" ORDER BY {self.order.sql} LIMIT ?",
            (str([*self.chosen]), *after, *projects, wanted),
        ).fetchall()

    def _along(self, wanted: int) -> list[Row]:
        begins, after = self.order.beginning()
        may_see, projects = visibility(self.viewer)
        fits, values = fields_condition(self.where)
        names = self.where.fields
        by_facts = self.where.meets != EVERYTHING or any(one.startswith(COMPUTED) for one in names)
        are_all_chosen = not self.where.text and not by_facts
        rows: Iterator[Row] = self.connection.execute(
            f"SELECT {', '.join(self.order.terms)}, entity.id FROM entity"
            f" WHERE {may_see} AND {fits} AND {begins} ORDER BY {self.order.sql}"
            " LIMIT ?",
            [*projects, *values, *after, wanted if are_all_chosen else -1],
        )
        return [*islice((row for row in rows if row[-1] in self.chosen), wanted)]


def page_of(
    connection: apsw.Connection, rows: Sequence[Row], order: Order, limit: int, total: int
) -> EntityPage:
    """What belongs to the few that are shown; there is a row more when more follow."""
    shown = rows[:limit]
    token = order.token(shown[-1][:-1]) if len(rows) > limit else ""
    return EntityPage(entities(connection, [row[-1] for row in shown]), total, token)

"""Search: the entities that are meant by some words, the best first.

What is called just so, what is called something that begins so, what has all words in its name and
title, then anywhere, whole words before beginnings. Of each of these the first hundreds are ranked
among themselves, by kind and the shorter name first: more is not looked at, so that it costs nearly
the same however many fit. Only when nothing fits is a word taken for a mistyped one.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import apsw

from towpath.records.browsing import fields_condition, marks, visibility
from towpath.records.catalog_contract import EntityFilter, Finding
from towpath.records.database import Row, Value
from towpath.records.spelling import as_meant
from towpath.records.texts import NAMES, match_of, words_in
from towpath.records.viewers import Viewer

RANKED_MAX = 200
KINDS = ("component", "system", "api", "resource", "group", "user")
"""What people look for most comes first."""
_RANK = "CASE substr(ref, 1, instr(ref, ':') - 1) {} ELSE {} END, length(name), name, ref".format(
    " ".join(f"WHEN '{kind}' THEN {rank}" for rank, kind in enumerate(KINDS)), len(KINDS)
)
_LAST = "\U0010ffff"
_SHOWN = (
    "id, ref, kind, namespace, name, title, description, type, owner, lifecycle, project, workload,"
    " health, descriptor"
)


def find(
    connection: apsw.Connection, viewer: Viewer, where: EntityFilter, *, limit: int, skip: int
) -> list[Finding]:
    """As it is typed."""
    ids = _Finding(connection, viewer, where, skip + limit).ids()
    return _shown(connection, viewer, ids[skip : skip + limit])


def find_meant(
    connection: apsw.Connection, viewer: Viewer, where: EntityFilter, *, limit: int, skip: int
) -> list[Finding]:
    """As it may have been meant, when nothing is found as it is typed."""
    meant = as_meant(connection, viewer, where.text)
    if meant == where.text:
        return []
    return find(connection, viewer, replace(where, text=meant), limit=limit, skip=skip)


def fitting(
    connection: apsw.Connection, viewer: Viewer, where: EntityFilter, wanted: int
) -> list[int]:
    """The entities themselves, at least so many of those that are ranked."""
    return _Finding(connection, viewer, where, wanted).ids()


@dataclass(frozen=True, slots=True)
class _Finding:
    connection: apsw.Connection
    viewer: Viewer
    where: EntityFilter
    wanted: int

    def ids(self) -> list[int]:
        text = self.where.text.strip()
        if not words_in(text):
            return [] if text else self._called("")
        found = dict.fromkeys(self._called(text.lower()))
        for within, begun in ((NAMES, False), (NAMES, True), ("", False), ("", True)):
            if len(found) >= self.wanted:
                break
            asked = _begun(text) if begun else text
            if match := match_of(self.viewer, asked, within, begun):
                found.update(dict.fromkeys(self._fitting(match)))
        return [*found]

    def _called(self, name: str) -> list[int]:
        """Whose name begins so."""
        condition, parameters = fields_condition(self.where)
        projects = self.viewer.projects
        # Project by project, each in the order of its index.
        places: Sequence[tuple[str, Sequence[str]]] = (
            [("", ())]
            if projects is None
            else [(" AND project = ?", (of,)) for of in ("", *projects)]
        )
        parts: list[str] = []
        values: list[Value] = []
        for of_project, project in places:
            parts.append(
                "SELECT * FROM (SELECT id, name, ref FROM entity"
                f" WHERE name >= ? AND name < ?{of_project} AND {condition}"
                " ORDER BY name, ref LIMIT ?)"
            )
            values += [name, name + _LAST, *project, *parameters, self._considered]
        sql = f"{' UNION ALL '.join(parts)} ORDER BY name, ref"
        return (
            self._ranked(sql, values, name) if name else self._read(sql, values, self._considered)
        )

    def _fitting(self, match: str) -> list[int]:
        condition, parameters = fields_condition(self.where)
        sql = (
            "SELECT entity.id, entity.name, entity.ref FROM entity_text"
            " JOIN entity ON entity.id = entity_text.rowid"
            f" WHERE entity_text MATCH ? AND {condition}"
        )
        return self._ranked(sql, [match, *parameters], "")

    @property
    def _considered(self) -> int:
        return max(RANKED_MAX, self.wanted)

    def _ranked(self, sql: str, parameters: Sequence[Value], called: str) -> list[int]:
        """The first ones among themselves, so that a longer page begins as a shorter one does."""
        # Without the offset SQLite goes on through all that fits, for nothing.
        first = f"SELECT id FROM ({sql} LIMIT {RANKED_MAX} OFFSET 0) ORDER BY name <> ?, {_RANK}"
        rows: list[Row] = self.connection.execute(first, [*parameters, called]).fetchall()
        ids = [row[0] for row in rows]
        if len(ids) < RANKED_MAX or self.wanted <= RANKED_MAX:
            return ids
        return ids + self._read(sql, parameters, self.wanted - RANKED_MAX, skip=RANKED_MAX)

    def _read(
        self, sql: str, parameters: Sequence[Value], limit: int, *, skip: int = 0
    ) -> list[int]:
        paged = f"SELECT id FROM ({sql} LIMIT ? OFFSET ?)"
        rows: list[Row] = self.connection.execute(paged, [*parameters, limit, skip]).fetchall()
        return [row[0] for row in rows]


def _begun(text: str) -> str:
    """Without single letters, which begin too many words: at the end it is still being typed."""
    return " ".join(word for word in words_in(text) if len(word) > 1)


def _shown(connection: apsw.Connection, viewer: Viewer, ids: Sequence[int]) -> list[Finding]:
    may_see, projects = visibility(viewer, "+entity")  # a condition, and no index to go by
    rows: Iterable[Row] = connection.execute(
        f"SELECT {_SHOWN} FROM entity WHERE id IN ({marks(ids)}) AND {may_see}",
        [*ids, *projects],
    )
    found = {row[0]: Finding._make(row[1:]) for row in rows}
    return [found[one] for one in ids if one in found]

"""Scores over SQLite: how each entity does on each scorecard now, and every change of its level.

Only changes are kept, so a platform where nothing changes writes nothing; how things stood on a day
is what the last change before its end said.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import apsw
import orjson

from towpath.records.changes import Changes
from towpath.records.database import Database, Row, Value
from towpath.records.scoring import Day, RuleVerdict, Score, ScoreFilter, ScorePage, Standing
from towpath.records.viewers import Viewer

T = TypeVar("T")

NEWS = "scores"
"""The noun of its changes."""
KEPT_DAYS = 400
_COLUMNS = "scorecard, ref, title, project, owner, level, rank, passed, verdicts, since_s"
SUMS_MAX = 1000
_GONE = -1
"""The rank in the history of an entity that is judged no more."""


class SqliteScores:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._sums: dict[Hashable, Any] = {}

    async def settle(self, ref: str, scores: Sequence[Score]) -> bool:
        projects = await self._database.write(
            lambda connection: _settle(connection, ref, scores, time.time())
        )
        if projects:
            self._sums = {}
        for project in projects:
            self._changes.publish(NEWS, project)
        return bool(projects)

    async def forget(self, scorecard: str) -> None:
        def delete(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM score WHERE scorecard = ?", (scorecard,))
            connection.execute("DELETE FROM score_change WHERE scorecard = ?", (scorecard,))

        await self._database.write(delete)
        self._sums = {}
        self._changes.publish(NEWS, "")

    async def refs(self) -> list[str]:
        rows = await self._database.fetch("SELECT DISTINCT ref FROM score")
        return [ref for (ref,) in rows]

    async def scorecards(self) -> list[str]:
        rows = await self._database.fetch("SELECT DISTINCT scorecard FROM score")
        return [name for (name,) in rows]

    async def of(self, viewer: Viewer, ref: str) -> list[Score]:
        may_see, projects = _visible(viewer)
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS} FROM score WHERE ref = ? AND {may_see} ORDER BY scorecard",
            (ref, *projects),
        )
        return [_score(row) for row in rows]

    async def find(
        self, viewer: Viewer, where: ScoreFilter, *, limit: int = 100, offset: int = 0
    ) -> ScorePage:
        condition, values = _condition(viewer, where)

        def select(connection: apsw.Connection) -> ScorePage:
            (total,) = next(
                connection.execute(f"SELECT count(*) FROM score WHERE {condition}", values)
            )
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM score WHERE {condition}"
                " ORDER BY rank, passed, title, ref LIMIT ? OFFSET ?",
                [*values, limit, offset],
            )
            return ScorePage([_score(row) for row in rows], total)

        return await self._database.read(select)

    async def standings(self, viewer: Viewer, where: ScoreFilter) -> list[Standing]:
        asked = ("standings", viewer.projects, where)
        return await self._summed(asked, lambda: self._standings(viewer, where))

    async def rules(self, viewer: Viewer, where: ScoreFilter) -> dict[str, dict[str, int]]:
        asked = ("rules", viewer.projects, where)
        return await self._summed(asked, lambda: self._rules(viewer, where))

    async def days(self, viewer: Viewer, where: ScoreFilter, days: int) -> list[Day]:
        now = datetime.now(UTC)
        asked = ("days", viewer.projects, where, days, now.date())
        return await self._summed(asked, lambda: self._days(viewer, where, days, now))

    async def _summed(self, asked: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """A sum over all scores stands until one changes; many people look at it meanwhile."""
        sums = self._sums
        if asked not in sums:
            found = await read()
            # What was begun before a change is put where nobody looks any more.
            if len(sums) < SUMS_MAX:
                sums[asked] = found
            return found
        known: T = sums[asked]
        return known

    async def _standings(self, viewer: Viewer, where: ScoreFilter) -> list[Standing]:
        condition, values = _condition(viewer, where)
        rows = await self._database.fetch(
            "SELECT owner, rank, count(*), sum(passed), sum(json_array_length(verdicts))"
            f" FROM score WHERE {condition} GROUP BY owner, rank",
            values,
        )
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(row)
        standings = [
            Standing(
                owner,
                {rank: count for _, rank, count, _, _ in of},
                sum(row[3] for row in of),
                sum(row[4] for row in of),
            )
            for owner, of in found.items()
        ]
        return sorted(standings, key=lambda one: (-sum(one.ranks.values()), one.owner))

    async def _rules(self, viewer: Viewer, where: ScoreFilter) -> dict[str, dict[str, int]]:
        condition, values = _condition(viewer, where)
        rows = await self._database.fetch(
            "SELECT json_extract(one.value, '$[0]'), json_extract(one.value, '$[1]'), count(*)"
            f" FROM score, json_each(score.verdicts) AS one WHERE {condition} GROUP BY 1, 2",
            values,
        )
        found: dict[str, dict[str, int]] = {}
        for rule, outcome, count in rows:
            found.setdefault(rule, {})[outcome] = count
        return found

    async def _days(
        self, viewer: Viewer, where: ScoreFilter, days: int, now: datetime
    ) -> list[Day]:
        asked = ScoreFilter(where.scorecard, where.owners, project=where.project)
        condition, values = _condition(viewer, asked, table="score_change")
        rows = await self._database.fetch(
            f"SELECT ref, time_s, rank FROM score_change WHERE {condition} ORDER BY time_s, id",
            values,
        )
        return _by_day(rows, now, days)


def _by_day(changes: Sequence[Row], now: datetime, days: int) -> list[Day]:
    """One pass over all changes, in the order of time."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    standing: dict[str, int] = {}
    found: list[Day] = []
    at = 0
    for back in range(days - 1, -1, -1):
        morning = today - timedelta(days=back)
        end_s = (morning + timedelta(days=1)).timestamp()
        while at < len(changes) and changes[at][1] < end_s:
            ref, _, rank = changes[at]
            standing[ref] = rank
            at += 1
        ranks = Counter(rank for rank in standing.values() if rank != _GONE)
        found.append(Day(f"{morning:%Y-%m-%d}", dict(ranks)))
    return found


def _visible(viewer: Viewer) -> tuple[str, list[Value]]:
    if viewer.projects is None:
        return "1 = 1", []
    projects: list[Value] = ["", *sorted(viewer.projects)]
    return f"project IN ({', '.join('?' * len(projects))})", projects


def _condition(
    viewer: Viewer, where: ScoreFilter, *, table: str = "score"
) -> tuple[str, list[Value]]:
    condition, values = _visible(viewer)
    condition = f"{condition} AND scorecard = ?"
    values.append(where.scorecard)
    if where.owners:
        condition += f" AND owner IN ({', '.join('?' * len(where.owners))})"
        values += where.owners
    if where.project:
        condition += " AND project = ?"
        values.append(where.project)
    if where.rank is not None:
        condition += " AND rank = ?"
        values.append(where.rank)
    if where.below is not None:
        condition += " AND rank < ?"
        values.append(where.below)
    if where.failing:
        condition += (
            f" AND (SELECT count(*) FROM json_each({table}.verdicts) AS asked"
            f" WHERE json_extract(asked.value, '$[0]') IN ({', '.join('?' * len(where.failing))})"
            " AND json_extract(asked.value, '$[1]') = 'Passed') < ?"
        )
        values += [*where.failing, len(where.failing)]
    return condition, values


def _score(row: Row) -> Score:
    scorecard, ref, title, project, owner, level, rank, passed, verdicts, since_s = row
    found = tuple(RuleVerdict(*one) for one in orjson.loads(verdicts))
    return Score(scorecard, ref, title, project, owner, level, rank, passed, found, since_s)


def _told(score: Score) -> str:
    return orjson.dumps([[one.rule, one.outcome, one.sentence] for one in score.verdicts]).decode()


def _settle(
    connection: apsw.Connection, ref: str, scores: Sequence[Score], now_s: float
) -> set[str]:
    """The projects whose viewers see something else now."""
    known = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT scorecard, title, project, owner, level, rank, passed, verdicts, since_s"
            " FROM score WHERE ref = ?",
            (ref,),
        )
    }
    changed: set[str] = set()
    remembered: list[tuple[str, str, str, int]] = []
    for score in scores:
        before = known.pop(score.scorecard, None)
        new = (score.title, score.project, score.owner, score.level, score.rank, score.passed)
        row = (*new, _told(score))
        if before is not None and before[:-1] == row:
            continue
        changed.add(score.project)
        same_level = before is not None and before[4] == score.rank
        since_s = before[-1] if before is not None and same_level else now_s
        connection.execute(
            f"INSERT OR REPLACE INTO score ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (score.scorecard, ref, *row, since_s),
        )
        if before is None or (before[1], before[2], before[4]) != (new[1], new[2], new[4]):
            remembered.append((score.scorecard, score.project, score.owner, score.rank))
    for scorecard, before in known.items():
        changed.add(before[1])
        connection.execute("DELETE FROM score WHERE scorecard = ? AND ref = ?", (scorecard, ref))
        remembered.append((scorecard, before[1], before[2], _GONE))
    for told in remembered:
        _remember(connection, ref, now_s, *told)
    return changed


def _remember(
    connection: apsw.Connection,
    ref: str,
    now_s: float,
    scorecard: str,
    project: str,
    owner: str,
    rank: int,
) -> None:
    """What came before the first day that is kept is one row: how it stood when that began."""
    connection.execute(
        "INSERT INTO score_change (scorecard, ref, project, owner, rank, time_s)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (scorecard, ref, project, owner, rank, now_s),
    )
    connection.execute(
        "DELETE FROM score_change WHERE scorecard = ?1 AND ref = ?2 AND time_s < ?3 AND id < ("
        "SELECT max(id) FROM score_change WHERE scorecard = ?1 AND ref = ?2 AND time_s < ?3)",
        (scorecard, ref, now_s - KEPT_DAYS * 24 * 3600.0),
    )

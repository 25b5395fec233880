"""The catalogue index over SQLite: sources replace their entities, people read what they may see.

What a viewer may see is a condition of every query: entities of their projects, and those of no
project (people, groups, shared systems). Facets are counted on the filtered set without a filter
on the counted field itself, as a person who narrows down expects. How a workload is comes from
elsewhere than its entity, and is kept beside it.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import apsw
import orjson

from towpath.records import ingesting
from towpath.records.answering import Answering, answers, id_of, ids_of, views, views_of_counts
from towpath.records.browsing import (
    FIELD,
    entities,
    marks,
    order_of,
    visibility,
    visible_targets,
)
from towpath.records.changes import Changes
from towpath.records.chronicle import changes_of
from towpath.records.columns import Columns
from towpath.records.computing import (
    Seeing,
    all_to_compute,
    computed_anew,
    define,
    is_behind,
    values_of,
)
from towpath.records.contract import (
    UNTOLD,
    Cause,
    Edges,
    Entity,
    EntityFilter,
    EntityPage,
    Finding,
    Ingested,
    RecordsUnavailable,
    Relation,
    Viewer,
    WorkloadState,
)
from towpath.records.database import Database, Row
from towpath.records.finding import find, find_meant
from towpath.records.listing import Listing, Reading, look_up, page_of, views_of_list
from towpath.records.properties import Computed, Properties
from towpath.records.questions import (
    EVERYTHING,
    Answer,
    Condition,
    EntityChange,
    Loss,
    Question,
    Uid,
)
from towpath.records.stitching import Fact, Touched, caught_up, remade

log = logging.getLogger(__name__)

T = TypeVar("T")

ROWS_NOW_MAX = 100
"""So many answers are read on the loop, in less time than a thread takes to have its turn."""

NEWS = "catalog"
"""The noun of its changes."""

REST_TIMES, REST_S_MIN, REST_S_MAX = 20.0, 0.1, 10.0
"""Between two times that what was put off is stitched."""


class SqliteCatalogIndex:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._columns = Columns(database)
        self._catching_up: asyncio.Task[None] | None = None
        self._rests_until_s = 0.0
        self._is_awaited = asyncio.Event()
        self._owes = False
        """Whether anything was put off since the last time that it was done."""

    async def open(self) -> None:
        """Before anybody asks: what another release has written is brought to our form, and what
        the last process put off is done."""
        await self._database.write(_in_this_form)
        await self._changed(caught_up)
        self._owes = self._database.read_now(is_behind)
        self._catch_up_soon()

    async def settled(self) -> None:
        """Until nothing is put off any more; nobody rests meanwhile."""
        self._is_awaited.set()
        while self._catching_up is not None:
            await asyncio.shield(self._catching_up)
        self._is_awaited.clear()

    async def close(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    @property
    def revision(self) -> int:
        return self._columns.revision

    async def ingest(
        self,
        source: str,
        entities: Sequence[Entity],
        *,
        project: str,
        version: str,
        cause: Cause = UNTOLD,
        loss_allowed: bool = False,
    ) -> Ingested:
        delivery = ingesting.Delivery(source, project, version, cause, loss_allowed)
        put = await asyncio.to_thread(ingesting.prepared, entities, source, project)
        return await self._write(
            lambda connection, touched: ingesting.ingest(connection, delivery, put, touched),
        )

    async def amend(
        self,
        source: str,
        *,
        put: Sequence[Entity] = (),
        remove: Sequence[str] = (),
        project: str,
        version: str,
        cause: Cause = UNTOLD,
        loss_allowed: bool = False,
    ) -> Ingested:
        delivery = ingesting.Delivery(source, project, version, cause, loss_allowed)
        ready = await asyncio.to_thread(ingesting.prepared, put, source, project)
        return await self._write(
            lambda connection, touched: ingesting.amend(
                connection, delivery, ready, remove, touched
            ),
        )

    async def undo(self, source: str, *, cause: Cause = UNTOLD) -> Ingested:
        return await self._write(
            lambda connection, touched: ingesting.undo(connection, source, cause, touched)
        )

    async def forget(self, source: str, *, cause: Cause = UNTOLD) -> None:
        await self._write(
            lambda connection, touched: ingesting.forget(connection, source, cause, touched)
        )

    async def remove(self, viewer: Viewer, uid: Uid, *, cause: Cause) -> bool:
        removed = await self._write(
            lambda connection, touched: ingesting.remove(connection, viewer, uid, cause, touched)
        )
        return removed.changed

    async def losses(self) -> list[Loss]:
        rows = await self._database.fetch("SELECT name, loss FROM entity_source WHERE loss <> ''")
        found = []
        for name, kept in rows:
            version, removed, count, examples = orjson.loads(kept)
            found.append(Loss(name, version, removed, count, tuple(examples)))
        return found

    async def history(self, viewer: Viewer, ref: str, *, limit: int = 50) -> list[EntityChange]:
        return await self._database.read(
            lambda connection: changes_of(connection, viewer, ref, limit)
        )

    async def ask(self, viewer: Viewer, question: Question) -> Answer:
        answering = Answering(await self._columns.need(views(viewer, question)), viewer)
        ids, total, more = answering.answer(question)
        first, last = (
            answering.place(question, one[0]) if one else None for one in (ids[:1], ids[-1:])
        )
        found = await self._rows(viewer, ids)
        return Answer([found[one] for one in ids if one in found], total, first, last, more)

    async def count(
        self, viewer: Viewer, where: Condition, keys: Sequence[str]
    ) -> dict[str, list[tuple[str, int]]]:
        hand = await self._columns.need(views_of_counts(viewer, where, keys))
        return Answering(hand, viewer).count(where, keys)

    async def named(
        self, viewer: Viewer, refs: Sequence[str], where: Condition = EVERYTHING
    ) -> list[bytes | None]:
        lower = [ref.lower() for ref in refs]
        ids = self._database.read_now(lambda connection: ids_of(connection, lower))
        if where != EVERYTHING:
            hand = await self._columns.need(views(viewer, Question(where)))
            chosen = Answering(hand, viewer).chosen(where)
            ids = {ref: one for ref, one in ids.items() if one in chosen}
        found = await self._rows(viewer, [*ids.values()])
        return [found.get(ids.get(ref, -1)) for ref in lower]

    async def identified(self, viewer: Viewer, uid: Uid) -> bytes | None:
        entity_id = self._database.read_now(lambda connection: id_of(connection, uid))
        return (await self._rows(viewer, [entity_id])).get(entity_id)

    async def _rows(self, viewer: Viewer, ids: Sequence[int]) -> dict[int, bytes]:
        if len(ids) <= ROWS_NOW_MAX:
            return self._database.read_now(lambda connection: answers(connection, viewer, ids))
        return await self._database.read(lambda connection: answers(connection, viewer, ids))

    async def _write(
        self, begin: Callable[[apsw.Connection, Touched], Ingested | ingesting.Writing]
    ) -> Ingested:
        """Transaction after transaction until all is written, and then the news."""
        done = await self._changed(begin)
        while isinstance(done, ingesting.Writing):
            done = await self._changed(done.go_on)
        if done.changed:
            self._changes.publish(NEWS, done.project)
        return done

    async def _changed(self, work: Callable[[apsw.Connection, Touched], T]) -> T:
        """Write, and tell what readers keep what was touched, whether or not anybody still waits.

        Told before who wrote goes on, so that they read what they have written.
        """
        loop, touched = asyncio.get_running_loop(), Touched()
        written = self._database.submit(lambda connection: work(connection, touched))

        def tell(_: "Future[T]") -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(self._columns.changed, touched)

        written.add_done_callback(tell)
        done = await asyncio.wrap_future(written)
        self._owes |= touched.put_off
        self._catch_up_soon()
        return done

    def _catch_up_soon(self) -> None:
        if self._owes and self._catching_up is None:
            self._catching_up = asyncio.create_task(self._catch_up(), name="catalog-catches-up")

    async def _catch_up(self) -> None:
        """Stitch and compute what was put off, and rest for much longer than that took: however
        many deliveries there are, it is a small part of all work."""
        try:
            while self._owes:
                rest_s = self._rests_until_s - time.monotonic()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_awaited.wait(), max(rest_s, REST_S_MIN))
                self._owes = False
                began_s = time.monotonic()
                news = await self._changed(caught_up)
                while await self._changed(computed_anew):
                    news = True
                if news:
                    self._changes.publish(NEWS, "")
                ended_s = time.monotonic()
                self._rests_until_s = ended_s + min((ended_s - began_s) * REST_TIMES, REST_S_MAX)
        except RecordsUnavailable:
            log.warning("what was put off in the catalogue is done with the next change")
        finally:
            self._catching_up = None

    async def sources(self) -> dict[str, str]:
        rows = await self._database.fetch("SELECT name, version FROM entity_source")
        return dict(rows)

    async def held(self, source: str) -> list[str]:
        rows = await self._database.fetch("SELECT ref FROM entity WHERE source = ?", (source,))
        return [ref for (ref,) in rows]

    async def get(self, viewer: Viewer, ref: str) -> Entity | None:
        may_see, projects = visibility(viewer)

        def select(connection: apsw.Connection) -> list[Entity]:
            sql = f"SELECT id FROM entity WHERE ref = ? AND {may_see}"
            rows: list[Row] = connection.execute(sql, (ref.lower(), *projects)).fetchall()
            return entities(connection, [row[0] for row in rows])

        found = await self._database.read(select)
        return found[0] if found else None

    async def query(
        self,
        viewer: Viewer,
        where: EntityFilter,
        *,
        limit: int = 100,
        continue_token: str = "",
        sort: str = "",
    ) -> EntityPage:
        order = order_of(sort, where.text, continue_token)
        listing, meant = await self._listing(viewer, where, sort=sort)
        chosen = listing.chosen()
        computed = listing.computed_rows(order, limit + 1) if order.is_computed else None

        def page(connection: apsw.Connection) -> EntityPage:
            reading = Reading(connection, viewer, meant, chosen, order)
            rows = reading.rows(limit + 1) if computed is None else computed
            return page_of(connection, rows, order, limit, len(chosen))

        return await self._database.read(page)

    async def facets(
        self, viewer: Viewer, where: EntityFilter, fields: Sequence[str], *, empty: bool = False
    ) -> dict[str, dict[str, int]]:
        listing, _ = await self._listing(viewer, where, counted=fields)
        return {name: listing.count(name, empty=empty) for name in fields}

    async def _listing(
        self, viewer: Viewer, where: EntityFilter, *, sort: str = "", counted: Sequence[str] = ()
    ) -> tuple[Listing, EntityFilter]:
        looked_up = await self._database.read(lambda connection: look_up(connection, viewer, where))
        views = views_of_list(viewer, where, sort=sort, counted=counted)
        return Listing(await self._columns.need(views), viewer, looked_up), looked_up.where

    async def compute(self, properties: Properties) -> None:
        await self._changed(lambda connection, touched: define(connection, properties, touched))

    async def computed(self, viewer: Viewer, ref: str) -> Mapping[str, Computed]:
        may_see, projects = visibility(viewer)

        def select(connection: apsw.Connection) -> Mapping[str, Computed]:
            sql = f"SELECT id FROM entity WHERE ref = ? AND {may_see}"
            row: Row | None = connection.execute(sql, (ref.lower(), *projects)).fetchone()
            seen = Seeing(connection, viewer.projects).of(row[0]) if row else None
            return seen.computed if seen else {}

        return await self._database.read(select)

    async def computed_values(
        self, viewer: Viewer, refs: Sequence[str]
    ) -> dict[str, dict[str, list[str]]]:
        return await self._database.read(lambda connection: values_of(connection, viewer, refs))

    async def find(
        self, viewer: Viewer, where: EntityFilter, *, limit: int = 10, skip: int = 0
    ) -> list[Finding]:
        asked = partial(find, viewer=viewer, where=where, limit=limit, skip=skip)
        found = self._database.read_now(asked)
        if found or skip or not where.text:
            return found
        meant = partial(find_meant, viewer=viewer, where=where, limit=limit, skip=skip)
        return await self._database.read(meant)

    async def existing(self, viewer: Viewer, refs: Sequence[str]) -> set[str]:
        may_see, projects = visibility(viewer)
        rows = await self._database.fetch(
            f"SELECT ref FROM entity WHERE ref IN ({marks(refs)}) AND {may_see}",
            (*refs, *projects),
        )
        return {ref for (ref,) in rows}

    async def observe(self, project: str, name: str, state: WorkloadState | None) -> None:
        if await self._changed(
            lambda connection, touched: _observe(connection, project, name, state, touched)
        ):
            self._changes.publish(NEWS, project)

    async def observed(self) -> list[tuple[str, str]]:
        rows = await self._database.fetch("SELECT project, name FROM workload_state")
        return [(project, name) for project, name in rows]

    async def edges(self, viewer: Viewer, ref: str) -> Edges:
        may_see, projects = visibility(viewer)

        def select(connection: apsw.Connection) -> Edges:
            outgoing: list[Row] = connection.execute(
                "SELECT entity_relation.type, entity_relation.target FROM entity_relation"
                f" JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity.ref = ? AND {may_see} ORDER BY 1, 2",
                (ref.lower(), *projects),
            ).fetchall()
            incoming: list[Row] = connection.execute(
                "SELECT entity_relation.type, entity.ref FROM entity_relation"
                f" JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity_relation.target = ? AND {may_see} ORDER BY 1, 2",
                (ref.lower(), *projects),
            ).fetchall()
            visible = visible_targets(connection, viewer, [target for _, target in outgoing])
            return Edges(
                [Relation(kind, target) for kind, target in outgoing if target in visible],
                [Relation(kind, target) for kind, target in incoming],
            )

        return await self._database.read(select)

    async def around(
        self, viewer: Viewer, refs: Sequence[str], types: Sequence[str]
    ) -> list[tuple[str, Relation]]:
        may_see, projects = visibility(viewer)
        asked, of_types = marks(refs), f"entity_relation.type IN ({marks(types)})"

        def select(connection: apsw.Connection) -> list[tuple[str, Relation]]:
            rows: list[Row] = connection.execute(
                "SELECT entity.ref, entity_relation.type, entity_relation.target"
                " FROM entity JOIN entity_relation ON entity_relation.entity = entity.id"
                f" WHERE entity.ref IN ({asked}) AND {of_types} AND {may_see}"
                " UNION SELECT entity.ref, entity_relation.type, entity_relation.target"
                " FROM entity_relation JOIN entity ON entity.id = entity_relation.entity"
                f" WHERE entity_relation.target IN ({asked}) AND {of_types} AND {may_see}",
                (*refs, *types, *projects, *refs, *types, *projects),
            ).fetchall()
            visible = visible_targets(connection, viewer, [target for _, _, target in rows])
            return [
                (source, Relation(kind, target))
                for source, kind, target in rows
                if target in visible
            ]

        return await self._database.read(select)


def _in_this_form(connection: apsw.Connection) -> None:
    if remade(connection):
        all_to_compute(connection)


def _observe(
    connection: apsw.Connection,
    project: str,
    name: str,
    state: WorkloadState | None,
    touched: Touched,
) -> bool:
    """Whether anything is different now. The health is in the entity's row too, to be counted."""
    known = connection.execute(
        "SELECT health, sentence, url FROM workload_state WHERE project = ? AND name = ?",
        (project, name),
    ).fetchone()
    new = (state.health, state.sentence, state.url) if state else None
    if known == new:
        return False
    if new is None:
        connection.execute(
            "DELETE FROM workload_state WHERE project = ? AND name = ?", (project, name)
        )
    else:
        connection.execute(
            "INSERT OR REPLACE INTO workload_state (project, name, health, sentence, url)"
            " VALUES (?, ?, ?, ?, ?)",
            (project, name, *new),
        )
    health = state.health if state else ""
    found = "project = ? AND workload = ? AND workload <> ''"
    sql = f"SELECT id, health FROM entity WHERE {found}"
    rows: list[Row] = connection.execute(sql, (project, name)).fetchall()
    connection.execute(f"UPDATE entity SET health = ? WHERE {found}", (health, project, name))
    for entity_id, before in rows:
        if before != health:
            touched.tell(Fact(f"{FIELD}health", before, before, entity_id, came=False))
            touched.tell(Fact(f"{FIELD}health", health, health, entity_id, came=True))
    return True

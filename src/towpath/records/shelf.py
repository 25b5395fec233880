"""Rendered docs in SQLite: a page is one row, found by its entity and its path."""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

from collections.abc import Collection, Mapping

import apsw

from towpath.records.browsing import marks
from towpath.records.changes import Changes
from towpath.records.contract import Viewer
from towpath.records.database import Database
from towpath.records.search import KeptSite

NEWS = "docs"


class SqliteDocsShelf:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def sites(self) -> list[tuple[str, str, str, str]]:
        rows = await self._database.fetch("SELECT entity, source, repository, state FROM docs_site")
        return [(entity, source, repository, state) for entity, source, repository, state in rows]

    async def site(self, viewer: Viewer, entity: str) -> KeptSite | None:
        may_see, projects = _visibility(viewer)
        rows = await self._database.fetch(
            "SELECT entity, source, project, repository, state, data FROM docs_site"
            f" WHERE entity = ? AND {may_see}",
            (entity, *projects),
        )
        return KeptSite(*rows[0]) if rows else None

    async def page(self, viewer: Viewer, entity: str, path: str) -> bytes | None:
        may_see, projects = _visibility(viewer)
        rows = await self._database.fetch(
            "SELECT docs_page.data FROM docs_page"
            " JOIN docs_site ON docs_site.entity = docs_page.entity"
            f" WHERE docs_page.entity = ? AND docs_page.path = ? AND {may_see}",
            (entity, path, *projects),
        )
        return bytes(rows[0][0]) if rows else None

    async def digests(self, entity: str) -> dict[str, str]:
        rows = await self._database.fetch(
            "SELECT path, digest FROM docs_page WHERE entity = ?", (entity,)
        )
        return dict(rows)

    async def put(
        self, site: KeptSite, pages: Mapping[str, tuple[str, bytes]], paths: Collection[str]
    ) -> None:
        def replace(connection: apsw.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO docs_site"
                " (entity, source, project, repository, state, data) VALUES (?, ?, ?, ?, ?, ?)",
                (site.entity, site.source, site.project, site.repository, site.state, site.data),
            )
            known = connection.execute(
                "SELECT path FROM docs_page WHERE entity = ?", (site.entity,)
            ).fetchall()
            connection.executemany(
                "DELETE FROM docs_page WHERE entity = ? AND path = ?",
                [(site.entity, path) for (path,) in known if path not in paths],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO docs_page (entity, path, digest, data) VALUES (?, ?, ?, ?)",
                [(site.entity, path, digest, data) for path, (digest, data) in pages.items()],
            )

        await self._database.write(replace)
        self._changes.publish(NEWS, site.project)

    async def forget(self, entity: str) -> None:
        def delete(connection: apsw.Connection) -> None:
            connection.execute("DELETE FROM docs_page WHERE entity = ?", (entity,))
            connection.execute("DELETE FROM docs_site WHERE entity = ?", (entity,))

        await self._database.write(delete)


class SqliteSeen:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def seen(self, reader: str) -> dict[str, str]:
        rows = await self._database.fetch(
            "SELECT source, version FROM source_seen WHERE reader = ?", (reader,)
        )
        return dict(rows)

    async def see(self, reader: str, source: str, version: str | None) -> None:
        if version is None:
            sql, values = "DELETE FROM source_seen WHERE reader = ? AND source = ?", []
        else:
            sql = "INSERT OR REPLACE INTO source_seen (reader, source, version) VALUES (?, ?, ?)"
            values = [version]
        await self._database.execute(sql, [(reader, source, *values)])


def _visibility(viewer: Viewer) -> tuple[str, list[str]]:
    if viewer.projects is None:
        return "1 = 1", []
    projects = ["", *sorted(viewer.projects)]
    return f"docs_site.project IN ({marks(projects)})", projects

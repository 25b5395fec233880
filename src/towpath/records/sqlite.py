"""Records in one SQLite file.

async with SqliteRecords(data_dir / "records.db") as records:
    records.logs, records.catalog, records.passages, records.docs, records.audit, records.inbox
"""

import asyncio
import logging
from pathlib import Path

from towpath.records.audit import SqliteAuditTrail
from towpath.records.catalog import SqliteCatalogIndex
from towpath.records.changes import Changes
from towpath.records.database import Database
from towpath.records.identity import SqliteIdentityTable
from towpath.records.inbox import SqliteInbox
from towpath.records.logs import SqliteLogBook
from towpath.records.passages import SqlitePassages
from towpath.records.provisioned import SqliteProvisioned
from towpath.records.scores import SqliteScores
from towpath.records.shelf import SqliteDocsShelf, SqliteSeen
from towpath.records.views import SqliteSavedViews

log = logging.getLogger(__name__)

CLOSE_DEADLINE_S = 5.0


class SqliteRecords:
    """An open set of tables; `logs`, `catalog` and so on exist between enter and exit."""

    logs: SqliteLogBook
    catalog: SqliteCatalogIndex
    audit: SqliteAuditTrail
    identity: SqliteIdentityTable
    inbox: SqliteInbox
    views: SqliteSavedViews
    passages: SqlitePassages
    docs: SqliteDocsShelf
    seen: SqliteSeen
    scores: SqliteScores
    provisioned: SqliteProvisioned

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.changes = Changes()

    async def __aenter__(self) -> "SqliteRecords":
        await self._database.__aenter__()
        try:
            await self._open()
        except BaseException:
            # Its writer is a thread, which would keep a process that cannot start from ending.
            await self._database.__aexit__()
            raise
        return self

    async def _open(self) -> None:
        self.logs = SqliteLogBook(self._database)
        self.catalog = SqliteCatalogIndex(self._database, self.changes)
        await self.catalog.open()
        self.audit = SqliteAuditTrail(self._database)
        self.identity = SqliteIdentityTable(self._database)
        self.inbox = SqliteInbox(self._database, self.changes)
        self.views = SqliteSavedViews(self._database)
        self.passages = SqlitePassages(self._database, self.changes)
        self.seen = SqliteSeen(self._database)
        self.docs = SqliteDocsShelf(self._database, self.changes)
        self.scores = SqliteScores(self._database, self.changes)
        self.provisioned = SqliteProvisioned(self._database, self.changes)

    async def rows_written(self) -> int:
        """Since they were opened: what a bench and a test count instead of time."""
        return await self._database.write(lambda connection: connection.total_changes())

    async def __aexit__(self, *_: object) -> None:
        await self.catalog.close()
        try:
            await asyncio.wait_for(self.logs.settled(), CLOSE_DEADLINE_S)
        except TimeoutError:
            log.warning("closing with log lines that could not be stored")
        await self._database.__aexit__()

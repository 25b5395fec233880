"""Names that people give to queries of the catalogue; a person has few, and sees their own."""

import apsw

from towpath.records.contract import SavedView
from towpath.records.database import Database

VIEWS_MAX = 30


class SqliteSavedViews:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, person: str) -> list[SavedView]:
        rows = await self._database.fetch(
            "SELECT name, query FROM saved_view WHERE person = ? ORDER BY name", (person,)
        )
        return [SavedView(name, query) for name, query in rows]

    async def save(self, person: str, view: SavedView) -> bool:
        def put(connection: apsw.Connection) -> bool:
            (others,) = next(
                connection.execute(
                    "SELECT count(*) FROM saved_view WHERE person = ? AND name <> ?",
                    (person, view.name),
                )
            )
            if others >= VIEWS_MAX:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO saved_view (person, name, query) VALUES (?, ?, ?)",
                (person, view.name, view.query),
            )
            return True

        return await self._database.write(put)

    async def remove(self, person: str, name: str) -> None:
        await self._database.execute(
            "DELETE FROM saved_view WHERE person = ? AND name = ?", [(person, name)]
        )

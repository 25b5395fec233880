"""Passages over SQLite: full text with the viewer's rights among its words.

Each passage has a column of words that say whose it is, of which sort and of which entity; they are
part of the full-text query, so that what a viewer may not see is never ranked, and who sees little
is answered as quickly as who sees all. Some hundreds that fit are ranked, those with the words in
their title first of all: a word that is everywhere tells nothing, and costs no more than others.
"""

# ruff: noqa: S608 - what is put into the SQL is column names and question marks, never a value.

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import apsw
import orjson

from towpath.records.changes import Changes
from towpath.records.contract import Viewer
from towpath.records.database import Database, Value
from towpath.records.ranking import LookedFor
from towpath.records.search import MARK_BEGINS, MARK_ENDS, FoundPassage, Passage

NEWS = "docs"
RANKED_MAX = 200
WORDS_MAX = 12
LETTERS_MAX = 64
TEXT_CHARACTERS_MAX = 100_000
MISSPELT_LETTERS_MIN = 4
SPELLINGS_MAX = 8
"""Of words that a misspelt one may stand for."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_WORD = re.compile(r"\w+")


class SqlitePassages:
    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def put(
        self,
        source: str,
        parts: Mapping[str, Sequence[Passage]],
        *,
        entity: str,
        project: str,
        keeping: Collection[str] = (),
    ) -> None:
        def replace(connection: apsw.Connection) -> None:
            kept = set(keeping) - set(parts)
            for (part,) in connection.execute(
                "SELECT DISTINCT part FROM passage WHERE source = ?", (source,)
            ).fetchall():
                if part not in kept:
                    _delete(connection, "source = ? AND part = ?", (source, part))
            for part, passages in parts.items():
                _insert(connection, source, part, entity, project, passages)

        await self._database.write(replace)
        self._changes.publish(NEWS, project)

    async def forget(self, source: str) -> None:
        await self._database.write(lambda connection: _delete(connection, "source = ?", (source,)))

    async def sources(self, prefix: str) -> list[str]:
        rows = await self._database.fetch(
            "SELECT DISTINCT source FROM passage WHERE source >= ? AND source < ?",
            (prefix, prefix + "\U0010ffff"),
        )
        return [source for (source,) in rows]

    async def find(
        self,
        viewer: Viewer,
        text: str,
        *,
        sorts: Collection[str] = (),
        entity: str = "",
        limit: int = 10,
        skip: int = 0,
        meant: bool = True,
    ) -> list[FoundPassage]:
        words = [word[:LETTERS_MAX].lower() for word in _WORD.findall(text)][:WORDS_MAX]
        if not words:
            return []
        scope = _scope_match(viewer, sorts, entity)

        def read(connection: apsw.Connection) -> list[FoundPassage]:
            found = _found(connection, scope, [[word] for word in words], limit, skip)
            if found or skip or not meant:
                return found
            likely = [_spellings(connection, word) for word in words]
            if likely == [[word] for word in words]:
                return []
            return _found(connection, scope, likely, limit, skip)

        return await self._database.read(read)


def _found(
    connection: apsw.Connection,
    scope: str,
    words: Sequence[Sequence[str]],
    limit: int,
    skip: int,
) -> list[FoundPassage]:
    """For each word, what it may be."""
    wanted = max(RANKED_MAX, skip + limit)
    found: dict[int, None] = {}
    for match in _matches(scope, words):
        rows = connection.execute(
            "SELECT rowid FROM passage_text WHERE passage_text MATCH ? LIMIT ?", (match, wanted)
        )
        found.update(dict.fromkeys(row for (row,) in rows))
        if len(found) >= wanted:
            break
    ids = list(found)
    rows = connection.execute(
        "SELECT id, sort, href, title, page, text, entity FROM passage"
        f" WHERE id IN ({', '.join('?' * len(ids))})",
        ids,
    )
    looked_for = LookedFor.of(words)
    scored = [
        (-looked_for.score(title, page, text), number, Passage(sort, href, title, page, text), of)
        for number, sort, href, title, page, text, of in rows
    ]
    scored.sort(key=lambda one: one[:2])
    return [
        FoundPassage(one, of, looked_for.marked(one.title), looked_for.snippet(one.text))
        for _, _, one, of in scored[skip : skip + limit]
    ]


def _matches(scope: str, words: Sequence[Sequence[str]]) -> Sequence[str]:
    """Queries, those that say most first.

    Whole words cost as much as is read of them; beginnings of words cost as much as there are.
    """
    begun = " AND ".join(_any(word, "*") for word in words)
    whole = " AND ".join(_any(word, "") for word in words)
    last = " AND ".join([*(_any(word, "") for word in words[:-1]), _any(words[-1], "*")])
    queries = (
        f"{scope}({{title}} : ({last}))",
        f"{scope}({{title page text}} : ({whole}))",
        f"{scope}({{title page text}} : ({last}))",
        f"{scope}({{title page text}} : ({begun}))",
    )
    return list(dict.fromkeys(queries))


def _any(word: Sequence[str], ending: str) -> str:
    return f"({' OR '.join(_quoted(one) + ending for one in word)})"


def _insert(
    connection: apsw.Connection,
    source: str,
    part: str,
    entity: str,
    project: str,
    passages: Sequence[Passage],
) -> None:
    words: set[str] = set()
    for passage in passages:
        texts = [_plain(one) for one in (passage.title, passage.page, passage.text)]
        scope = " ".join((_token("p", project), _token("s", passage.sort), _token("e", entity)))
        connection.execute(
            "INSERT INTO passage (source, part, entity, sort, href, scope, title, page, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (source, part, entity, passage.sort, passage.href, scope, *texts),
        )
        connection.execute(
            "INSERT INTO passage_text (rowid, scope, title, page, text) VALUES (?, ?, ?, ?, ?)",
            (connection.last_insert_rowid(), scope, *texts),
        )
        words.update(word.lower() for text in texts for word in _WORD.findall(text))
    connection.executemany(
        "INSERT OR IGNORE INTO search_word (word) VALUES (?)",
        [(word,) for word in sorted(words) if len(word) <= LETTERS_MAX],
    )


def _delete(connection: apsw.Connection, condition: str, values: Sequence[Value]) -> None:
    # Full text over another table's content has to be told what the content was.
    connection.execute(
        "INSERT INTO passage_text (passage_text, rowid, scope, title, page, text)"
        f" SELECT 'delete', id, scope, title, page, text FROM passage WHERE {condition}",
        values,
    )
    connection.execute(f"DELETE FROM passage WHERE {condition}", values)


def _plain(text: str) -> str:
    """Without what marks a fit, and not without end."""
    return text.replace(MARK_BEGINS, "").replace(MARK_ENDS, "")[:TEXT_CHARACTERS_MAX]


def _token(kind: str, name: str) -> str:
    """One word of the column that only scopes stand in."""
    return f"{kind}{name.encode().hex()}"


def _scope_match(viewer: Viewer, sorts: Iterable[str], entity: str) -> str:
    wanted = []
    if viewer.projects is not None:
        wanted.append([_token("p", project) for project in ("", *sorted(viewer.projects))])
    if sorts:
        wanted.append([_token("s", sort) for sort in sorts])
    if entity:
        wanted.append([_token("e", entity)])
    terms = [f"({' OR '.join(_quoted(one) for one in words)})" for words in wanted]
    return f"(scope : ({' AND '.join(terms)})) AND " if terms else ""


def _quoted(word: str) -> str:
    return f'"{word}"'


def _spellings(connection: apsw.Connection, word: str) -> list[str]:
    """What begins words that are there: the word itself, else what differs from it in a letter."""
    begins = "EXISTS (SELECT 1 FROM search_word WHERE word >= value AND word < value || ?)"
    asked = f"SELECT value FROM json_each(?) WHERE {begins} LIMIT ?"

    def known(spellings: Sequence[str]) -> list[str]:
        given = orjson.dumps(spellings).decode()
        rows = connection.execute(asked, (given, "\U0010ffff", SPELLINGS_MAX))
        return [spelling for (spelling,) in rows]

    if len(word) < MISSPELT_LETTERS_MIN or known([word]):
        return [word]
    return known(_near(word)) or [word]


def _near(word: str) -> list[str]:
    """All words that differ in one letter: missing, too much, another, or two that changed places.

    Two in other places first, then what is missing, for these are what fingers do.
    """
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = [left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1]
    found += [left + right[1:] for left, right in cuts if right]
    found += [left + letter + right for left, right in cuts for letter in _LETTERS]
    found += [left + letter + right[1:] for left, right in cuts if right for letter in _LETTERS]
    return list(dict.fromkeys(one for one in found if one and one != word))

"""What somebody meant who mistyped a word: the nearest one of the catalogue's names and titles.

A word that anything begins with is left alone. Candidates share three letters in a row with what
was typed; one or two letters may be wrong, missing, too many or the wrong way round.
"""

import re
from collections.abc import Iterable

import apsw

from towpath.records.database import Row
from towpath.records.texts import match_of
from towpath.records.viewers import Viewer

LETTERS_MIN = 4
"""A shorter word is near to everything."""
LETTERS_OF_TWO_ERRORS = 8
LETTERS_MAX = 40
CANDIDATES_MAX = 60
WORDS_MAX = 8

_WORDS = re.compile(r"\w+")


def words_of(*texts: str) -> list[str]:
    return [word for word in _WORDS.findall(" ".join(texts).lower()) if len(word) <= LETTERS_MAX]


def learn(connection: apsw.Connection, words: Iterable[str]) -> None:
    """Words by which a mistyped one is recognised; none is forgotten."""
    for word in sorted(words):
        sql = "INSERT OR IGNORE INTO catalog_word (word) VALUES (?) RETURNING id"
        added: Row | None = connection.execute(sql, (word,)).fetchone()
        if added is not None:
            text = "INSERT INTO catalog_word_text (rowid, word) VALUES (?, ?)"
            connection.execute(text, (added[0], word))


def as_meant(connection: apsw.Connection, viewer: Viewer, text: str) -> str:
    """The text, with each of its words that nothing begins with replaced by the nearest.

    Of what the viewer may see: a word of hidden entities is neither known nor near.
    """
    words = _WORDS.findall(text)
    if len(words) > WORDS_MAX:
        return text
    meant = [_meant(connection, viewer, word) for word in words]
    return text if meant == words else " ".join(meant)


def _meant(connection: apsw.Connection, viewer: Viewer, word: str) -> str:
    typed = word.lower()
    if not LETTERS_MIN <= len(typed) <= LETTERS_MAX:
        return word
    if _is_known(connection, viewer, word):
        return word
    parts = " OR ".join(f'"{typed[at : at + 3]}"' for at in range(len(typed) - 2))
    candidates: list[Row] = connection.execute(
        "SELECT catalog_word.word FROM catalog_word_text JOIN catalog_word"
        " ON catalog_word.id = catalog_word_text.rowid WHERE catalog_word_text MATCH ?"
        " ORDER BY catalog_word_text.rank LIMIT ?",
        (parts, CANDIDATES_MAX),
    ).fetchall()
    errors_max = 1 if len(typed) < LETTERS_OF_TWO_ERRORS else 2
    near = sorted((errors(typed, one), one) for (one,) in candidates)
    likely = (one for wrong, one in near if wrong <= errors_max)
    return next((one for one in likely if _is_known(connection, viewer, one)), word)


def _is_known(connection: apsw.Connection, viewer: Viewer, word: str) -> bool:
    sql = "SELECT 1 FROM entity_text WHERE entity_text MATCH ? LIMIT 1"
    return connection.execute(sql, (match_of(viewer, word),)).fetchone() is not None


def errors(one: str, other: str) -> int:
    """Letters to change, add, leave out, or swap with the next, to come from one to the other."""
    before: list[int] = []
    last: list[int] = [*range(len(other) + 1)]
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, wanted in enumerate(other, start=1):
            cost = min(
                last[column] + 1,
                now[column - 1] + 1,
                last[column - 1] + (letter != wanted),
            )
            swapped = row > 1 and column > 1 and letter == other[column - 2]
            if swapped and one[row - 2] == wanted:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]

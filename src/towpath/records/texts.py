"""The words of entities in a full-text table, and how it is asked.

Whose an entity is stands among its words, written so that no word that is typed can mean it: what
a viewer may not see never fits, is never ranked, and who sees little waits for little.
"""

import re
from collections.abc import Iterable

import apsw

from towpath.records.viewers import Viewer

NAMES = "{name title} : "
_OF_PROJECT = "\ue000"
"""For private use, and a letter to the table's tokenizer."""
_WORD = re.compile(r"\w+")


def put_text(
    connection: apsw.Connection,
    entity_id: int,
    project: str,
    texts: tuple[str, str, str, str, str],
) -> None:
    """Name, title, description, tags and owner of an entity that has no text yet."""
    connection.execute(
        "INSERT INTO entity_text (rowid, scope, name, title, description, tags, owner)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (entity_id, _scope(project), *texts),
    )


def words_in(text: str) -> list[str]:
    return _WORD.findall(text)


def match_of(viewer: Viewer, text: str, within: str = "", begun: bool = True) -> str:
    """All words of a text, as an FTS5 query, or the beginnings of words. "" without words."""
    words = [f'"{word}"*' if begun else f'"{word}"' for word in words_in(text)]
    if not words:
        return ""
    fits = f"{within}({' AND '.join(words)})"
    if viewer.projects is None:
        return fits
    return f"scope : ({_any(viewer.projects)}) AND {fits}"


def _any(projects: Iterable[str]) -> str:
    return " OR ".join(f'"{_scope(project)}"' for project in ("", *sorted(projects)))


def _scope(project: str) -> str:
    return _OF_PROJECT + project.encode().hex()

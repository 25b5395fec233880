r"""Placeholders: `${resources.db.host}`; `$$` is a dollar, `$${x}` is `${x}`, `\.` a dot in a key.

The regular expression is the specification's. A template is parsed into pieces, not into a string:
who renders it decides what a piece becomes, for a secret must never become text (DESIGN 12.6).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\$((?:\$?\{([^}]*)\})|\$)")


@dataclass(frozen=True, slots=True)
class Reference:
    """`raw` is what stood between the braces."""

    raw: str

    @property
    def parts(self) -> list[str]:
        return [part.replace("\0", ".") for part in self.raw.replace(r"\.", "\0").split(".")]


Piece = str | Reference


def parse_template(text: str) -> list[Piece]:
    """The pieces of a text, literal ones unescaped and never empty or adjacent."""
    pieces: list[Piece] = []
    literal = ""
    for piece in _pieces(text):
        if isinstance(piece, str):
            literal += piece
            continue
        if literal:
            pieces.append(literal)
        pieces.append(piece)
        literal = ""
    if literal:
        pieces.append(literal)
    return pieces


def _pieces(text: str) -> Iterator[Piece]:
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        yield text[position : match.start()]
        yield match[0][1:] if match[1].startswith("$") else Reference(match[2])
        position = match.end()
    yield text[position:]


def substitute(value: Any, replace: Callable[[Reference], str]) -> Any:
    """The value with every placeholder in its strings replaced; keys stay as they are."""
    if isinstance(value, str):
        return "".join(
            piece if isinstance(piece, str) else replace(piece) for piece in parse_template(value)
        )
    if isinstance(value, dict):
        return {key: substitute(entry, replace) for key, entry in value.items()}
    if isinstance(value, list):
        return [substitute(entry, replace) for entry in value]
    return value

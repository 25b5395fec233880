"""What a tab of a service shows, as data: the portal draws it in its own look.

There is no block of HTML and none of Markdown: whatever a plug-in writes is text, and a link leads
to a page of the portal or to an address of the web. `parse_blocks` is the door: what comes through
it has the right types, is of a size that a page can bear, and leads nowhere else.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

BLOCKS_MAX = 50
ROWS_MAX = 500
COLUMNS_MAX = 20
TEXT_LENGTH_MAX = 20_000

Line = Annotated[str, Meta(max_length=2_000)]
LongText = Annotated[str, Meta(max_length=TEXT_LENGTH_MAX)]
Tone = Literal["", "good", "busy", "warn", "bad"]


class BlocksInvalid(ValueError):
    """What a tab returned cannot be shown; `str()` says which part of it, and why."""


class Link(Struct, frozen=True, tag="link"):
    """A link: `Link("The rota", "https://rota.example.org/shop")`, or to a path of the portal."""

    text: Line
    href: Line


class Named(Struct, frozen=True, tag="named"):
    """A name with a smaller line below it; for the first value of a row."""

    name: Line
    detail: Line = ""


class State(Struct, frozen=True, tag="state"):
    """A state in the portal's colours: `Healthy`, `Failed`, `Pending`, or any word of yours."""

    word: Line
    label: Line = ""
    """What to write instead of the word."""


class Moment(Struct, frozen=True, tag="moment"):
    """A time as `3 hours ago`: seconds since 1970, or `2026-11-21T11:30:00Z`."""

    at: float | Line


Value = Line | int | float | bool | None | Link | Named | State | Moment
"""What a fact or a cell can be."""


class Text(Struct, frozen=True, tag="text"):
    """A paragraph; with a tone, a banner."""

    text: LongText
    tone: Tone = ""


class Facts(Struct, frozen=True, tag="facts"):
    """Names and values, in their order: `Facts({"On call": "alice", "Since": Moment(since)})`."""

    facts: Annotated[Mapping[Line, Value], Meta(max_length=100)]
    title: Line = ""


class Table(Struct, frozen=True, tag="table"):
    """Rows of as many values as there are columns; the first names its row."""

    columns: Annotated[Sequence[Line], Meta(min_length=1, max_length=COLUMNS_MAX)]
    rows: Annotated[Sequence[Sequence[Value]], Meta(max_length=ROWS_MAX)]
    title: Line = ""
    empty: Line = "Nothing here."
    """What is said when there are no rows."""


class Code(Struct, frozen=True, tag="code"):
    """Text to copy: a command, a file, some YAML."""

    code: LongText
    title: Line = ""


Block = Text | Facts | Table | Code


def to_json(blocks: Sequence[Block]) -> Any:
    """Blocks as they travel. Raises BlocksInvalid."""
    if isinstance(blocks, Block):
        blocks = [blocks]
    if isinstance(blocks, str) or not isinstance(blocks, Sequence):
        raise BlocksInvalid(f"a tab returns a list of blocks, not {type(blocks).__name__}")
    for number, block in enumerate(blocks):
        if not isinstance(block, Block):
            raise BlocksInvalid(
                f"block {number} is {type(block).__name__}; a block is Text, Facts, Table or Code"
            )
    try:
        return msgspec.to_builtins(list(blocks))
    except TypeError as error:
        raise BlocksInvalid(str(error)) from error


def parse_blocks(data: Any) -> tuple[Block, ...]:
    """What was sent, checked. Raises BlocksInvalid."""
    try:
        blocks: tuple[Block, ...] = msgspec.convert(
            data, Annotated[tuple[Block, ...], Meta(max_length=BLOCKS_MAX)]
        )
    except (msgspec.ValidationError, RecursionError) as error:
        raise BlocksInvalid(f"{error} (block, then its part)") from error
    for number, block in enumerate(blocks):
        if isinstance(block, Table):
            _require_even(number, block)
            for value in (value for row in block.rows for value in row):
                _require_safe(number, value)
        elif isinstance(block, Facts):
            for value in block.facts.values():
                _require_safe(number, value)
    return blocks


def is_safe_link(href: str) -> bool:
    """To a page of the portal, or to the web; never a script, never another scheme."""
    if not href.isprintable() or "\\" in href or href != href.strip():
        return False
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    if parts.scheme or parts.netloc:
        return parts.scheme in ("http", "https") and bool(parts.netloc)
    return href.startswith("/") and not href.startswith("//")


def _require_even(number: int, table: Table) -> None:
    for row_number, row in enumerate(table.rows):
        if len(row) != len(table.columns):
            raise BlocksInvalid(
                f"block {number}: row {row_number} has {len(row)} values for "
                f"{len(table.columns)} columns"
            )


def _require_safe(number: int, value: Value) -> None:
    if isinstance(value, Link) and not is_safe_link(value.href):
        raise BlocksInvalid(
            f"block {number}: a link leads to {value.href[:100]!r}; it may lead to https://, "
            "http:// or a path of the portal"
        )

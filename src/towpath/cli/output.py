"""Standard output for data, standard error for words; readable without colour."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def write_table(
    rows: Sequence[Mapping[str, str]], *, wide: bool = False, words: Sequence[str] = ()
) -> None:
    """Columns as wide as their widest cell. A column whose name starts with `+` shows with wide.

    `words` are the sentences below the table.
    """
    if rows:
        _write_columns(rows, wide=wide)
    elif not words:
        say("Nothing found.")
    for sentence in words:
        print(sentence)  # noqa: T201 - this is the output


def _write_columns(rows: Sequence[Mapping[str, str]], *, wide: bool) -> None:
    names = [name for name in rows[0] if wide or not name.startswith("+")]
    cells = [[name.lstrip("+").upper() for name in names]]
    cells += [[_cell(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    for row in cells:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())  # noqa: T201 - this is the output


def _cell(value: object) -> str:
    return " ".join(str(value).split()) or "-"


def write_data(data: Any, form: str) -> None:
    if form == "json":
        text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    else:
        from towpath.machinery.documents import dump_document

        text = dump_document(data).rstrip()
    print(text)  # noqa: T201 - this is the output


def without_managed_fields(data: Any) -> Any:
    """As kubectl shows objects: who owns which field is nothing that people want to read."""
    if isinstance(data, dict):
        return {
            name: without_managed_fields(value)
            for name, value in data.items()
            if name != "managedFields"
        }
    if isinstance(data, list | tuple):
        return [without_managed_fields(item) for item in data]
    return data


def write_names(data: Any) -> None:
    items = data.get("items", [data]) if isinstance(data, dict) else data
    for item in items:
        name = item.get("metadata", item).get("name", "") if isinstance(item, dict) else item
        print(name)  # noqa: T201 - this is the output


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - words for the person

"""Columns of custom resources, from the additionalPrinterColumns of a CRD's version."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from towpath.machinery.json_paths import Path, compile_path
from towpath.machinery.objects import RawObject
from towpath.machinery.tables.columns import TableColumns, definition, name_of, since

_AGE: RawObject = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}

_Cell = Callable[[Any, datetime], Any]


def columns_of(crd_version: RawObject) -> TableColumns:
    """Name first; then the declared columns, or the age when none are."""
    declared = crd_version.get("additionalPrinterColumns") or [_AGE]
    definitions = [definition("Name", "string", format_name="name")]
    cells: list[tuple[Path | None, _Cell]] = []
    for column in declared:
        definitions.append(
            definition(
                column["name"],
                column["type"],
                priority=column.get("priority") or 0,
                format_name=column.get("format") or "",
                description=column.get("description")
                or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
            )
        )
        cells.append((_path(column["jsonPath"]), _CELLS.get(column["type"], _text)))
    return TableColumns(definitions, _cells(cells))


def _path(text: str) -> Path | None:
    """A path that we cannot read shows nothing, as on a kube-apiserver."""
    try:
        return compile_path(text)
    except ValueError:
        return None


def _cells(columns: list[tuple[Path | None, _Cell]]) -> Callable[[RawObject, datetime], list[Any]]:
    def cells(obj: RawObject, now: datetime) -> list[Any]:
        result: list[Any] = [name_of(obj)]
        for path, cell in columns:
            found = path(obj) if path is not None else ()
            result.append(cell(found[0], now) if found else None)
        return result

    return cells


def _text(value: Any, _now: datetime) -> Any:
    match value:
        case None:
            return "<nil>"
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return orjson.dumps(value).decode()
        case _:
            return str(value)


def _integer(value: Any, _now: datetime) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value)


def _number(value: Any, _now: datetime) -> Any:
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else value


def _boolean(value: Any, _now: datetime) -> Any:
    return value if isinstance(value, bool) else None


def _date(value: Any, now: datetime) -> Any:
    return since(value, now) if isinstance(value, str) else None


_CELLS: dict[str, _Cell] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}

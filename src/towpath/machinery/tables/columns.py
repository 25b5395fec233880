"""What a table has columns for, and how their cells are found."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from towpath.machinery.durations import age
from towpath.machinery.objects import RawObject

Cells = Callable[[RawObject, datetime], list[Any]]


class TableColumns(Struct, frozen=True):
    definitions: list[RawObject]
    cells: Cells


def definition(
    name: str, type_name: str, *, priority: int = 0, format_name: str = "", description: str = ""
) -> RawObject:
    return {
        "name": name,
        "type": type_name,
        "format": format_name,
        "description": description or f"{name} of the object",
        "priority": priority,
    }


def definitions(text: str) -> list[RawObject]:
    """`Name, Ready, Desired:integer, IP*`: a type after a colon, a star for wide output."""
    result = []
    for word in text.split(","):
        name, _, type_name = word.strip().partition(":")
        priority = 1 if name.endswith("*") else 0
        name = name.removesuffix("*")
        format_name = "name" if name == "Name" else ""
        result.append(
            definition(name, type_name or "string", priority=priority, format_name=format_name)
        )
    return result


def name_of(obj: RawObject) -> str:
    name: str = (obj.get("metadata") or {}).get("name", "")
    return name


def age_of(obj: RawObject, now: datetime) -> str:
    return since((obj.get("metadata") or {}).get("creationTimestamp"), now)


def since(timestamp: Any, now: datetime) -> str:
    """How long ago; `<unknown>` when there is no time, `<invalid>` when it cannot be read."""
    if not timestamp:
        return "<unknown>"
    moment = read_time(timestamp)
    return "<invalid>" if moment is None else age(moment, now)


def read_time(timestamp: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(timestamp)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else None


def _default_cells(obj: RawObject, now: datetime) -> list[Any]:
    return [name_of(obj), (obj.get("metadata") or {}).get("creationTimestamp")]


DEFAULT = TableColumns(definitions("Name, Created At:date"), _default_cells)
"""For kinds that nobody has described."""

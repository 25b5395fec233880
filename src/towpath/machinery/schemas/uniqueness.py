"""x-kubernetes-list-type: what `set` and `map` lists promise, and how a broken promise is named."""

from collections.abc import Callable
from typing import Any

import orjson

from towpath.machinery.causes import duplicate, invalid_value
from towpath.machinery.errors import Cause
from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.once import Memory, once

Check = Callable[[Any, str, list[Cause]], None]


def identity(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys) if isinstance(item, dict) else ()


def by_keys(items: list[Any], keys: tuple[str, ...]) -> dict[tuple[Any, ...], Any]:
    """Items of a list-type map by their keys."""
    return {identity(item, keys): item for item in items}


def compile_uniqueness(schema: RawObject) -> Check | None:
    """None when no list below promises anything."""
    return _compile(schema, {})


@once
def _compile(schema: RawObject, memory: Memory) -> Check | None:
    if isinstance(items := schema.get("items"), dict):
        return _list_check(_own_check(schema), _compile(items, memory))
    if isinstance(extra := schema.get("additionalProperties"), dict):
        return _values_check(_compile(extra, memory))
    fields = [
        (name, check)
        for name, below in schema.get("properties", {}).items()
        if (check := _compile(below, memory)) is not None
    ]
    return _object_check(fields) if fields else None


def _own_check(schema: RawObject) -> Check | None:
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return _check_set
        case "map":
            return _map_check(tuple(schema.get("x-kubernetes-list-map-keys", ())))
        case _:
            return None


def _repeated(values: list[Any]) -> list[int]:
    """The first position at which each repeated value appears again."""
    seen: dict[bytes, int] = {}
    repeated = []
    for position, value in enumerate(values):
        identity = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        count = seen[identity] = seen.get(identity, 0) + 1
        if count == 2:
            repeated.append(position)
    return repeated


def _check_set(value: Any, path: str, causes: list[Cause]) -> None:
    if len(value) > 1:
        causes.extend(duplicate(f"{path}[{at}]", value[at]) for at in _repeated(value))


def _map_check(keys: tuple[str, ...]) -> Check:
    def check(value: Any, path: str, causes: list[Cause]) -> None:
        for position, item in enumerate(value):
            if item is not None and not isinstance(item, dict):
                detail = "must be an object for an array of list-type map"
                causes.append(invalid_value(f"{path}[{position}]", item, detail))
                return
        if len(value) > 1:
            found = [
                {key: item[key] for key in keys if key in item} if item else {} for item in value
            ]
            causes.extend(duplicate(f"{path}[{at}]", found[at]) for at in _repeated(found))

    return check


def _list_check(own: Check | None, each: Check | None) -> Check | None:
    if own is None and each is None:
        return None

    def check(value: Any, path: str, causes: list[Cause]) -> None:
        if not isinstance(value, list):
            return
        if own is not None:
            own(value, path, causes)
        if each is not None:
            for position, item in enumerate(value):
                each(item, f"{path}[{position}]", causes)

    return check


def _values_check(each: Check | None) -> Check | None:
    if each is None:
        return None

    def check(value: Any, path: str, causes: list[Cause]) -> None:
        if isinstance(value, dict):
            for name, below in value.items():
                each(below, f"{path}[{name}]", causes)

    return check


def _object_check(fields: list[tuple[str, Check]]) -> Check:
    def check(value: Any, path: str, causes: list[Cause]) -> None:
        if isinstance(value, dict):
            for name, below in fields:
                if (inner := value.get(name)) is not None:
                    below(inner, f"{path}.{name}" if path else name, causes)

    return check

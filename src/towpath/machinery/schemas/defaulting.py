"""Defaults: what a field is when nobody said.

A default fills a field that is absent, or null where the schema is not nullable. Objects that are
absent and have no default of their own stay absent, whatever is declared below them.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from towpath.machinery.objects import RawObject
from towpath.machinery.schemas.once import Memory, once

Fill = Callable[[Any], None]

_PLAIN = (str, int, float, bool, type(None))


def compile_defaults(schema: RawObject) -> Fill | None:
    """None when there is no default anywhere below."""
    return _compile(schema, {})


@once
def _compile(schema: RawObject, memory: Memory) -> Fill | None:
    if isinstance(items := schema.get("items"), dict):
        return _items_fill(_compile(items, memory), items)
    own: list[tuple[str, Any, bool]] = []
    deeper: list[tuple[str, Fill]] = []
    for name, below in schema.get("properties", {}).items():
        if "default" in below:
            own.append((name, below["default"], bool(below.get("nullable"))))
        if (fill := _compile(below, memory)) is not None:
            deeper.append((name, fill))
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return _values_fill(_compile(extra, memory), extra)
    if own or deeper:
        return _object_fill(own, deeper)
    return None


def _object_fill(own: list[tuple[str, Any, bool]], deeper: list[tuple[str, Fill]]) -> Fill:
    plain = [(name, value, nullable) for name, value, nullable in own if isinstance(value, _PLAIN)]
    nested = [item for item in own if not isinstance(item[1], _PLAIN)]

    def fill(value: Any) -> None:
        if not isinstance(value, dict):
            return
        for name, default, nullable in plain:
            if value.get(name) is None and not (nullable and name in value):
                value[name] = default
        for name, default, nullable in nested:
            if value.get(name) is None and not (nullable and name in value):
                value[name] = deepcopy(default)
        for name, below in deeper:
            if (inner := value.get(name)) is not None:
                below(inner)

    return fill


def _items_fill(each: Fill | None, items: RawObject) -> Fill | None:
    default = items.get("default")
    if default is not None and not items.get("nullable"):

        def fill_nulls(value: Any) -> None:
            if isinstance(value, list):
                for position, item in enumerate(value):
                    if item is None:
                        value[position] = deepcopy(default)
                    elif each is not None:
                        each(item)

        return fill_nulls
    if each is None:
        return None

    def fill(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                if item is not None:
                    each(item)

    return fill


def _values_fill(each: Fill | None, extra: RawObject) -> Fill | None:
    default = extra.get("default")
    if default is None and each is None:
        return None

    def fill(value: Any) -> None:
        if not isinstance(value, dict):
            return
        for name, below in value.items():
            if below is None and default is not None and not extra.get("nullable"):
                value[name] = deepcopy(default)
            elif each is not None and below is not None:
                each(below)

    return fill

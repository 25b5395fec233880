"""Paths of fields that rules and definitions name: `.spec.port`, `.spec.map['a.b']`.

Source: ValidFieldPath of apiextensions-apiserver.
"""

import re
from collections.abc import Iterator

from towpath.machinery.objects import RawObject

_STEP = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]']+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class PathInvalid(ValueError):
    """Why the path leads to no field; `str()` says it."""


def resolve(path: str, schema: RawObject, *, brackets: bool = True) -> tuple[str, RawObject]:
    """The path as errors print it, and the schema there. Raises PathInvalid."""
    printed, steps = "", iter(_STEP.findall(path))
    for step in steps:
        if step == ".":
            name = _next(steps)
        elif step == "[":
            if not brackets:
                raise PathInvalid("array notation is not allowed")
            name = _quoted(_next(steps))
            if (closing := _next(steps)) != "]":
                raise PathInvalid(f"expected ] but got {closing}")
        else:
            raise PathInvalid(f"expected [ or . but got: {step}")
        printed, schema = _below(printed, schema, name)
    return printed, schema


def normalized(path: str, schema: RawObject) -> str:
    """As errors print it; "" when it leads nowhere."""
    try:
        return resolve(path, schema)[0]
    except PathInvalid:
        return ""


def _next(steps: Iterator[str]) -> str:
    found = next(steps, None)
    if found is None:
        raise PathInvalid("unexpected end of JSON path")
    return found


def _quoted(step: str) -> str:
    if len(step) < 2 or step[0] != "'" or step[-1] != "'":
        raise PathInvalid(f"expected single quoted string but got {step}")
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), step[1:-1])


def _below(printed: str, schema: RawObject, name: str) -> tuple[str, RawObject]:
    if (properties := schema.get("properties")) is not None:
        if name not in properties:
            raise PathInvalid("does not refer to a valid field")
        return f"{printed}.{name}" if printed else name, properties[name]
    if isinstance(extra := schema.get("additionalProperties"), dict):
        return f"{printed}[{name}]", extra
    raise PathInvalid("does not refer to a valid field")

"""Field paths: `spec.tags[0].name`, `metadata.annotations[crossplane.io/external-name]`, `a[*].b`.

Semantics of crossplane-runtime's pkg/fieldpath: reading a path that is not there raises; writing
makes what is missing on the way.
"""

import copy
import itertools
import re
from collections.abc import Iterator
from typing import Any

Segment = str | int
WILDCARD = "*"

_TOKEN = re.compile(r"\.?([^.\[\]]+)|\[([^\[\]]*)\]")


class FieldPathError(Exception):
    """The path is malformed or leads nowhere."""


def parse(path: str) -> list[Segment]:
    segments: list[Segment] = []
    position = 0
    while position < len(path):
        match = _TOKEN.match(path, position)
        if match is None or match.end() == position:
            raise FieldPathError(f"field path {path!r} is malformed at position {position}")
        name, bracket = match.groups()
        text = name if name is not None else bracket.strip("'\"")
        segments.append(int(text) if bracket is not None and text.isdigit() else text)
        position = match.end()
    if not segments:
        raise FieldPathError("the field path is empty")
    return segments


def get(obj: Any, path: str) -> Any:
    """The value at the path; with `[*]`, the list of all of them. Raises FieldPathError."""
    segments = parse(path)
    if WILDCARD in segments:
        return [_walk(obj, expanded, path) for expanded in _expand(obj, segments)]
    return _walk(obj, segments, path)


def _walk(obj: Any, segments: list[Segment], path: str) -> Any:
    for segment in segments:
        if isinstance(obj, dict) and str(segment) in obj:
            obj = obj[str(segment)]
        elif isinstance(obj, list) and isinstance(segment, int) and segment < len(obj):
            obj = obj[segment]
        else:
            raise FieldPathError(f"{path}: no such field")
    return obj


def expand(obj: Any, path: str) -> Iterator[list[Segment]]:
    """Every path that a path with wildcards stands for in this object."""
    return _expand(obj, parse(path))


def _expand(obj: Any, segments: list[Segment]) -> Iterator[list[Segment]]:
    if WILDCARD not in segments:
        yield segments
        return
    at = segments.index(WILDCARD)
    before, after = segments[:at], segments[at + 1 :]
    try:
        container = _walk(obj, before, "")
    except FieldPathError:
        return
    if isinstance(container, list):
        keys: list[Segment] = list(range(len(container)))
    elif isinstance(container, dict):
        keys = list(container)
    else:
        return
    for key in keys:
        yield from _expand(obj, [*before, key, *after])


def put(obj: Any, segments: list[Segment], value: Any, *, policy: str = "Replace") -> None:
    """Set the value at the path, merging as the patch policy says."""
    for segment, following in itertools.pairwise(segments):
        obj = _child(obj, segment, [] if isinstance(following, int) else {})
    last = segments[-1]
    known = _peek(obj, last)
    _assign(obj, last, merge(known, value, policy) if known is not None else value)


def _peek(container: Any, segment: Segment) -> Any:
    if isinstance(container, dict):
        return container.get(str(segment))
    if isinstance(container, list) and isinstance(segment, int) and segment < len(container):
        return container[segment]
    return None


def _child(container: Any, segment: Segment, fresh: Any) -> Any:
    known = _peek(container, segment)
    if known is None:
        _assign(container, segment, fresh)
        return fresh
    if not isinstance(known, dict | list):
        raise FieldPathError(f"{segment}: is not an object or array")
    return known


def _assign(container: Any, segment: Segment, value: Any) -> None:
    if isinstance(container, dict):
        container[str(segment)] = value
    elif isinstance(container, list) and isinstance(segment, int):
        container.extend([None] * (segment + 1 - len(container)))
        container[segment] = value
    else:
        raise FieldPathError(f"{segment}: an array index is needed here")


_APPENDS = {"MergeObjectsAppendArrays", "ForceMergeObjectsAppendArrays", "AppendArray"}
_KEEPS = {"MergeObjects", "MergeObjectsAppendArrays", "MergeObject"}
POLICIES = frozenset({"Replace", "ForceMergeObjects"} | _APPENDS | _KEEPS)


def merge(known: Any, value: Any, policy: str) -> Any:
    """Two values by a toFieldPath policy; "keep" policies leave what is there, "force" replaces."""
    if policy == "Replace":
        return value
    if isinstance(known, dict) and isinstance(value, dict):
        merged = copy.deepcopy(known)
        for key, new in value.items():
            merged[key] = merge(merged[key], new, policy) if key in merged else new
        return merged
    if isinstance(known, list) and isinstance(value, list) and policy in _APPENDS:
        return [*known, *(item for item in value if item not in known)]
    return known if policy in _KEEPS else value

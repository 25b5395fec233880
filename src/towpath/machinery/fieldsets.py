"""Sets of fields, as managedFields records them.

A FieldSet is the FieldsV1 tree itself: keys are path elements (`f:name`, `k:{"name":"a"}`,
`v:"x"`), an empty node is a member, and a node with children is a member when it has `.`.
Nothing is decoded or encoded, and every operation is a walk over two trees. The empty set is the
empty root. No function changes its arguments; results share nodes with them.
"""

import json
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import orjson

from towpath.machinery.topology import Topology

FieldSet = dict[str, Any]

_LEAF: FieldSet = {}
HOLDERS = (dict, list)
"""What comes out of JSON and has parts."""
SELF = "."


class MissingKey(ValueError):
    """A list item without one of the fields that identify it."""


def _is_member(node: FieldSet) -> bool:
    return not node or SELF in node


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left:
        return right
    return left if not right else _union(left, right)


def _union(left: FieldSet, right: FieldSet) -> FieldSet:
    if left is right:
        return left
    if not left:
        return right if _is_member(right) else {SELF: _LEAF, **right}
    if not right:
        return left if SELF in left else {SELF: _LEAF, **left}
    result = dict(left)
    for step, below in right.items():
        if step != SELF and step in result:
            result[step] = _union(result[step], below)
        else:
            result[step] = below
    return result


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of left that are not members of right; what lies below a path is its own member."""
    if not left or not right:
        return left
    return _difference(left, right, is_root=True) or {}


def _difference(left: FieldSet, right: FieldSet, *, is_root: bool = False) -> FieldSet | None:
    if not left:
        return None if _is_member(right) else left
    if not right and not is_root:
        return {step: below for step, below in left.items() if step != SELF} or None
    result: FieldSet = {}
    for step, below in left.items():
        if step not in right:
            result[step] = below
        elif step != SELF and (rest := _difference(below, right[step])) is not None:
            result[step] = rest
    return _normal(result)


def _normal(node: FieldSet) -> FieldSet | None:
    if not node:
        return None
    return _LEAF if len(node) == 1 and SELF in node else node


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left or not right:
        return {}
    return _intersection(left, right) or {}


def _intersection(left: FieldSet, right: FieldSet) -> FieldSet | None:
    if not left:
        return _LEAF if _is_member(right) else None
    if not right:
        return _LEAF if SELF in left else None
    result: FieldSet = {}
    for step, below in left.items():
        if step in right:
            if step == SELF:
                result[step] = _LEAF
            elif (both := _intersection(below, right[step])) is not None:
                result[step] = both
    return _normal(result)


def without(fields: FieldSet, names: frozenset[str]) -> FieldSet:
    """The set without these top-level fields and everything below them."""
    return {step: below for step, below in fields.items() if step[2:] not in names}


_SERVER_METADATA = frozenset(
    f"f:{name}"
    for name in (
        *("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName"),
        *("generation", "managedFields", "resourceVersion"),
    )
)


def without_identity(fields: FieldSet) -> FieldSet:
    """The set without what nobody owns: apiVersion, kind and the server's part of metadata."""
    result = {
        step: below
        for step, below in fields.items()
        if step not in ("f:apiVersion", "f:kind", SELF)
    }
    if "f:metadata" in result:
        metadata = {
            step: below
            for step, below in result["f:metadata"].items()
            if step not in _SERVER_METADATA and step != SELF
        }
        if metadata:
            result["f:metadata"] = metadata
        else:
            del result["f:metadata"]
    return result


def fields_of(value: Any, topology: Topology) -> FieldSet:
    """What an applied configuration claims. Raises MissingKey."""
    return _fields_of(value, topology) or {}


def _fields_of(value: Any, topology: Topology) -> FieldSet | None:
    """None when the value claims nothing by itself: an empty object or list."""
    if isinstance(value, dict) and not topology.atomic:
        result: FieldSet = {}
        fields = topology.fields
        for name, below in value.items():
            if below.__class__ not in HOLDERS:
                result[f"f:{name}"] = _LEAF
                continue
            declared = fields.get(name)
            inner = _fields_of(below, declared if declared is not None else topology.items)
            if inner is None:
                if below == {} or declared is None:
                    result[f"f:{name}"] = _LEAF
            elif declared is None and inner and SELF not in inner:
                result[f"f:{name}"] = {SELF: _LEAF, **inner}
            else:
                result[f"f:{name}"] = inner
        return result or None
    if isinstance(value, list) and topology.list_type != "atomic":
        result = {}
        for item in value:
            inner = _fields_of(item, topology.items)
            step = item_step(item, topology)
            result[step] = {SELF: _LEAF, **inner} if inner else _LEAF
        return result or None
    return _LEAF


def everything_in(value: Any, topology: Topology) -> FieldSet:
    """Every path of a value, itself included: what an update that adds the value owns."""
    if isinstance(value, dict) and value and not topology.atomic:
        result: FieldSet = {SELF: _LEAF}
        for name, below in value.items():
            has_parts = below and below.__class__ in HOLDERS
            result[f"f:{name}"] = everything_in(below, topology.below(name)) if has_parts else _LEAF
        return result
    if isinstance(value, list) and value and topology.list_type != "atomic":
        result = {SELF: _LEAF}
        for item in value:
            try:
                result[item_step(item, topology)] = everything_in(item, topology.items)
            except MissingKey:
                continue
        return result
    return _LEAF


def item_step(item: Any, topology: Topology) -> str:
    """The path element of an item of a set or map list. Raises MissingKey."""
    if topology.list_type == "set":
        return "v:" + orjson.dumps(item, option=orjson.OPT_SORT_KEYS).decode()
    if not isinstance(item, dict):
        raise MissingKey("associative list with keys may not have non-map elements")
    found = {}
    for key in topology.keys:
        if key in item:
            found[key] = item[key]
        elif key in topology.key_defaults:
            found[key] = topology.key_defaults[key]
        else:
            raise MissingKey(
                "associative list with keys has an element that omits key field "
                f'"{key}" (and doesn\'t have default value)'
            )
    return "k:" + orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode()


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Members as people read them: `.spec.ports[containerPort=80,protocol="TCP"].name`.

    In the order of a kube-apiserver: those of a level first, then what is below each.
    """
    shown = [(_show(step), fields[step]) for step in fields if step != SELF]
    shown.sort(key=itemgetter(0))
    yield from (prefix + step for step, below in shown if _is_member(below))
    for step, below in shown:
        yield from paths(below, prefix + step)


def _show(step: str) -> str:
    kind, text = step[0], step[2:]
    if kind == "f":
        return f".{text}"
    if kind == "k":
        keys = json.loads(text)
        shown = (f"{key}={json.dumps(value)}" for key, value in sorted(keys.items()))
        return f"[{','.join(shown)}]"
    return f"[={text}]" if kind == "v" else f"[{text}]"

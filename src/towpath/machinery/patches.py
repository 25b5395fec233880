"""JSON patch (RFC 6902), JSON merge patch (RFC 7386); strategic merge is next door.

Documents and patches are never changed; what comes back may share parts with them, so that its
owner copies before editing deeply. A patch that makes no sense is a BadRequest; one that does not
fit the document is Invalid, as a kube-apiserver answers.
"""

from copy import deepcopy
from typing import Any

import orjson

from towpath.machinery.errors import BadRequest, Invalid, TooLarge
from towpath.machinery.json_pointers import parse_pointer
from towpath.machinery.nesting import DEPTH_MAX, is_too_deep
from towpath.machinery.objects import RawObject
from towpath.machinery.strategic import strategic_merge_patch

__all__ = ["json_patch", "merge_patch", "strategic_merge_patch"]

OPERATIONS_MAX = 10_000
COPIED_BYTES_MAX = 3 * 1024 * 1024
"""Of JSON that the copy operations of one patch may add, as in kube-apiserver."""

_TAKES_VALUE = frozenset(("add", "replace", "test"))
"""Null where there is none."""
_NEEDS_FROM = frozenset(("move", "copy"))
_OPERATIONS = _TAKES_VALUE | _NEEDS_FROM | {"remove"}


class TestFailed(Invalid):
    """A patch whose own test says that it is not meant for this object."""


class _DoesNotFit(Exception):
    refusal: type[Invalid] = Invalid


class _TestDoesNotFit(_DoesNotFit):
    refusal = TestFailed


def merge_patch(document: Any, patch: Any) -> Any:
    """Null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch) if isinstance(document, dict) else _without_nulls(patch)
    if not isinstance(document, dict):
        return _without_nulls(patch)
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif result.get(name) is None:
            result[name] = _without_nulls(value)
        else:
            result[name] = merge_patch(result[name], value)
    return result


def _without_nulls(value: Any) -> Any:
    """What is new has no fields to remove; a list's own nulls stay."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def json_patch(document: RawObject, operations: list[RawObject]) -> RawObject:
    """All operations in order, or none."""
    if not isinstance(operations, list):
        raise BadRequest("error decoding patch: a JSON patch is a list of operations")
    if len(operations) > OPERATIONS_MAX:
        raise TooLarge(
            "Request entity too large: The allowed maximum operations in a JSON patch is "
            f"{OPERATIONS_MAX}, got {len(operations)}"
        )
    result: Any = orjson.loads(orjson.dumps(document))
    copied_bytes = 0
    for position, operation in enumerate(operations):
        _check_operation(operation, position)
        try:
            if operation["op"] == "copy":
                copied_bytes += _copied_bytes(result, operation, COPIED_BYTES_MAX - copied_bytes)
            result = _apply(result, operation)
        except _DoesNotFit as error:
            raise error.refusal(
                "the server rejected our request due to an error in our request: "
                f"operation {position} of the JSON patch: {error}"
            ) from None
    if not isinstance(result, dict):
        raise Invalid("the JSON patch makes something that is not an object")
    if _is_too_deep(result):
        raise Invalid(f"the JSON patch makes an object that is nested deeper than {DEPTH_MAX}")
    return result


def _is_too_deep(document: RawObject) -> bool:
    try:
        return is_too_deep(document, orjson.dumps(document))
    except orjson.JSONEncodeError:
        return True


def _check_operation(operation: Any, position: int) -> None:
    where = (
        "the server rejected our request due to an error in our request: "
        f"operation {position} of the JSON patch"
    )
    if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
        name = operation.get("op") if isinstance(operation, dict) else operation
        raise Invalid(
            "the server rejected our request due to an error in our request: operation "
            f"{position}: unexpected kind {name!r}; one of {sorted(_OPERATIONS)}"
        )
    for name in ("path", "from") if operation["op"] in _NEEDS_FROM else ("path",):
        try:
            pointer = operation.get(name)
            parse_pointer(pointer if isinstance(pointer, str) else "?")
        except ValueError as error:
            raise Invalid(f"{where}: {name}: {error}") from None


def _copied_bytes(document: Any, operation: RawObject, most: int) -> int:
    """How much a copy adds: a few that double what they copy would fill any memory."""
    try:
        size = len(orjson.dumps(_read(document, parse_pointer(operation["from"]))))
    except orjson.JSONEncodeError as error:
        raise _DoesNotFit(f"{operation['from']} is nested too deep to be copied") from error
    if size > most:
        raise _DoesNotFit(f"the patch copies more than {COPIED_BYTES_MAX} bytes")
    return size


def _apply(document: Any, operation: RawObject) -> Any:
    steps = parse_pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _add(document, steps, deepcopy(operation.get("value")))
        case "remove":
            _remove(document, steps)
        case "replace":
            if not steps:
                return deepcopy(operation.get("value"))
            parent, last = _parent(document, steps)
            if not isinstance(parent, dict):
                # A key that is not there is added, other than RFC 6902 has it: Kubernetes does so.
                _read(document, steps)
            parent[last] = deepcopy(operation.get("value"))
        case "move":
            origin = parse_pointer(operation["from"])
            if steps[: len(origin)] == origin and steps != origin:
                raise _DoesNotFit(f"cannot move {operation['from']} into itself")
            value = _read(document, origin)
            _remove(document, origin)
            return _add(document, steps, value)
        case "copy":
            value = deepcopy(_read(document, parse_pointer(operation["from"])))
            return _add(document, steps, value)
        case _:
            _test(document, steps, operation)
    return document


def _test(document: Any, steps: list[str], operation: RawObject) -> None:
    if steps and isinstance(parent := _read(document, steps[:-1]), dict):
        # kube-apiserver's library takes an absent field for null.
        found = parent.get(steps[-1])
    else:
        found = _read(document, steps)
    if not json_equal(found, operation.get("value")):
        raise _TestDoesNotFit(f"testing value {operation['path']} failed")


def json_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: true is not 1, and 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            json_equal(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    return bool(left == right)


def _position(step: str, length: int, path: list[str]) -> int:
    if not step.isdigit() or (step != "0" and step.startswith("0")):
        raise _DoesNotFit(f"{_pointer(path)}: {step!r} is not a position in a list")
    position = int(step)
    if position >= length:
        raise _DoesNotFit(f"{_pointer(path)}: the list has {length} items, no item {position}")
    return position


def _read(document: Any, steps: list[str]) -> Any:
    value = document
    for step in steps:
        if isinstance(value, list):
            value = value[_position(step, len(value), steps)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise _DoesNotFit(f"{_pointer(steps)} does not exist")
    return value


def _parent(document: Any, steps: list[str]) -> tuple[Any, Any]:
    parent = _read(document, steps[:-1])
    if isinstance(parent, list):
        return parent, _position(steps[-1], len(parent), steps)
    if isinstance(parent, dict):
        return parent, steps[-1]
    raise _DoesNotFit(f"{_pointer(steps[:-1])} is neither an object nor a list")


def _add(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        raise _DoesNotFit("the whole document can be replaced and not added")
    parent = _read(document, steps[:-1])
    if isinstance(parent, list):
        last = steps[-1]
        parent.insert(
            len(parent) if last == "-" else _position(last, len(parent) + 1, steps), value
        )
    elif isinstance(parent, dict):
        parent[steps[-1]] = value
    else:
        raise _DoesNotFit(f"{_pointer(steps[:-1])} is neither an object nor a list")
    return document


def _remove(document: Any, steps: list[str]) -> None:
    if not steps:
        raise _DoesNotFit("the whole document cannot be removed")
    parent, last = _parent(document, steps)
    if isinstance(parent, dict) and last not in parent:
        raise _DoesNotFit(f"{_pointer(steps)} does not exist")
    del parent[last]


def _pointer(steps: list[str]) -> str:
    return "/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)

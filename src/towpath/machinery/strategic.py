"""Strategic merge patch: a merge patch that knows which lists are maps.

Directives: `$patch: replace|delete|merge` in an object or list item, `$deleteFromPrimitiveList/x`,
`$setElementOrder/x` and `$retainKeys`. Which field identifies an item, and which lists merge at
all, comes from the kind's Topology. Source: apimachinery's pkg/util/strategicpatch.
"""

from copy import deepcopy
from typing import Any

from towpath.machinery.errors import BadRequest
from towpath.machinery.objects import RawObject
from towpath.machinery.topology import DEDUCED, Topology

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic_merge_patch(
    document: RawObject, patch: RawObject, topology: Topology = DEDUCED
) -> RawObject:
    """The patched document; neither argument changes. Raises BadRequest."""
    if not isinstance(patch, dict):
        raise BadRequest("error decoding patch: a strategic merge patch is an object")
    return _merge_object(document, patch, topology)


def _merge_object(document: Any, patch: RawObject, topology: Topology) -> RawObject:
    directive = patch.get(_DIRECTIVE)
    if directive == "replace":
        return {name: deepcopy(value) for name, value in patch.items() if name != _DIRECTIVE}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"unknown patch type found: {directive}")
    result = dict(document) if isinstance(document, dict) else {}
    if _RETAIN in patch:
        kept = set(patch[_RETAIN] or ())
        if any(name not in kept for name in patch if not name.startswith("$")):
            raise BadRequest("$retainKeys list doesn't contain all the fields of the patch")
        result = {name: value for name, value in result.items() if name in kept}
    for name, value in patch.items():
        if not name.startswith("$"):
            _merge_field(result, name, value, patch, topology.below(name))
    for name, value in patch.items():
        _apply_list_directive(result, name, value, patch, topology)
    return result


def _merge_field(
    result: RawObject, name: str, value: Any, patch: RawObject, topology: Topology
) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict):
        if value.get(_DIRECTIVE) == "delete":
            result.pop(name, None)
        else:
            result[name] = _merge_object(result.get(name), value, topology)
    elif isinstance(value, list):
        order = patch.get(_ORDER + name)
        result[name] = _merge_list(result.get(name), value, order, topology, name)
    else:
        result[name] = value


def _apply_list_directive(
    result: RawObject, name: str, value: Any, patch: RawObject, topology: Topology
) -> None:
    """Deletions from primitive lists, and orders of lists that the patch has no items for."""
    if name.startswith(_DELETE):
        target = name.removeprefix(_DELETE)
        if isinstance(result.get(target), list):
            result[target] = [item for item in result[target] if item not in (value or ())]
            if (order := patch.get(_ORDER + target)) is not None:
                result[target] = _ordered(result[target], order, [], "")
    elif name.startswith(_ORDER):
        target = name.removeprefix(_ORDER)
        below = topology.below(target)
        if target not in patch and isinstance(result.get(target), list) and below.merges:
            result[target] = _ordered(result[target], value, [], below.merge_key)


def _merge_list(
    current: Any, patch: list[Any], order: list[Any] | None, topology: Topology, name: str
) -> list[Any]:
    if not topology.merges or not isinstance(current, list):
        current = []
        if not topology.merges:
            return deepcopy([item for item in patch if not _is_directive(item)])
    if any(_is_directive(item) and item[_DIRECTIVE] == "replace" for item in patch):
        return deepcopy([item for item in patch if not _is_directive(item)])
    if topology.merge_key:
        merged = _merge_items(current, patch, topology, name)
    else:
        merged = list(current) + [item for item in patch if item not in current]
    if order is None:
        return _patched_first(merged, patch, current, topology.merge_key)
    return _ordered(merged, order, current, topology.merge_key)


def _patched_first(
    merged: list[Any], patch: list[Any], current: list[Any], merge_key: str
) -> list[Any]:
    """Items of the patch keep its order; one that was not there goes before those that were.

    What only the document has is woven in by where it stood relative to the patch's items.
    """

    def identity(item: Any) -> Any:
        return _hashable(_key_of(item, merge_key) if merge_key else item)

    by_patch = {identity(item): rank for rank, item in reversed([*enumerate(patch)])}
    before = {identity(item): place for place, item in reversed([*enumerate(current)])}
    named = [item for item in merged if identity(item) in by_patch]
    named.sort(key=lambda item: by_patch[identity(item)])
    others = [item for item in merged if identity(item) not in by_patch]
    result: list[Any] = []
    while named and others:
        place = before.get(identity(named[0]))
        stood_first = place is not None and before[identity(others[0])] < place
        result.append((others if stood_first else named).pop(0))
    return result + named + others


def _is_directive(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {_DIRECTIVE}


def _merge_items(current: list[Any], patch: list[Any], topology: Topology, name: str) -> list[Any]:
    key = topology.merge_key
    merged = list(current)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            if _is_directive(item):
                continue
            raise BadRequest(f"map: {item} does not contain declared merge key: {key} (in {name})")
        at = next(
            (place for place, old in enumerate(merged) if _key_of(old, key) == item[key]), None
        )
        if item.get(_DIRECTIVE) == "delete":
            merged = [old for old in merged if _key_of(old, key) != item[key]]
        elif at is None:
            merged.append(_merge_object(None, item, topology.items))
        else:
            merged[at] = _merge_object(merged[at], item, topology.items)
    return merged


def _key_of(item: Any, key: str) -> Any:
    return item.get(key) if isinstance(item, dict) else None


def _ordered(merged: list[Any], order: list[Any], current: list[Any], merge_key: str) -> list[Any]:
    """Items that `order` names in its order; the others stay behind the neighbour they had."""

    def identity(item: Any) -> Any:
        return _key_of(item, merge_key) if merge_key else item

    ranks: dict[Any, int] = {}
    for rank, item in enumerate(order or ()):
        ranks.setdefault(_hashable(identity(item)), rank)
    named = [item for item in merged if _hashable(identity(item)) in ranks]
    named.sort(key=lambda item: ranks[_hashable(identity(item))])
    others = [
        (place, item) for place, item in enumerate(merged) if _hashable(identity(item)) not in ranks
    ]
    places = {_hashable(identity(item)): place for place, item in enumerate(merged)}
    result: list[Any] = []
    for item in named:
        while others and others[0][0] < places[_hashable(identity(item))]:
            result.append(others.pop(0)[1])
        result.append(item)
    return result + [item for _, item in others]


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)

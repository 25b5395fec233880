"""The two movements of server-side apply: lay a configuration over an object, take fields away."""

from collections import Counter, deque
from typing import Any

from towpath.machinery.fieldsets import HOLDERS, SELF, FieldSet, MissingKey, item_step
from towpath.machinery.topology import Topology


def merge(live: Any, applied: Any, topology: Topology) -> Any:
    """Applied fields win; granular objects and lists merge. Raises MissingKey, ValueError."""
    if isinstance(applied, dict) and isinstance(live, dict) and not topology.atomic:
        result = dict(live)
        for name, value in applied.items():
            if name in result and (value is None or value.__class__ in HOLDERS):
                result[name] = merge(result[name], value, topology.below(name))
            else:
                result[name] = value
        return result
    if applied is None and live and _is_granular(live, topology):
        # Null is a map of nothing to merge, and a list of nothing as well.
        return live
    if topology.list_type != "atomic" and isinstance(applied, list):
        return _merge_lists(live if isinstance(live, list) else [], applied, topology)
    return applied


def _is_granular(value: Any, topology: Topology) -> bool:
    if isinstance(value, list):
        return topology.list_type != "atomic"
    return isinstance(value, dict) and not topology.atomic


def _merge_lists(live: list[Any], applied: list[Any], topology: Topology) -> list[Any]:
    """Applied order for shared items; items of others stay where they were among them."""
    if not live:
        _indexed(applied, topology)
        return applied
    new = _indexed(applied, topology)
    old_steps = [_step_or_position(item, place, topology) for place, item in enumerate(live)]
    old = dict(zip(old_steps, live, strict=True))
    repeated = {step for step, count in Counter(old_steps).items() if count > 1}
    new_steps = list(new)
    shared = deque(step for step in new_steps if step in old)
    merged: set[str] = set()
    result: list[Any] = []

    def take(step: str) -> None:
        merged.add(step)
        if shared and shared[0] == step:
            shared.popleft()
        if step in old and step not in repeated:
            result.append(merge(old[step], new[step], topology.items))
        else:
            result.append(new[step])

    left = right = 0
    while left < len(live) or right < len(new_steps):
        if left < len(live):
            step = old_steps[left]
            if step not in new:
                result.append(live[left])
                left += 1
                continue
            if step in merged or (shared and shared[0] != step and right < len(new_steps)):
                left += 1
                continue
        if right < len(new_steps):
            take(new_steps[right])
            right += 1
        else:
            left += 1
    return result


def _indexed(items: list[Any], topology: Topology) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for position, item in enumerate(items):
        try:
            step = item_step(item, topology)
        except MissingKey as error:
            raise MissingKey(f"element {position}: {error}") from None
        if step in result:
            raise ValueError(f"duplicate entries for key {step[2:]}")
        result[step] = item
    return result


def _step_or_position(item: Any, position: int, topology: Topology) -> str:
    try:
        return item_step(item, topology)
    except MissingKey:
        return f"i:{position}"


def remove(value: Any, gone: FieldSet, kept: FieldSet, topology: Topology) -> Any:
    """`value` without the members of `gone` that are nowhere claimed in `kept`.

    A named field goes with its last claimed content, even when nobody claimed the field itself;
    what is left with nothing in it is null.
    """
    if isinstance(value, dict) and not topology.atomic:
        result = {}
        for name, below in value.items():
            lost = gone.get(f"f:{name}")
            if lost is None:
                result[name] = below
                continue
            claimed = kept.get(f"f:{name}")
            if claimed is None and (not lost or SELF in lost or name in topology.fields):
                continue
            result[name] = remove(below, lost, claimed or {}, topology.below(name))
        return result if result or not value else None
    if isinstance(value, list) and topology.list_type != "atomic":
        return _remove_items(value, gone, kept, topology)
    return value


def _remove_items(
    items: list[Any], gone: FieldSet, kept: FieldSet, topology: Topology
) -> list[Any] | None:
    result = []
    for position, item in enumerate(items):
        step = _step_or_position(item, position, topology)
        lost = gone.get(step)
        if lost is None:
            result.append(item)
            continue
        claimed = kept.get(step)
        if claimed is None and (not lost or SELF in lost):
            continue
        result.append(remove(item, lost, claimed or {}, topology.items))
    return result if result or not items else None

"""What differs between two states of an object, as sets of fields."""

from typing import Any

from msgspec import Struct

from towpath.machinery.fieldsets import (
    FieldSet,
    MissingKey,
    everything_in,
    item_step,
    union,
    without,
    without_identity,
)
from towpath.machinery.topology import DEDUCED, Topology

_ABSENT = object()


class Comparison(Struct, frozen=True):
    added: FieldSet
    modified: FieldSet
    removed: FieldSet

    @property
    def written(self) -> FieldSet:
        return union(self.modified, self.added)

    def limited(self, resets: frozenset[str]) -> "Comparison":
        """Without what nobody owns, and without the fields that the endpoint does not write."""
        return Comparison(
            _limited(self.added, resets),
            _limited(self.modified, resets),
            _limited(self.removed, resets),
        )


def _limited(fields: FieldSet, resets: frozenset[str]) -> FieldSet:
    return without(without_identity(fields), resets) if fields else fields


def compare(old: Any, new: Any, topology: Topology) -> Comparison:
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    _compare_objects(old, new, topology, added, modified, removed)
    return Comparison(added, modified, removed)


def _compare(
    step: str,
    old: Any,
    new: Any,
    topology: Topology,
    added: FieldSet,
    modified: FieldSet,
    removed: FieldSet,
) -> None:
    """Compare one child and hang what differs below `step` into the parents' sets."""
    if old is _ABSENT:
        added[step] = everything_in(new, topology)
    elif new is _ABSENT:
        removed[step] = everything_in(old, topology)
    elif topology is DEDUCED and _shape(old) != _shape(new) and None not in (old, new):
        # Where no type says what it is, another shape is another value.
        added[step] = everything_in(new, topology)
        removed[step] = everything_in(old, topology)
    elif old != new or type(old) is not type(new):
        inner: tuple[FieldSet, FieldSet, FieldSet] = ({}, {}, {})
        if _descend(old, new, topology, *inner):
            for target, found in zip((added, modified, removed), inner, strict=True):
                if found:
                    target[step] = found
        else:
            modified[step] = {}


def _descend(
    old: Any,
    new: Any,
    topology: Topology,
    added: FieldSet,
    modified: FieldSet,
    removed: FieldSet,
) -> bool:
    """False when the two are compared as one value."""
    if not old and not new:
        return False
    if not topology.atomic and _both(old, new, dict):
        _compare_objects(old or {}, new or {}, topology, added, modified, removed)
        return True
    if topology.list_type != "atomic" and _both(old, new, list):
        _compare_lists(old or [], new or [], topology, added, modified, removed)
        return True
    return False


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return "object"
    return "list" if isinstance(value, list) else "scalar"


def _both(old: Any, new: Any, kind: type) -> bool:
    """Whether both are of the kind; a null takes the shape of the other."""
    return (isinstance(old, kind) or old is None) and (isinstance(new, kind) or new is None)


def _compare_objects(
    old: Any,
    new: Any,
    topology: Topology,
    added: FieldSet,
    modified: FieldSet,
    removed: FieldSet,
) -> None:
    for name, value in new.items():
        before = old.get(name, _ABSENT)
        if before is not value and (before.__class__ is not value.__class__ or before != value):
            _compare(f"f:{name}", before, value, topology.below(name), added, modified, removed)
    for name, value in old.items():
        if name not in new:
            removed[f"f:{name}"] = everything_in(value, topology.below(name))


def _compare_lists(
    old: list[Any],
    new: list[Any],
    topology: Topology,
    added: FieldSet,
    modified: FieldSet,
    removed: FieldSet,
) -> None:
    before, after = _grouped(old, topology), _grouped(new, topology)
    for step in before.keys() | after.keys():
        left, right = before.get(step, []), after.get(step, [])
        if len(left) <= 1 and len(right) <= 1:
            _compare(
                step,
                left[0] if left else _ABSENT,
                right[0] if right else _ABSENT,
                topology.items,
                added,
                modified,
                removed,
            )
        elif left != right:
            # Repeated items have no identity of their own: they are one value together.
            target = modified if len(left) > 1 and len(right) > 1 else added
            if len(left) > 1 and len(right) <= 1:
                removed[step] = {}
            else:
                target[step] = {}


def _grouped(items: list[Any], topology: Topology) -> dict[str, list[Any]]:
    result: dict[str, list[Any]] = {}
    for item in items:
        try:
            result.setdefault(item_step(item, topology), []).append(item)
        except MissingKey:
            continue
    return result

"""Functions of lists, sets, maps and optional values."""

from collections.abc import Callable
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from towpath.machinery.cel.errors import CelError, no_such_overload
from towpath.machinery.cel.functions import Library
from towpath.machinery.cel.operators import add as plus
from towpath.machinery.cel.values import NONE, Duration, Opt, compare, contains, equal

LISTS = Library()
COMPARABLE = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_SUMMABLE: dict[str, Any] = {"int": 0, "uint": None, "double": 0.0, "duration": Duration(0)}
_RANGE_MAX = 1_000_000


def _is_sorted(items: list[Any]) -> bool:
    return all(compare(left, right) <= 0 for left, right in pairwise(items))


def _sum(nothing: Any) -> Callable[[list[Any]], Any]:
    def run(items: list[Any]) -> Any:
        if not items:
            return nothing
        total = items[0]
        for item in items[1:]:
            total = plus(total, item)
        return total

    return run


def _extreme(name: str, sign: int) -> Callable[[list[Any]], Any]:
    def run(items: list[Any]) -> Any:
        if not items:
            raise CelError(f"{name} called on empty list")
        best = items[0]
        for item in items[1:]:
            if compare(item, best) * sign > 0:
                best = item
        return best

    return run


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((place for place, item in enumerate(items) if equal(item, wanted)), -1)


def _last_index_of(items: list[Any], wanted: Any) -> int:
    found = _index_of(items[::-1], wanted)
    return found if found < 0 else len(items) - 1 - found


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise CelError(
            f"cannot slice({start}, {end}), start index must be less than or equal to end index"
        )
    if len(items) < end:
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    result: list[Any] = []
    for item in items:
        if isinstance(item, list) and depth > 0:
            result.extend(_flatten(item, depth - 1))
        else:
            result.append(item)
    return result


def _by_key(one: tuple[Any, Any], two: tuple[Any, Any]) -> int:
    return compare(one[0], two[0])


def _sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    pairs = sorted(zip(keys, items, strict=True), key=cmp_to_key(_by_key))
    return [item for _, item in pairs]


def _sort(items: list[Any]) -> list[Any]:
    return _sort_by(items, items)


def _range(count: int) -> list[int]:
    if count > _RANGE_MAX:
        raise CelError(f"lists.range({count}) is longer than {_RANGE_MAX} items")
    return list(range(count))


def _distinct(items: list[Any]) -> list[Any]:
    result: list[Any] = []
    for item in items:
        if not contains(result, item):
            result.append(item)
    return result


def _sets_contain(items: list[Any], wanted: list[Any]) -> bool:
    return all(contains(items, item) for item in wanted)


def _insert(entries: dict[Any, Any], key: Any, *value: Any) -> dict[Any, Any]:
    added = {key: value[0]} if value else key
    for name in added:
        if name in entries:
            raise CelError(f"insert failed: key {name} already exists")
    return {**entries, **added}


# -- optional values -----------------------------------------------------------------------------


def _value(optional: Opt) -> Any:
    if not optional.present:
        raise CelError("optional.none() dereference")
    return optional.value


def _of_non_zero(value: Any) -> Opt:
    zero = value is None or (
        isinstance(value, int | float | str | bytes | list | dict) and not value
    )
    return NONE if zero else Opt(value)


def _unwrap(items: list[Any]) -> list[Any]:
    if not all(isinstance(item, Opt) for item in items):
        raise no_such_overload()
    return [item.value for item in items if item.present]


def _end(place: int) -> Callable[[list[Any]], Opt]:
    return lambda items: Opt(items[place]) if items else NONE


def _declare() -> None:
    add = LISTS.add
    for kind in COMPARABLE:
        add("isSorted", f"list_{kind}_is_sorted_bool", f"list({kind}).() bool", _is_sorted)
        add("min", f"list_{kind}_min_{kind}", f"list({kind}).() {kind}", _extreme("min", -1))
        add("max", f"list_{kind}_max_{kind}", f"list({kind}).() {kind}", _extreme("max", 1))
        add("sort", f"list_{kind}_sort", f"list({kind}).() list({kind})", _sort)
        add(
            "@sortByAssociatedKeys",
            f"list_{kind}_sortByAssociatedKeys",
            f"list(T).(list({kind})) list(T)",
            _sort_by,
        )
    for kind, nothing in _SUMMABLE.items():
        add("sum", f"list_{kind}_sum_{kind}", f"list({kind}).() {kind}", _sum(nothing))
    add("indexOf", "list_a_index_of_int", "list(A).(A) int", _index_of)
    add("lastIndexOf", "list_a_last_index_of_int", "list(A).(A) int", _last_index_of)
    add("slice", "list_slice", "list(T).(int, int) list(T)", _slice)
    add("flatten", "list_flatten", "list(list(T)).() list(T)", _flatten)
    add("flatten", "list_flatten_int", "list(dyn).(int) list(dyn)", _flatten)
    add("lists.range", "lists_range", "(int) list(int)", _range)
    add("reverse", "list_reverse", "list(T).() list(T)", lambda items: items[::-1])
    add("distinct", "list_distinct", "list(T).() list(T)", _distinct)
    add("sets.contains", "list_sets_contains_list", "(list(T), list(T)) bool", _sets_contain)
    add(
        "sets.equivalent",
        "list_sets_equivalent_list",
        "(list(T), list(T)) bool",
        lambda one, two: _sets_contain(one, two) and _sets_contain(two, one),
    )
    add(
        "sets.intersects",
        "list_sets_intersects_list",
        "(list(T), list(T)) bool",
        lambda one, two: any(contains(two, item) for item in one),
    )
    add("cel.@mapInsert", "@mapInsert_map_key_value", "(map(K,V), K, V) map(K,V)", _insert)
    add("cel.@mapInsert", "@mapInsert_map_map", "(map(K,V), map(K,V)) map(K,V)", _insert)


def _declare_optional() -> None:
    add = LISTS.add
    add("optional.of", "optional_of", "(V) optional(V)", Opt)
    add("optional.ofNonZeroValue", "optional_ofNonZeroValue", "(V) optional(V)", _of_non_zero)
    add("optional.none", "optional_none", "() optional(V)", lambda: NONE)
    add("value", "optional_value", "optional(V).() V", _value)
    add("hasValue", "optional_hasValue", "optional(V).() bool", lambda optional: optional.present)
    add("optional.unwrap", "optional_unwrap", "(list(optional(V))) list(V)", _unwrap)
    add("unwrapOpt", "optional_unwrapOpt", "list(optional(V)).() list(V)", _unwrap)
    add("first", "list_first", "list(V).() optional(V)", _end(0))
    add("last", "list_last", "list(V).() optional(V)", _end(-1))
    # or() and orValue() look at their argument only when they need it: see evaluation.
    add(
        "or",
        "optional_or_optional",
        "optional(V).(optional(V)) optional(V)",
        lambda one, two: one if one.present else two,
    )
    add(
        "orValue",
        "optional_orValue_value",
        "optional(V).(V) V",
        lambda one, two: one.value if one.present else two,
    )


_declare()
_declare_optional()

"""Strategic merge patch: a merge patch that knows which lists are maps.

Directives: `$patch: replace|delete` in an object or list item, `$deleteFromPrimitiveList/x`,
`$setElementOrder/x` and `$retainKeys`. Which field identifies an item, and which lists merge at
all, comes from the kind's Go types, and so do the refusals: where a patch and an object both say
something, the type has to know it. Rules: apimachinery's pkg/util/strategicpatch.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

import orjson

from towpath.machinery.builtins.facts import SCALARS, Field, below, struct
from towpath.machinery.causes import quote
from towpath.machinery.errors import BadRequest, Invalid, Unclassified
from towpath.machinery.go_values import go_text, go_type
from towpath.machinery.objects import RawObject

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_DELETE = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


class GoType:
    """The type of one place in an object."""

    def __init__(self, package: str, name: str) -> None:
        self._package, self._name = package, name

    @property
    def kind(self) -> str:
        for start, kind in (("[]", "slice"), ("map:", "map")):
            if self._name.startswith(start):
                return kind
        if self._name in SCALARS:
            return {"bytes": "slice", "Any": "struct"}.get(self._name, self._name)
        return "struct"

    def field(self, name: str) -> tuple["GoType", Field]:
        """What a JSON name leads to. Raises Unclassified."""
        if self.kind != "struct" or self._name in SCALARS:
            raise Unclassified(
                "merging an object in json but data type is not struct, instead is: " + self.kind
            )
        reference = below(self._package, self._name) or ""
        called = reference.rpartition(".")[2]
        for home, each in _fields(reference):
            if each.name == name:
                return GoType(home, each.type), each
        raise Unclassified(
            f"unable to find api field in struct {called} for the json field {quote(name)}"
        )

    def list_field(self, name: str) -> tuple["GoType", Field]:
        """The type of the items of a list."""
        found, declared = self.field(name)
        if found.kind != "slice":
            raise Unclassified(f"expected slice or array type, but got: {self.kind}")
        return GoType(found._package, found._name.removeprefix("[]")), declared


def _fields(reference: str) -> Iterable[tuple[str, Field]]:
    declared = struct(reference)
    for each in declared.fields:
        if each.inline:
            yield from _fields(below(declared.package, each.type) or "")
        else:
            yield declared.package, each
    if reference != "meta/v1.ObjectMeta":
        yield from _IDENTITY


_IDENTITY = tuple(
    ("meta/v1", Field(name, number, "string"))
    for number, name in enumerate(("apiVersion", "kind"), 1)
)


def strategic_merge_patch(document: RawObject, patch: RawObject, reference: str) -> RawObject:
    """The patched document; neither argument changes. `reference` is the type of the whole, as
    builtins.facts names it. Raises BadRequest, Invalid and Unclassified.
    """
    if not isinstance(patch, dict):
        raise BadRequest("error decoding patch: a strategic merge patch is an object")
    package, _, name = reference.rpartition(".")
    return _merge_map(_copy(document), _copy(patch), GoType(package, name))


def _copy(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _merge_map(original: RawObject, patch: RawObject, go: GoType) -> RawObject:
    if _DIRECTIVE in patch:
        directive = patch.pop(_DIRECTIVE)
        if directive == "replace":
            return patch
        if directive == "delete":
            return {}
        raise _unknown_directive(directive, {_DIRECTIVE: directive, **patch})
    _retain(original, patch)
    _merge_ordered(original, patch, go)
    for key, value in patch.items():
        name = key.removeprefix(_DELETE)
        if value is None:
            original.pop(name, None)
        elif name not in original or go_type(original[name]) != go_type(value):
            if name == key:
                _put(original, name, value)
        elif isinstance(value, dict):
            inner, _ = go.field(name)
            original[name] = _merge_map(original[name], value, inner)
        elif isinstance(value, list):
            inner, declared = go.list_field(name)
            original[name] = _merge_list(
                original[name], value, inner, declared, deletes=name != key
            )
        else:
            original[name] = value
    return original


def _put(original: RawObject, name: str, value: Any) -> None:
    """What the object does not have yet is taken as it is, but for nulls and directives."""
    _discard_nulls(value)
    value, kept = _without_directives(value)
    if kept:
        original[name] = value
    else:
        original.pop(name, None)


def _discard_nulls(value: Any) -> None:
    if isinstance(value, dict):
        for name in [name for name, inner in value.items() if inner is None]:
            del value[name]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        _discard_nulls(inner)


def _without_directives(value: Any) -> tuple[Any, bool]:
    """And whether it stays at all."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return None, False
        pairs = {name: _without_directives(inner) for name, inner in value.items()}
        return {name: inner for name, (inner, kept) in pairs.items() if kept}, True
    if isinstance(value, list):
        return [inner for inner, kept in map(_without_directives, value) if kept], True
    return value, True


def _retain(original: RawObject, patch: RawObject) -> None:
    if _RETAIN not in patch:
        return
    kept = patch.pop(_RETAIN)
    wrong = BadRequest("invalid patch format of retainKeys")
    if not isinstance(kept, list):
        raise wrong
    names = {name for name in kept if isinstance(name, str)}
    for name, value in patch.items():
        if value is not None and name not in names and not name.startswith((_DELETE, _ORDER)):
            raise wrong
    for name in original.keys() - names:
        del original[name]


def _merge_ordered(original: RawObject, patch: RawObject, go: GoType) -> None:
    """Merge the lists whose order the patch tells, and take them out of the patch."""
    for key in [key for key in patch if key.startswith(_ORDER)]:
        order, name = patch.pop(key), key.removeprefix(_ORDER)
        before, added = original.get(name, []), patch.get(name, [])
        for each in (order, before, added):
            if not isinstance(each, list):
                raise _wrong_type("[]interface {}", each)
        inner, declared = go.list_field(name)
        merge_key = declared.merge_key
        _check_order(added, order, merge_key)
        if name not in original and name not in patch:
            continue
        if name not in patch:
            merged = before
        elif name not in original:
            merged, _ = _without_directives(added)
        else:
            merged = _merge_list(list(before), added, inner, declared, deletes=False)
        named, others = _parted(merged, order, merge_key)
        holds_maps = _holds_maps(before, added)
        original[name] = _in_order(named, others, order, before, merge_key if holds_maps else "")
        patch.pop(name, None)


def _check_order(items: list[Any], order: list[Any], merge_key: str) -> None:
    if not items or not order:
        return
    left = deque(item for item in items if not _has_directive(item))
    for named in order:
        if left and _identity(left[0], merge_key) == _identity(named, merge_key):
            left.popleft()
    if left:
        raise Unclassified(
            f"The order in patch list:\n{go_text(items)}\n doesn't match $setElementOrder list:\n"
            f"{go_text(order)}\n"
        )


def _merge_list(
    original: list[Any], patch: list[Any], inner: GoType, declared: Field, *, deletes: bool
) -> list[Any]:
    if not declared.merges and not deletes:
        return patch
    if not original and not patch:
        return original
    merge_key = declared.merge_key
    if not _holds_maps(original, patch):
        if deletes:
            gone = set(patch)
            return [item for item in original if item not in gone]
        merged = [*dict.fromkeys((*original, *patch))]
    else:
        if not merge_key:
            raise Unclassified(f"cannot merge lists without merge key for {inner.kind}")
        original, patch = _without_special_items(original, patch, merge_key)
        merged = _merge_items(list(original), patch, inner, merge_key)
    named, others = _parted(merged, patch, merge_key)
    return _in_order(named, others, patch, original, merge_key)


def _holds_maps(*lists: list[Any]) -> bool:
    """Whether the items are objects; all of them are of one type."""
    found = ""
    for items in lists:
        for item in items:
            found = found or go_type(item)
            if found == "[]interface {}":
                raise Invalid(
                    "the server rejected our request due to an error in our request: lists of "
                    "lists are not supported"
                )
            if go_type(item) != found:
                raise Unclassified(f"list element types are not identical: {go_text(items)}")
    if not found:
        raise Unclassified("no elements in any of the given slices")
    return found == "map[string]interface {}"


def _without_special_items(
    original: list[Any], patch: list[Any], merge_key: str
) -> tuple[list[Any], list[Any]]:
    """Items of the patch that carry a directive are done, and gone."""
    plain, gone, replaces = [], set(), False
    for item in patch:
        if not _has_directive(item):
            plain.append(item)
            continue
        directive = item[_DIRECTIVE]
        if directive == "replace":
            replaces = True
        elif directive == "merge":
            raise Unclassified("merging lists cannot yet be specified in the patch")
        elif directive != "delete":
            raise _unknown_directive(directive, item)
        else:
            gone.add(_key(item, merge_key))
    if replaces:
        return plain, []
    return [old for old in original if _hashable(old.get(merge_key)) not in gone], plain


def _merge_items(merged: list[Any], patch: list[Any], inner: GoType, merge_key: str) -> list[Any]:
    places: dict[str | bytes, int] = {}
    for at, old in enumerate(merged):
        if merge_key in old:
            places.setdefault(_key(old, merge_key), at)
    for item in patch:
        at = places.setdefault(_key(item, merge_key), len(merged))
        if at < len(merged):
            merged[at] = _merge_map(merged[at], item, inner)
        else:
            merged.append(item)
    return merged


def _has_directive(item: Any) -> bool:
    return isinstance(item, dict) and _DIRECTIVE in item


def _identity(item: Any, merge_key: str) -> Any:
    """What makes it this item. Raises Unclassified."""
    if not merge_key:
        return item
    if not isinstance(item, dict):
        raise _wrong_type("map[string]interface {}", item)
    if merge_key not in item:
        words = f"map: {go_text(item)} does not contain declared merge key: {merge_key}"
        raise Unclassified(words)
    return item[merge_key]


def _key(item: Any, merge_key: str) -> str | bytes:
    """The same, for sets and dictionaries: lists of a patch are as long as its sender likes."""
    return _hashable(_identity(item, merge_key))


def _hashable(value: Any) -> str | bytes:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _places(items: Iterable[Any], merge_key: str) -> dict[str | bytes, int]:
    """Where each is for the first time."""
    places: dict[str | bytes, int] = {}
    for place, item in enumerate(items):
        places.setdefault(_key(item, merge_key), place)
    return places


def _parted(items: list[Any], order: list[Any], merge_key: str) -> tuple[list[Any], list[Any]]:
    """The items that an order names, and the others."""
    named: list[Any] = []
    others: list[Any] = []
    if items:
        names = _places(order, merge_key)
        for item in items:
            (named if _key(item, merge_key) in names else others).append(item)
    return named, others


def _in_order(
    named: list[Any], others: list[Any], order: list[Any], before: list[Any], merge_key: str
) -> list[Any]:
    """Named items as they are named; the others are woven in by where they stood before."""
    places, ranks = _places(before, merge_key), _places(order, merge_key)

    def by(known: dict[str | bytes, int], items: list[Any]) -> deque[tuple[int, Any]]:
        """With where they stood; first those that were not there."""
        ranked = sorted(items, key=lambda item: known.get(_key(item, merge_key), -1))
        return deque((places.get(_key(item, merge_key), -1), item) for item in ranked)

    left, right = by(places, others), by(ranks, named)
    result: list[Any] = []
    while left and right:
        result.append((left if 0 <= left[0][0] < right[0][0] else right).popleft()[1])
    return result + [item for _, item in (*right, *left)]


def _unknown_directive(directive: Any, patch: RawObject) -> Unclassified:
    return Unclassified(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _wrong_type(wanted: str, found: Any) -> Unclassified:
    return Unclassified(f"expected a {wanted}, but received a {go_type(found)}")

"""What each function may cost at worst, from the sizes of what it is given."""

import math
from collections.abc import Callable

from towpath.machinery.cel import syntax
from towpath.machinery.cel.costs import CHECK, LIST, REGEX, STRUCT, TEXT
from towpath.machinery.cel.ranges import ONE, UNBOUNDED, CallEstimate, Operand, Range, fixed
from towpath.machinery.cel.types import NAMED

_Estimate = Callable[[str, Operand | None, list[Operand]], CallEstimate | None]


def call_estimate(
    function: str, overload: str, target: Operand | None, args: list[Operand]
) -> CallEstimate:
    """Of the call alone; its arguments are not counted."""
    known = _ESTIMATES.get(function)
    found = known(overload, target, args) if known is not None else None
    return CallEstimate(ONE) if found is None else found


def _texts_of(operand: Operand) -> Range:
    return operand.size.by(TEXT)


def _question(_overload: str, _target: Operand | None, _args: list[Operand]) -> CallEstimate:
    return CallEstimate(fixed(CHECK))


def _selector(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    length = args[0].size
    requirements = length.by(0.5).by(LIST + STRUCT)
    return CallEstimate(fixed(LIST).plus(length.by(TEXT)).plus(requirements))


def _item_type(operand: Operand) -> str:
    return operand.type.params[0].kind if operand.type.params else ""


def _whole_list(
    _overload: str, target: Operand | None, _args: list[Operand]
) -> CallEstimate | None:
    if target is None:
        return None
    kind = _item_type(target)
    if not kind:
        return CallEstimate(target.size.by(TEXT))
    each = ONE
    if kind in ("string", "bytes"):
        each = each.plus(target.items.by(TEXT))
    return CallEstimate(target.size.times(each))


def _argument_text(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(_texts_of(args[0]))


def _argument_copied(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(_texts_of(args[0]), args[0].size)


def _target_copied(
    _overload: str, target: Operand | None, _args: list[Operand]
) -> CallEstimate | None:
    return None if target is None else CallEstimate(_texts_of(target), target.size)


def _replace(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None or len(args) < 2:
        return None
    size, old, new = target.size, args[0].size, args[1].size
    most, most_kept = 0, 0
    if old.low == 0:
        most = min(size.high + 1, UNBOUNDED)
        most_kept = size.high
    elif new.high <= old.low:
        most_kept = size.high
    else:
        most = math.ceil(float(size.high) / float(old.low))
    least, least_kept = 0, 0
    if old.high == 0:
        least = min(size.low + 1, UNBOUNDED)
        least_kept = size.low
    elif old.high <= new.low:
        least_kept = size.low
    else:
        least = math.ceil(float(size.low) / float(old.high))
    result = Range(least, most).times(new).plus(Range(least_kept, most_kept))
    return CallEstimate(size.by(2 * TEXT), result)


def _split(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None:
        return None
    longest = target.size.high
    if len(args) > 1 and type(limit := _literal(args[1])) is int:
        longest = limit % (1 << 64)
    return CallEstimate(target.size.by(2 * TEXT), Range(0, longest))


def _literal(operand: Operand) -> object:
    return operand.node.value if isinstance(operand.node, syntax.Literal) else None


def _join(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None:
        return None
    size = target.size.times(target.items) if _item_type(target) else fixed(0)
    if args:
        between = Range(max(target.size.low - 1, 0), max(target.size.high - 1, 0))
        size = size.plus(args[0].size.times(between))
    return CallEstimate(size.by(TEXT), size)


def _found(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None:
        return None
    cost = target.size.plus(ONE).by(TEXT).times(args[0].size.by(REGEX))
    return CallEstimate(cost, Range(0, target.size.high))


def _matched(overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if overload != "matches_string" or target is None:
        return None
    return CallEstimate(target.size.plus(ONE).by(TEXT).times(args[0].size.by(REGEX)))


def _address(overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(ONE if overload == "cidr_ip" or not args else _texts_of(args[0]))


def _argument_twice(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(args[0].size.by(2 * TEXT))


def _network(overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    size = Range(4, 16)
    cost = size.plus(size).by(TEXT)
    if overload.startswith("cidr_contains_cidr"):
        cost = cost.plus(size.by(TEXT)).plus(ONE)
    if overload.endswith("_string"):
        cost = cost.plus(_texts_of(args[0]))
    return CallEstimate(cost)


def _validated(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(_texts_of(args[0]).by(128 * REGEX))


def _compared(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    left, right = args
    shortest = min(left.size.high, right.size.high)
    return CallEstimate(Range(1 if shortest > 0 else 0, shortest).by(TEXT))


def _equal(overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    left, right = args
    if left.type == right.type:
        if left.type.kind == "opaque" and left.type.name in ("net.IP", "net.CIDR"):
            return CallEstimate(ONE)
        if left.type.name in _CHEAP_TO_COMPARE:
            return CallEstimate(ONE)
        if left.type.name == "kubernetes.NamedFormat":
            return CallEstimate(Range(1, 64).by(TEXT))
        if left.type.name == "kubernetes.URL":
            size = right.size.high if right.known else 1
            return CallEstimate(Range(1, size).by(TEXT))
    return _compared(overload, target, args)


_CHEAP_TO_COMPARE = frozenset(
    NAMED[name].name
    for name in (
        *("Quantity", "Semver", "Authorizer", "PathCheck"),
        *("GroupCheck", "ResourceCheck", "Decision"),
    )
)


def _ordered(overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if overload.rpartition("_")[2] in ("string", "bytes"):
        return _compared(overload, target, args)
    return None


def _membership(overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    return CallEstimate(args[1].size.by(1)) if overload == "in_list" else None


def _ends(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return CallEstimate(_texts_of(args[0]))


def _part(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    return None if target is None else CallEstimate(_texts_of(target).times(_texts_of(args[0])))


def _formatted(_overload: str, target: Operand | None, _args: list[Operand]) -> CallEstimate | None:
    return None if target is None else CallEstimate(_texts_of(target))


def _converted(overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    size = args[0].size
    if overload == "string_to_bytes":
        return CallEstimate(size.by(TEXT), Range(size.low, size.high * 4 % (1 << 64)))
    if overload == "bytes_to_string":
        return CallEstimate(size.by(TEXT), Range(size.low // 4, size.high))
    return None


def _quoted(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    size = args[0].size
    return CallEstimate(size.by(TEXT), Range(size.low + 2, (size.high * 2 + 2) % (1 << 64)))


# -- lists and sets ------------------------------------------------------------------------------


def _new_list(factor: float, size: Range) -> CallEstimate:
    return CallEstimate(size.by(factor).plus(ONE).plus(fixed(LIST)), size)


def _number(operand: Operand, otherwise: int) -> int:
    value = _literal(operand)
    return max(value, 0) if type(value) is int else otherwise


def _slice(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None:
        return None
    start, end = _number(args[0], 0), _number(args[1], target.size.high)
    return _new_list(1, fixed((end - start) % (1 << 64)))


def _range(_overload: str, _target: Operand | None, args: list[Operand]) -> CallEstimate:
    return _new_list(1, fixed(_number(args[0], UNBOUNDED)))


def _reverse(_overload: str, target: Operand | None, _args: list[Operand]) -> CallEstimate | None:
    return None if target is None else _new_list(1, target.size)


def _flatten(_overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    if target is None:
        return None
    return _new_list(float(_number(args[0], UNBOUNDED)) if args else 1.0, target.size)


def _distinct(_overload: str, target: Operand | None, _args: list[Operand]) -> CallEstimate | None:
    return None if target is None else _new_list(2.0, target.size.times(target.size))


def _sorted(overload: str, target: Operand | None, args: list[Operand]) -> CallEstimate | None:
    keys = args[0] if args else target
    if keys is None:
        return None
    texts = overload.split("_")[1] in ("string", "bytes")
    return _new_list(2.0 + TEXT if texts else 2.0, keys.size.times(keys.size))


def _sets(factor: int) -> _Estimate:
    def estimate(
        _overload: str, _target: Operand | None, args: list[Operand]
    ) -> CallEstimate | None:
        return CallEstimate(args[0].size.times(args[1].size).by(factor).plus(ONE))

    return estimate


_ESTIMATES: dict[str, _Estimate] = {
    "check": _question,
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selector),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _whole_list),
    **dict.fromkeys(("url", "jsonpatch.escapeKey"), _argument_copied),
    **dict.fromkeys(("lowerAscii", "upperAscii", "substring", "trim"), _target_copied),
    "replace": _replace,
    "split": _split,
    "join": _join,
    **dict.fromkeys(("find", "findAll"), _found),
    "matches": _matched,
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity"), _argument_text),
    **dict.fromkeys(("semver", "isSemver"), _argument_text),
    "ip": _address,
    "ip.isCanonical": _argument_twice,
    **dict.fromkeys(("containsIP", "containsCIDR"), _network),
    "validate": _validated,
    "_==_": _equal,
    "_!=_": _compared,
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _ordered),
    "@in": _membership,
    **dict.fromkeys(("startsWith", "endsWith"), _ends),
    "contains": _part,
    "format": _formatted,
    **dict.fromkeys(("string", "bytes"), _converted),
    "strings.quote": _quoted,
    "slice": _slice,
    "lists.range": _range,
    "reverse": _reverse,
    "flatten": _flatten,
    "distinct": _distinct,
    **dict.fromkeys(("sort", "@sortByAssociatedKeys"), _sorted),
    **dict.fromkeys(("sets.contains", "sets.intersects"), _sets(1)),
    "sets.equivalent": _sets(2),
}

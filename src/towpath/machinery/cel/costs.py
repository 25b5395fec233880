"""What expressions cost, in the units of a kube-apiserver: when they run.

Reading a name or a field is 1, going through a text a tenth of its length. estimates.py says what
an expression may cost at worst before it has run. Source: cel-go's cost tracker and
k8s.io/apiserver/pkg/cel/library/cost.go.
"""

import math
from collections.abc import Callable
from typing import Any

from towpath.machinery.cel.values import size_of

LIST, MAP, STRUCT = 10, 30, 40
TEXT, REGEX = 0.1, 0.25
PER_CALL_LIMIT = 1_000_000
"""What one evaluation of one expression may cost."""
PER_OBJECT_LIMIT = 10_000_000
"""What all rules on an object, or all expressions of a policy, may cost together."""
MATCH_CONDITIONS_LIMIT = 2_500_000
CHECK = 350_000
"""One question to the authoriser: two fit into an expression."""

Args = tuple[Any, ...]
_CostOf = Callable[[str, Args, Any], int]


def call_cost(function: str, overload: str, args: Args, result: Any) -> int:
    cost = _COSTS.get(function)
    return 1 if cost is None else cost(overload, args, result)


def _traversed(size: float, factor: float = TEXT) -> int:
    return math.ceil(size * factor)


def _text(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(size_of(args[0]))


def _text_twice(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(size_of(args[0]), 2 * TEXT)


def _result_twice(_overload: str, _args: Args, result: Any) -> int:
    return _traversed(size_of(result), 2 * TEXT)


def _equality(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(min(size_of(args[0]), size_of(args[1])))


def _order(_overload: str, args: Args, _result: Any) -> int:
    if isinstance(args[0], str | bytes):
        return _traversed(min(size_of(args[0]), size_of(args[1])))
    return 1


def _addition(_overload: str, args: Args, _result: Any) -> int:
    if isinstance(args[0], str | bytes):
        return _traversed(size_of(args[0]) + size_of(args[1]))
    return 1


def _membership(_overload: str, args: Args, _result: Any) -> int:
    return len(args[1]) if isinstance(args[1], list) else 1


def _part(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(size_of(args[0])) * _traversed(size_of(args[1]))


def _regex(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(1 + size_of(args[0])) * _traversed(size_of(args[1]), REGEX)


def _end(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(size_of(args[0]))


def _whole(_overload: str, args: Args, _result: Any) -> int:
    return _walk(args[0])


def _walk(value: Any) -> int:
    if isinstance(value, str | bytes):
        return int(len(value) * TEXT)
    if isinstance(value, list):
        return sum(_walk(item) for item in value)
    if isinstance(value, dict):
        return sum(_walk(key) + _walk(inner) for key, inner in value.items())
    return 1


def _conversion(overload: str, args: Args, _result: Any) -> int:
    if overload in ("bytes_to_string", "string_to_bytes"):
        return _traversed(size_of(args[0]))
    return 1


def _address(overload: str, args: Args, _result: Any) -> int:
    return 1 if overload == "cidr_ip" else _traversed(size_of(args[0]))


def _network(overload: str, args: Args, _result: Any) -> int:
    size = len(args[0].address.packed)
    cost = _traversed(2 * size)
    if overload.startswith("cidr_contains_cidr"):
        cost += _traversed(size) + 1
    return cost + (_traversed(size_of(args[1])) if overload.endswith("_string") else 0)


def _format(_overload: str, args: Args, _result: Any) -> int:
    return _traversed(1 + size_of(args[1])) * _traversed(args[0].pattern_length, REGEX)


def _made_list(_overload: str, _args: Args, result: Any) -> int:
    return len(result) + 1 + LIST


def _flattened(_overload: str, args: Args, _result: Any) -> int:
    return len(args[0]) * (args[1] if len(args) == 2 else 1) + 1 + LIST


def _compared_with_itself(place: int) -> _CostOf:
    def cost(_overload: str, args: Args, _result: Any) -> int:
        items = args[place]
        factor = 2 + TEXT if items and isinstance(items[0], str | bytes) else 2.0
        return int(len(items) ** 2 * factor) + 1 + LIST

    return cost


def _sets(factor: int) -> _CostOf:
    return lambda _overload, args, _result: 1 + len(args[0]) * len(args[1]) * factor


def _selector(_overload: str, args: Args, _result: Any) -> int:
    length = size_of(args[1])
    return LIST + _traversed(length) + math.ceil(math.ceil(length * 0.5) * (LIST + STRUCT))


def _question(_overload: str, _args: Args, _result: Any) -> int:
    return CHECK


_COSTS: dict[str, _CostOf] = {
    "check": _question,
    **dict.fromkeys(("fieldSelector", "labelSelector"), _selector),
    **dict.fromkeys(("isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"), _whole),
    **dict.fromkeys(
        ("url", "lowerAscii", "upperAscii", "substring", "trim", "jsonpatch.escapeKey"), _text
    ),
    **dict.fromkeys(("cidr", "isIP", "isCIDR", "quantity", "isQuantity", "semver"), _text),
    **dict.fromkeys(("isSemver", "startsWith", "endsWith", "strings.quote", "format"), _end),
    **dict.fromkeys(("replace", "split", "ip.isCanonical"), _text_twice),
    "join": _result_twice,
    **dict.fromkeys(("find", "findAll", "matches"), _regex),
    "ip": _address,
    **dict.fromkeys(("containsIP", "containsCIDR"), _network),
    "validate": _format,
    **dict.fromkeys(("_==_", "_!=_"), _equality),
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _order),
    "_+_": _addition,
    "@in": _membership,
    "contains": _part,
    **dict.fromkeys(("string", "bytes"), _conversion),
    **dict.fromkeys(("slice", "lists.range", "reverse"), _made_list),
    "flatten": _flattened,
    **dict.fromkeys(("distinct", "sort"), _compared_with_itself(0)),
    "@sortByAssociatedKeys": _compared_with_itself(1),
    **dict.fromkeys(("sets.contains", "sets.intersects"), _sets(1)),
    "sets.equivalent": _sets(2),
}

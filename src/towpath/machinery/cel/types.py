"""Types of CEL, and which may stand for which: the rules of cel-go's checker.

A signature is written as `string.(string, int) list(string)`: target, parameters, result. Single
capitals are type parameters.
"""

import re
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

NULLABLE = frozenset(("opaque", "struct", "duration", "timestamp"))
_NAMES = {
    "null": "null_type",
    "duration": "google.protobuf.Duration",
    "timestamp": "google.protobuf.Timestamp",
}


class Type(Struct, frozen=True):
    kind: str
    params: tuple["Type", ...] = ()
    name: str = ""
    """Of a struct, an opaque type or a type parameter."""

    def __str__(self) -> str:
        if self.kind == "error":
            return "!error!"
        name = self.name or self.kind
        if not self.params:
            return name
        return f"{name}({', '.join(str(param) for param in self.params)})"

    @property
    def runtime_name(self) -> str:
        """What type() calls it."""
        return self.name or _NAMES.get(self.kind, self.kind)


DYN, ERROR, NULL = Type("dyn"), Type("error"), Type("null")
BOOL, INT, UINT, DOUBLE = Type("bool"), Type("int"), Type("uint"), Type("double")
STRING, BYTES = Type("string"), Type("bytes")
DURATION, TIMESTAMP = Type("duration"), Type("timestamp")


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("opaque", (value,), "optional_type")


def type_of(value: Type) -> Type:
    return Type("type", (value,))


def struct(name: str) -> Type:
    return Type("struct", (), name)


def parameter(name: str) -> Type:
    return Type("param", (), name)


def unwrapped(found: Type) -> tuple[Type, bool]:
    """The type in an optional one, and whether it was one."""
    if found.kind == "opaque" and found.name == "optional_type":
        return found.params[0], True
    return found, False


def is_open(found: Type) -> bool:
    return found.kind in ("dyn", "error")


NAMED = {
    "Quantity": struct("kubernetes.Quantity"),
    "URL": struct("kubernetes.URL"),
    "Semver": struct("kubernetes.Semver"),
    "Format": struct("kubernetes.NamedFormat"),
    "IP": Type("opaque", (), "net.IP"),
    "CIDR": Type("opaque", (), "net.CIDR"),
    "Authorizer": struct("kubernetes.authorization.Authorizer"),
    "PathCheck": struct("kubernetes.authorization.PathCheck"),
    "GroupCheck": struct("kubernetes.authorization.GroupCheck"),
    "ResourceCheck": struct("kubernetes.authorization.ResourceCheck"),
    "Decision": struct("kubernetes.authorization.Decision"),
}
_TOKEN = re.compile(r"\w+|[(),]")


@cache
def read_type(text: str) -> Type:
    found, rest = _read(_TOKEN.findall(text))
    assert not rest, text
    return found


def _read(tokens: list[str]) -> tuple[Type, list[str]]:
    name, rest = tokens[0], tokens[1:]
    params: list[Type] = []
    if rest and rest[0] == "(":
        while rest[0] != ")":
            inner, rest = _read(rest[1:])
            params.append(inner)
        rest = rest[1:]
    if name == "optional":
        return optional_of(params[0]), rest
    if len(name) == 1:
        return parameter(name), rest
    return NAMED.get(name) or Type(name, tuple(params)), rest


class Signature(Struct, frozen=True):
    params: tuple[Type, ...]
    """With the target first, when it is a method."""
    result: Type
    is_method: bool
    open: tuple[Type, ...] = ()
    """Its type parameters."""


_SIGNATURE = re.compile(r"(?:(?P<target>\S+)\.)?\((?P<params>.*)\) (?P<result>\S.*)\Z")


@cache
def read_signature(text: str) -> Signature:
    """`(A, A) bool`, or `string.(string) bool`."""
    found = _SIGNATURE.match(text)
    assert found is not None, text
    inner = read_type(f"all({found['params']})").params if found["params"] else ()
    target = (read_type(found["target"]),) if found["target"] else ()
    params, result = (*target, *inner), read_type(found["result"])
    return Signature(params, result, bool(target), _open_in((*params, result)))


def _open_in(params: Sequence[Type]) -> tuple[Type, ...]:
    found: dict[Type, None] = {}
    for one in params:
        if one.kind == "param":
            found[one] = None
        found.update(dict.fromkeys(_open_in(one.params)))
    return tuple(found)


# -- unification ---------------------------------------------------------------------------------

Mapping = dict[Type, Type]


def assignable(known: Mapping, left: Sequence[Type], right: Sequence[Type]) -> Mapping | None:
    """`known` with what follows from left being assignable to right; None when it is not."""
    if len(left) == 1 and left[0] == right[0]:
        return known
    found = dict(known)
    return found if _all_assignable(found, left, right) else None


def _all_assignable(known: Mapping, left: Sequence[Type], right: Sequence[Type]) -> bool:
    return len(left) == len(right) and all(
        _assignable(known, one, two) for one, two in zip(left, right, strict=True)
    )


def _assignable(known: Mapping, one: Type, two: Type) -> bool:
    if two.kind == "param":
        valid, bound = _substitutes(known, one, two)
        if valid or bound:
            return valid
    if one.kind == "param":
        return _substitutes(known, two, one)[0]
    if is_open(one) or is_open(two):
        return True
    if one.kind == "null":
        return two.kind == "null" or two.kind in NULLABLE
    if two.kind == "null":
        return one.kind in NULLABLE
    if one.kind == "type":
        return two.kind == "type"
    if one.kind in ("opaque", "list", "map"):
        return (
            one.kind == two.kind
            and one.name == two.name
            and _all_assignable(known, one.params, two.params)
        )
    return one == two


def _substitutes(known: Mapping, one: Type, two: Type) -> tuple[bool, bool]:
    """Whether `one` may stand for the parameter `two`, and whether that had a type already."""
    if one == two:
        return True, True
    bound = known.get(two)
    if bound is not None:
        if one == bound:
            return True, True
        if _assignable(known, one, bound):
            wider = most_general(one, bound)
            if _absent(known, two, wider):
                known[two] = wider
            return True, True
        return False, True
    if _absent(known, two, one):
        known[two] = one
        return True, False
    return False, False


def _absent(known: Mapping, wanted: Type, within: Type) -> bool:
    if wanted == within:
        return False
    if within.kind == "param":
        bound = known.get(within)
        return bound is None or _absent(known, wanted, bound)
    return all(_absent(known, wanted, param) for param in within.params)


def most_general(one: Type, two: Type) -> Type:
    return one if _less_specific(one, two) else two


def _less_specific(one: Type, two: Type) -> bool:
    if one.kind in ("dyn", "param"):
        return True
    if two.kind in ("dyn", "param") or one.kind != two.kind:
        return False
    if one.kind == "type":
        return True
    if one.kind in ("opaque", "list", "map"):
        return (
            one.name == two.name
            and len(one.params) == len(two.params)
            and all(
                _less_specific(left, right)
                for left, right in zip(one.params, two.params, strict=True)
            )
        )
    return one == two


def substitute(known: Mapping, found: Type, *, open_to_dyn: bool = False) -> Type:
    bound = known.get(found)
    if bound is not None:
        return substitute(known, bound, open_to_dyn=open_to_dyn)
    if found.kind == "param":
        return DYN if open_to_dyn else found
    if not found.params:
        return found
    params = tuple(substitute(known, param, open_to_dyn=open_to_dyn) for param in found.params)
    return Type(found.kind, params, found.name)

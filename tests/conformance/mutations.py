"""Objects that are a little wrong, or only unusual: what a careless or clever client may send.

Everything is drawn from one `random.Random`, so that a seed tells the whole story and Hypothesis
can be that source and shrink what it finds.
"""

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

from towpath.machinery.builtins.facts import SCALARS, Field, below, struct

Json = Any
Steps = tuple[str | int, ...]
WORDS = (
    *(
        "",
        "a",
        "Bad_Name!",
        "-a",
        "a.b",
        "example.dev/a",
        "x" * 64,
        "x" * 254,
        "1",
        "None",
        "10.96.9.9",
    ),
    *("10.0.0.0/8", "*", "/", "/a/../b", "http", "Always", "Never", "OnFailure", "Recreate", "25%"),
    *("RollingUpdate", "OnDelete", "Parallel", "Allow", "Forbid", "Indexed", "NodePort", "TCP"),
    *("ExternalName", "LoadBalancer", "ClusterIP", "ReadWriteMany", "Block", "Local", "Cluster"),
    *(
        "Exists",
        "In",
        "NoExecute",
        "Default",
        "ClusterFirstWithHostNet",
        "kubernetes.io/tls",
        "app",
    ),
    *("kubernetes.io/basic-auth", "2026-01-01T00:00:00Z", "1Gi", "100m", "MQ==", "v1", "Pod"),
    *("Role", "ServiceAccount", "Group", "Utilization", "AverageValue", "IPv6", "not utf \u00e9"),
)
NUMBERS = (-1, 0, 1, 2, 53, 100, 101, 65535, 65536, 2**31, 2**63)
QUANTITIES = ("1", "0", "-1", "100m", "1.5", "1Gi", "10000Mi", "1e3", "abc", 2, 0.5, "1 Gi")
SHAPES: tuple[Json, ...] = (None, True, 7, 1.5, "text", [], {}, [1], {"a": 1}, ["a", "a"])


def places(value: Json, path: Steps = ()) -> Iterator[Steps]:
    """Every place in an object, its root not."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, below_it in inner:
        yield (*path, name)
        yield from places(below_it, (*path, name))


def at(value: Json, path: Steps) -> Json:
    for step in path:
        value = value[step]
    return value


def mutated(obj: Json, random: Random, reference: str = "") -> Json:
    """A copy with one or two changes; kinds, versions and names of the object itself stay."""
    changed = copy.deepcopy(obj)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(changed, random, reference)
    return changed


def _change(obj: Json, random: Random, reference: str) -> None:
    if reference and random.random() < 0.5:
        _add_known(obj, random, reference)
        return
    found = [path for path in places(obj) if path not in KEPT]
    if not found:
        return
    *parents, last = random.choice(found)
    holder = at(obj, tuple(parents))
    value = holder[last]
    match random.randrange(6):
        case 0:
            del holder[last]
        case 1:
            holder[last] = _shape(random)
        case 2 if isinstance(value, list) and value:
            value.append(copy.deepcopy(random.choice(value)))
        case 3 if isinstance(value, dict):
            value["unknown"] = _shape(random)
        case _:
            holder[last] = _other(value, random)


def _shape(random: Random) -> Json:
    return copy.deepcopy(random.choice(SHAPES))


KEPT = frozenset({("apiVersion",), ("kind",), ("metadata",), ("metadata", "name")})


def _other(value: Json, random: Random) -> Json:
    """Something else of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return random.choice(NUMBERS)
    if isinstance(value, str):
        return random.choice((*WORDS, *QUANTITIES[:8]))
    if isinstance(value, list):
        return value[:-1] if value and random.random() < 0.5 else []
    return {}


NOT_ADDED = ("metadata", "status", "aggregationRule")
"""The last makes a controller write the rules of a role."""


def _add_known(obj: Json, random: Random, reference: str) -> None:
    """One field that the type knows, at a random place, with a value of its type."""
    holders = list(_structs(obj, reference))
    holder, name = random.choice(holders)
    fields = [each for each in _fields(name) if each.name not in NOT_ADDED]
    if fields:
        field = random.choice(fields)
        holder[field.name] = _value(name.rpartition(".")[0], field.type, random, 2)


def _fields(reference: str) -> list[Field]:
    declared = struct(reference)
    found: list[Field] = []
    for field in declared.fields:
        if field.inline:
            found += _fields(below(declared.package, field.type) or "")
        else:
            found.append(field)
    return found


def _structs(value: Json, reference: str) -> Iterator[tuple[Json, str]]:
    if not isinstance(value, dict):
        return
    yield value, reference
    package = reference.rpartition(".")[0]
    for field in _fields(reference):
        inner = below(package, field.type)
        held = value.get(field.name)
        if inner is None or held is None or field.name == "metadata":
            continue
        if isinstance(held, list):
            for item in held:
                yield from _structs(item, inner)
        elif field.type.startswith("map:"):
            for item in held.values() if isinstance(held, dict) else ():
                yield from _structs(item, inner)
        else:
            yield from _structs(held, inner)


def _value(package: str, type_name: str, random: Random, depth: int) -> Json:
    if random.random() < 0.04:
        return _shape(random)
    if type_name.startswith("[]"):
        count = random.choice((0, 1, 1, 1, 2))
        return [_value(package, type_name[2:], random, depth) for _ in range(count)]
    if type_name.startswith("map:"):
        return {
            random.choice(WORDS[1:12]): _value(package, type_name[4:], random, depth)
            for _ in range(random.choice((0, 1, 1)))
        }
    if type_name in SCALARS:
        return _scalar(type_name, random)
    reference = below(package, type_name) or ""
    fields = _fields(reference)
    return (
        {}
        if depth == 0
        else {
            field.name: _value(reference.rpartition(".")[0], field.type, random, depth - 1)
            for field in fields
            if random.random() < (0.9 if field.required else 2.0 / len(fields))
        }
    )


def _scalar(type_name: str, random: Random) -> Json:
    match type_name:
        case "string":
            return random.choice(WORDS)
        case "bool":
            return random.random() < 0.5
        case "int32" | "int64" | "uint8":
            return random.choice(NUMBERS)
        case "float64":
            return random.choice((0.5, 1, -1))
        case "bytes":
            return random.choice(("MQ==", "", "no base64!"))
        case "Time" | "MicroTime":
            return random.choice(("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456Z", "soon"))
        case "Quantity":
            return random.choice(QUANTITIES)
        case "IntOrString":
            return random.choice((*NUMBERS[:7], "25%", "http", "150%", ""))
        case _:
            return _shape(random)

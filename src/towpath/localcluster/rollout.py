"""The arithmetic of a rolling update: pure numbers, so that it can be held to tables of cases."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """One ReplicaSet in numbers. `available` counts pods that serve, of `replicas` asked for."""

    name: str
    replicas: int
    available: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a rollout may stray from the wanted number of pods."""

    max_surge: int
    max_unavailable: int


def bounds(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Bounds:
    """Percentages rounded as Kubernetes does: surge up, unavailable down, never both zero."""
    surge = _of(max_surge, replicas, math.ceil)
    unavailable = min(_of(max_unavailable, replicas, math.floor), replicas)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, unavailable)


def _of(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return rounded(replicas * int(value[:-1]) / 100)
    return int(value)


def scale_up(wanted: int, new: Generation, old: Sequence[Generation], limits: Bounds) -> int:
    """How many replicas the new generation may have now."""
    if new.replicas >= wanted:
        return wanted
    room = wanted + limits.max_surge - new.replicas - sum(one.replicas for one in old)
    return min(wanted, new.replicas + max(0, room))


def scale_down(
    wanted: int, new: Generation, old: Sequence[Generation], limits: Bounds
) -> dict[str, int]:
    """What each old generation shrinks to, oldest first: only generations that change.

    First go pods that do not serve anyway, then as many that do as the new ones can spare.
    """
    least = wanted - limits.max_unavailable
    total = new.replicas + sum(one.replicas for one in old)
    removable = total - least - (new.replicas - new.available)
    sizes = {one.name: one.replicas for one in old}
    for one in old:
        idle = min(one.replicas - one.available, max(0, removable))
        if idle > 0:
            sizes[one.name] -= idle
            removable -= idle
    spare = new.available + sum(one.available for one in old) - least
    for one in old:
        gone = min(sizes[one.name], max(0, spare))
        sizes[one.name] -= gone
        spare -= gone
    return {one.name: sizes[one.name] for one in old if sizes[one.name] != one.replicas}

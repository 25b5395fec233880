"""From an entity along its relations, as far as somebody wants to see, and what they may see.

A relation is told by either end; here each has one direction: from who needs, is part of or is
owned, to what is needed, the whole and the owner.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from towpath.records.contract import INVERSE, CatalogIndex, Viewer

NEEDS = ("dependsOn", "consumesApi", "providesApi")
BELONGS = ("partOf", "childOf", "memberOf")
OWNS = ("ownedBy",)
CANONICAL = frozenset((*NEEDS, *BELONGS, *OWNS))
GROUPS: Mapping[str, tuple[str, ...]] = {"needs": NEEDS, "belongs": BELONGS, "owns": OWNS}
"""What can be shown, by the word for it in an address."""
NODES_MAX = 150
IMPACT_MAX = 500


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    source: str
    target: str
    type: str


@dataclass(slots=True)
class Walk:
    """What was found, with distances; below 0 are those that point at the first."""

    distances: dict[str, int]
    edges: set[Edge] = field(default_factory=set)
    left_out: int = 0
    """Entities that did not fit."""


def canonical(source: str, type_: str, target: str) -> Edge | None:
    """In the one direction; None for relations that nobody knows."""
    if type_ in CANONICAL:
        return Edge(source, target, type_)
    inverse = INVERSE.get(type_, "")
    return Edge(target, source, inverse) if inverse in CANONICAL else None


async def edges_around(
    index: CatalogIndex, viewer: Viewer, refs: Sequence[str], types: Iterable[str]
) -> set[Edge]:
    wanted = frozenset(types)
    told_as = sorted(wanted | {name for name, inverse in INVERSE.items() if inverse in wanted})
    told = await index.around(viewer, refs, told_as)
    found = (canonical(source, one.type, one.target) for source, one in told)
    return {edge for edge in found if edge is not None and edge.type in wanted}


async def walk(
    index: CatalogIndex,
    viewer: Viewer,
    first: str,
    *,
    types: Sequence[str],
    depth: int,
    forward: bool = True,
    backward: bool = True,
) -> Walk:
    """Breadth first in both directions, each of which keeps its direction."""
    found = Walk({first: 0})
    for goes, sign in ((forward, 1), (backward, -1)):
        frontier = [first] if goes else []
        for distance in range(1, depth + 1):
            if not frontier:
                break
            edges = await edges_around(index, viewer, frontier, types)
            frontier = _step(found, edges, set(frontier), distance * sign)
    shown = set(found.distances)
    among = await edges_around(index, viewer, sorted(shown), types)
    found.edges = {edge for edge in among if {edge.source, edge.target} <= shown}
    return found


def _step(found: Walk, edges: set[Edge], frontier: set[str], distance: int) -> list[str]:
    """The entities one step further that have not been seen."""
    onward = distance > 0
    following = []
    for edge in sorted(edges):
        here, there = (edge.source, edge.target) if onward else (edge.target, edge.source)
        if here not in frontier or there in found.distances:
            continue
        if len(found.distances) >= NODES_MAX:
            found.left_out += 1
            continue
        found.distances[there] = distance
        following.append(there)
    return following


async def impact(index: CatalogIndex, viewer: Viewer, first: str) -> dict[str, int]:
    """What breaks when `first` is down, with how many steps away it is.

    What depends on it; the APIs that it provides, and who consumes them.
    """
    found = {first: 0}
    frontier = [first]
    distance = 0
    while frontier and len(found) < IMPACT_MAX:
        distance += 1
        edges = await edges_around(index, viewer, frontier, NEEDS)
        reached = [_broken_by(edge, frontier) for edge in sorted(edges)]
        frontier = []
        for ref in reached:
            if ref and ref not in found and len(found) < IMPACT_MAX:
                found[ref] = distance
                frontier.append(ref)
    del found[first]
    return found


def _broken_by(edge: Edge, down: Sequence[str]) -> str:
    """What breaks with one end of the edge, "" for nothing."""
    if edge.type == "providesApi":
        return edge.target if edge.source in down else ""
    return edge.source if edge.target in down else ""

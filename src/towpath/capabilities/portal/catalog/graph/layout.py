"""Nodes in columns by their distance, in an order in which few lines cross.

Sugiyama's method with the layers given: a node stands where its neighbours of the column before
stand on average, a few times from left to right and back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 208, 48
GAP_X, GAP_Y = 72, 16
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Box:
    ref: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    source: str
    target: str
    type: str
    path: str
    """The curve, as SVG writes it."""


@dataclass(frozen=True, slots=True)
class Drawing:
    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: float
    height: float


def draw(distances: Mapping[str, int], edges: Iterable[tuple[str, str, str]]) -> Drawing:
    """The furthest that point at the first are on the left, what it points at is on the right."""
    ordered = sorted(edges)
    columns = _columns(distances, ordered)
    tallest = max(len(column) for column in columns)
    height = tallest * (HEIGHT + GAP_Y) - GAP_Y
    boxes: dict[str, Box] = {}
    for at, column in enumerate(columns):
        top = (height - (len(column) * (HEIGHT + GAP_Y) - GAP_Y)) / 2
        for row, ref in enumerate(column):
            boxes[ref] = Box(ref, at * (WIDTH + GAP_X), top + row * (HEIGHT + GAP_Y))
    lines = [
        Line(source, target, type_, _curve(boxes[source], boxes[target]))
        for source, target, type_ in ordered
    ]
    width = len(columns) * (WIDTH + GAP_X) - GAP_X
    return Drawing(list(boxes.values()), lines, width, height)


def _columns(
    distances: Mapping[str, int], edges: Sequence[tuple[str, str, str]]
) -> list[list[str]]:
    by_distance: dict[int, list[str]] = {}
    for ref in sorted(distances):
        by_distance.setdefault(distances[ref], []).append(ref)
    columns = [by_distance[distance] for distance in sorted(by_distance)]
    neighbours: dict[str, list[str]] = {ref: [] for ref in distances}
    for source, target, _ in edges:
        neighbours[source].append(target)
        neighbours[target].append(source)
    for sweep in range(SWEEPS):
        sweeping = range(1, len(columns)) if sweep % 2 == 0 else range(len(columns) - 2, -1, -1)
        for at in sweeping:
            fixed = columns[at - 1] if sweep % 2 == 0 else columns[at + 1]
            _settle(columns[at], fixed, neighbours)
    return columns


def _settle(
    column: list[str], fixed: Sequence[str], neighbours: Mapping[str, Sequence[str]]
) -> None:
    """Sort a column by where its neighbours stand; what has none stays about where it is."""
    places = {ref: row / max(len(fixed), 1) for row, ref in enumerate(fixed)}
    own = {ref: row / max(len(column), 1) for row, ref in enumerate(column)}

    def wanted(ref: str) -> float:
        near = [places[one] for one in neighbours[ref] if one in places]
        return sum(near) / len(near) if near else own[ref]

    column.sort(key=lambda ref: (wanted(ref), own[ref]))


def _curve(source: Box, target: Box) -> str:
    """From the side of one box to the side of the other; within a column around the right side."""
    start_y, end_y = source.y + HEIGHT / 2, target.y + HEIGHT / 2
    if source.x == target.x:
        x = source.x + WIDTH
        bend = x + GAP_X / 2
        return f"M{x:g} {start_y:g}C{bend:g} {start_y:g} {bend:g} {end_y:g} {x:g} {end_y:g}"
    if source.x < target.x:
        start_x, end_x = source.x + WIDTH, target.x
    else:
        start_x, end_x = source.x, target.x + WIDTH
    middle = (start_x + end_x) / 2
    return (
        f"M{start_x:g} {start_y:g}C{middle:g} {start_y:g} {middle:g} {end_y:g} {end_x:g} {end_y:g}"
    )

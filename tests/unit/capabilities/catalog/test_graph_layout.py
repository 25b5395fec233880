"""The picture of a graph: columns by distance, few crossings, every line between its boxes."""

import pytest

from towpath.capabilities.portal.catalog.graph.layout import GAP_X, HEIGHT, WIDTH, Box, draw

DIAMOND = {"a": 0, "b": 1, "c": 1, "d": 2, "user": -1}
EDGES = [
    ("a", "b", "dependsOn"),
    ("a", "c", "dependsOn"),
    ("b", "d", "dependsOn"),
    ("c", "d", "dependsOn"),
    ("user", "a", "consumesApi"),
]


def boxes(distances: dict[str, int], edges: list[tuple[str, str, str]]) -> dict[str, Box]:
    return {box.ref: box for box in draw(distances, edges).boxes}


def test_columns_stand_by_distance_with_those_that_point_at_it_on_the_left() -> None:
    found = boxes(DIAMOND, EDGES)
    columns = {ref: box.x / (WIDTH + GAP_X) for ref, box in found.items()}
    assert columns == {"user": 0, "a": 1, "b": 2, "c": 2, "d": 3}


def test_boxes_of_a_column_do_not_overlap() -> None:
    found = boxes(DIAMOND, EDGES)
    assert abs(found["b"].y - found["c"].y) >= HEIGHT


def test_lines_are_uncrossed_where_that_can_be() -> None:
    distances = {"root": 0, "a": 1, "b": 1, "x": 2, "y": 2}
    edges = [("root", "a", "t"), ("root", "b", "t"), ("a", "y", "t"), ("b", "x", "t")]
    found = boxes(distances, edges)
    assert (found["a"].y < found["b"].y) == (found["y"].y < found["x"].y)


def test_it_is_the_same_whatever_the_order_of_the_edges() -> None:
    assert draw(DIAMOND, EDGES) == draw(dict(reversed(DIAMOND.items())), reversed(EDGES))


@pytest.mark.parametrize(
    ("source", "target"), [("a", "b"), ("d", "a"), ("b", "c")], ids=["on", "back", "beside"]
)
def test_a_line_begins_and_ends_at_its_boxes(source: str, target: str) -> None:
    drawing = draw(DIAMOND, [(source, target, "dependsOn")])
    found = {box.ref: box for box in drawing.boxes}
    (line,) = drawing.lines
    numbers = [float(one) for one in line.path[1:].replace("C", " ").split()]
    for box, x, y in ((found[source], *numbers[:2]), (found[target], *numbers[-2:])):
        assert y == box.y + HEIGHT / 2
        assert x in (box.x, box.x + WIDTH)


def test_one_that_stands_alone_is_drawn() -> None:
    drawing = draw({"a": 0}, [])
    assert [(box.x, box.y) for box in drawing.boxes] == [(0, 0)]
    assert (drawing.width, drawing.height) == (WIDTH, HEIGHT)

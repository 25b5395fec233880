"""The combinations of a matrix."""

import pytest

from towpath.engines.ci.expressions import ExpressionError, Value
from towpath.engines.ci.matrix import combinations, title

# The example by which include is known.
FRUIT = {
    "fruit": ["apple", "pear"],
    "animal": ["cat", "dog"],
    "include": [
        {"color": "green"},
        {"color": "pink", "animal": "cat"},
        {"fruit": "apple", "shape": "circle"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ],
}

CASES = [
    ({"a": [1, 2]}, [{"a": 1}, {"a": 2}], "one vector"),
    (
        {"a": [1, 2], "b": ["x", "y"]},
        [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}],
        "the product of two, the last turns fastest",
    ),
    (
        {"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 1, "b": "y"}]},
        [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}],
        "exclude takes a combination out",
    ),
    (
        {"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 1}]},
        [{"a": 2, "b": "x"}, {"a": 2, "b": "y"}],
        "a part is enough to exclude",
    ),
    (
        {"a": [1, 2], "exclude": [{"c": 1}]},
        [{"a": 1}, {"a": 2}],
        "an unknown key excludes nothing",
    ),
    (
        {"include": [{"a": 1}, {"a": 2, "b": 3}]},
        [{"a": 1}, {"a": 2, "b": 3}],
        "include alone",
    ),
    (
        {"a": [1], "include": [{"b": 2}]},
        [{"a": 1, "b": 2}],
        "include adds to every combination it does not contradict",
    ),
    (
        {"a": [1], "include": [{"a": 3, "b": 2}]},
        [{"a": 1}, {"a": 3, "b": 2}],
        "include that contradicts every one is one more",
    ),
    (
        {"a": [1], "include": [{"b": 1}, {"b": 2}]},
        [{"a": 1, "b": 2}],
        "a later include overwrites what an earlier one has added",
    ),
    (
        {"a": [1, 2], "exclude": [{"a": 1}], "include": [{"a": 1, "b": 2}]},
        [{"a": 2}, {"a": 1, "b": 2}],
        "include comes after exclude",
    ),
    (
        {"a": [True, 1]},
        [{"a": True}, {"a": 1}],
        "values of any kind",
    ),
    ({"a": [True, 1], "exclude": [{"a": 1}]}, [{"a": True}], "true is not 1"),
    (
        {"os": [{"name": "x", "v": 1}], "include": [{"os": {"name": "x", "v": 1}, "b": 2}]},
        [{"os": {"name": "x", "v": 1}, "b": 2}],
        "mappings as values",
    ),
    (
        FRUIT,
        [
            {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
            {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
            {"fruit": "pear", "animal": "cat", "color": "pink"},
            {"fruit": "pear", "animal": "dog", "color": "green"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
        "all rules of include at once",
    ),
]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [pytest.param(matrix, want, id=reason) for matrix, want, reason in CASES],
)
def test_combinations(matrix: Value, expected: list[dict[str, Value]]) -> None:
    assert combinations(matrix) == expected


@pytest.mark.parametrize(
    "matrix",
    [
        pytest.param("text", id="text"),
        pytest.param(None, id="nothing"),
        pytest.param({}, id="no vectors"),
        pytest.param({"a": []}, id="an empty vector"),
        pytest.param({"a": "x"}, id="a vector that is text"),
        pytest.param({"a": [1], "include": "x"}, id="include that is text"),
        pytest.param({"a": [1], "exclude": ["x"]}, id="exclude of texts"),
        pytest.param({"a": [1], "exclude": [{"a": 1}]}, id="nothing left"),
        pytest.param({"a": list(range(300))}, id="too many"),
        pytest.param({name: list(range(20)) for name in "abcdef"}, id="far too many"),
    ],
)
def test_a_matrix_that_cannot_be(matrix: Value) -> None:
    with pytest.raises(ExpressionError):
        combinations(matrix)


def test_titles_name_the_values() -> None:
    assert (
        title("test", {"os": {"name": "debian", "v": 12}, "x": True}) == "test (debian, 12, true)"
    )

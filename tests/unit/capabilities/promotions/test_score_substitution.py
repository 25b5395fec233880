"""Placeholders, with the cases of the specification."""

import pytest

from towpath.capabilities.delivery.promotions.score.substitution import (
    Reference,
    parse_template,
    substitute,
)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("plain", ["plain"], id="no placeholder"),
        pytest.param("${a.b}", [Reference("a.b")], id="one placeholder"),
        pytest.param("x${a}y${b}z", ["x", Reference("a"), "y", Reference("b"), "z"], id="several"),
        pytest.param("$$", ["$"], id="a doubled dollar is one"),
        pytest.param("$${a}", ["${a}"], id="an escaped placeholder stays"),
        pytest.param("$$${a}", ["$", Reference("a")], id="an escaped dollar before a placeholder"),
        pytest.param("$", ["$"], id="a single dollar stays"),
        pytest.param("$a {b}", ["$a {b}"], id="braces without a dollar stay"),
        pytest.param("${a${b}}", [Reference("a${b"), "}"], id="there is no nesting"),
        pytest.param("${}", [Reference("")], id="an empty placeholder is one"),
    ],
)
def test_pieces(text: str, pieces: list[object]) -> None:
    assert parse_template(text) == pieces


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        pytest.param("a.b.c", ["a", "b", "c"], id="dots separate"),
        pytest.param(r"a.b\.c", ["a", "b.c"], id="an escaped dot does not"),
        pytest.param("a..b", ["a", "", "b"], id="an empty part stays"),
    ],
)
def test_parts(raw: str, parts: list[str]) -> None:
    assert Reference(raw).parts == parts


def test_values_are_replaced_and_keys_and_other_types_are_not() -> None:
    given = {"${a}": ["${a}", 1, True, None, {"x": "$$${a}"}]}
    assert substitute(given, lambda reference: reference.raw.upper()) == {
        "${a}": ["A", 1, True, None, {"x": "$A"}]
    }

"""Inputs of steps: types are kept, what is undefined goes, what is broken stays as written."""

from typing import Any

import pytest

from towpath.capabilities.portal.templates.expressions import UNDEFINED, render_input, runs

GIVEN: dict[str, Any] = {
    "parameters": {"name": "a", "count": 2, "tags": ["x"], "deep": {"k": None}, "no": False},
}

CASES = {
    "one expression keeps a number": ("${{ parameters.count }}", 2),
    "one expression keeps a list": ("${{ parameters.tags }}", ["x"]),
    "one expression keeps an object with its null": ("${{ parameters.deep }}", {"k": None}),
    "one expression keeps false": ("${{ parameters.no }}", False),
    "one expression may be long": ("${{ parameters.name if parameters.count > 1 else 'b' }}", "a"),
    "a space beside it makes text": (" ${{ parameters.count }}", " 2"),
    "two expressions make text": ("${{ parameters.name }}${{ parameters.count }}", "a2"),
    "undefined drops its key": ({"a": "${{ parameters.missing }}", "b": 1}, {"b": 1}),
    "one expression keeps an empty text": ({"a": "${{ '' }}", "b": 1}, {"a": "", "b": 1}),
    "a block that renders to nothing is an empty text": (
        {"a": "{% if no %}x{% endif %}", "b": 1},
        {"a": "", "b": 1},
    ),
    "undefined in a list leaves its place": (["${{ missing }}", 1], [None, 1]),
    "a broken expression stays as it was written": ("${{ broken | }}", "${{ broken | }}"),
    "an unknown filter stays as it was written": ("${{ a | nope }}", "${{ a | nope }}"),
    "keys are not rendered": ({"${{ parameters.name }}": 1}, {"${{ parameters.name }}": 1}),
    "other values pass": ({"a": [1, True, None]}, {"a": [1, True, None]}),
}


@pytest.mark.parametrize(("value", "expected"), CASES.values(), ids=CASES.keys())
def test_renders(value: Any, expected: Any) -> None:
    assert render_input(value, GIVEN) == expected


def test_what_is_left_as_it_is_is_reported() -> None:
    told: list[str] = []
    render_input({"a": "${{ broken | }}"}, GIVEN, report=told.append)
    assert len(told) == 1


CONDITIONS = {
    "the word false is a text": ("false", True),
    "an empty object": ({}, True),
    "an empty list": ([], False),
    "an empty text": ("", False),
    "zero": (0, False),
    "false": (False, False),
    "null": (None, False),
    "undefined": (UNDEFINED, False),
    "a broken expression is a text": ("${{ broken | }}", True),
}


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_condition_lets_its_step_run(condition: Any, expected: bool) -> None:
    assert runs(condition) is expected

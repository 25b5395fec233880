"""What was observed in a live Backstage 1.55, fact by fact; the others are with their subjects.

Facts 9 to 13 and 17 are in tests/scenarios/templates/test_actions_of_backstage.py, 15 in
test_after_a_failure.py and 16 in test_backstage_scaffolder.py, all beside each other there.
"""

from typing import Any

import pytest

from towpath.capabilities.portal.templates.descriptor import DescriptorInvalid, parse_descriptor
from towpath.capabilities.portal.templates.execution import render_outputs
from towpath.capabilities.portal.templates.expressions import (
    UNDEFINED,
    ExpressionError,
    render,
    render_input,
    runs,
)
from towpath.capabilities.portal.templates.parameters import parameter_errors

GIVEN: dict[str, Any] = {
    "parameters": {"list": ["a", "b"], "none": [], "object": {"k": 1}, "empty": "", "count": 2}
}


def template(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "t"},
        "spec": {"type": "service", "steps": [], **spec},
    }


def test_1_the_server_applies_no_defaults() -> None:
    page = {"properties": {"a": {"type": "string", "default": "x"}}}
    assert parameter_errors(template(parameters=page), {}) == []
    assert render("[${{ parameters.a }}]", {"parameters": {}}) == "[]"


FACT_2 = {
    "its type": ("${{ parameters.list }}", ["a", "b"]),
    "a space makes text": ("${{ parameters.list }} ", "a,b "),
    "undefined": ("${{ parameters.missing }}", UNDEFINED),
}


@pytest.mark.parametrize(("value", "expected"), FACT_2.values(), ids=FACT_2.keys())
def test_2_one_expression_keeps_its_type(value: str, expected: Any) -> None:
    assert render_input(value, GIVEN) == expected


def test_3_what_is_broken_stays_as_it_is_and_its_step_runs() -> None:
    assert render_input("${{ broken | }}", GIVEN) == "${{ broken | }}"
    assert runs(render_input("${{ broken | }}", GIVEN))
    with pytest.raises(ExpressionError):
        render("${{ broken | }}", GIVEN)


FACT_4 = {
    "'false'": ("false", True),
    "an expression of 'false'": ("${{ 'false' }}", True),
    "an empty text": ("${{ '' }}", False),
    "0": ("${{ 0 }}", False),
    "an empty list": ("${{ parameters.none }}", False),
    "undefined": ("${{ parameters.missing }}", False),
    "a block of nothing": ("{% if false %}x{% endif %}", False),
    "an empty object": ("${{ {} }}", True),
    "not an empty list": ("${{ not parameters.none }}", False),
}


@pytest.mark.parametrize(("condition", "expected"), FACT_4.values(), ids=FACT_4.keys())
def test_4_when_a_step_runs(condition: str, expected: bool) -> None:
    assert runs(render_input(condition, GIVEN)) is expected


FACT_5 = {
    "undefined keeps it": ("${{ parameters.missing }}", True),
    "false": ("${{ false }}", False),
    "an empty list": ("${{ parameters.none }}", False),
    "a text": ("no", True),
}


@pytest.mark.parametrize(("condition", "shown"), FACT_5.values(), ids=FACT_5.keys())
def test_5_when_a_link_is_shown(condition: str, shown: bool) -> None:
    output = {"links": [{"title": "x", "if": condition}]}
    assert render_outputs(output, GIVEN)["links"] == ([{"title": "x"}] if shown else [])


def test_6_outputs_are_texts_in_the_template() -> None:
    with pytest.raises(DescriptorInvalid, match=r"spec.output.n: must be a text"):
        parse_descriptor(template(output={"n": 1}))


FACTS_7_AND_8 = {
    "set in a loop lasts": (
        "{% for i in parameters.list %}{% set last = i %}{% endfor %}[${{ last }}]",
        "[]",
    ),
    "set before a loop is changed in it": (
        "{% set n = 0 %}{% for i in parameters.list %}{% set n = n + 1 %}{% endfor %}${{ n }}",
        "2",
    ),
    "loose equality": ("${{ '1' == 1 }} ${{ '1' === 1 }}", "true false"),
    "empty ones are true": ("{% if [] %}a{% endif %}{% if {} %}b{% endif %}", "ab"),
    "how they print": ("${{ true }} ${{ false }} [${{ null }}]", "true false []"),
    "a list and an object": ("${{ parameters.list }} ${{ parameters.object }}", None),
    "names of Python": ("[${{ True }}${{ None }}]", "[]"),
}


@pytest.mark.parametrize(("source", "expected"), FACTS_7_AND_8.values(), ids=FACTS_7_AND_8.keys())
def test_7_and_8_values_are_those_of_javascript(source: str, expected: str | None) -> None:
    assert render(source, GIVEN) == (expected or "a,b [object Object]")


def test_18_a_slice_of_a_text_is_a_list() -> None:
    assert render("${{ 'abc'[0:2] }}", GIVEN) == "a,b"

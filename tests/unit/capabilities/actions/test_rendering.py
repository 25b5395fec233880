"""`${...}` in texts of an Action: values with their types, texts in between, mistakes by name."""

from typing import Any

import pytest

from towpath.capabilities.portal.actions.rendering import mistakes, render
from towpath.capabilities.portal.actions.rules import errors_of, prefilled, with_defaults
from towpath.hooks.forms import form_values, spec_from
from towpath.hooks.rules import BadRule, Known
from towpath.machinery.users import UserInfo

KNOWN = Known(
    UserInfo("bob", ("team-a", "system:authenticated")),
    object={"spec": {"replicas": 2, "tags": ["a", "b"]}},
    inputs={"text": "${user.name}", "on": True},
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("plain", "plain", id="no expression"),
        pytest.param("${object.spec.replicas + 1}", 3, id="one expression keeps its type"),
        pytest.param("${object.spec.tags}", ["a", "b"], id="a list"),
        pytest.param("${inputs.on}", True, id="a boolean"),
        pytest.param("n=${object.spec.replicas}!", "n=2!", id="text around it"),
        pytest.param("${'a}b'}", "a}b", id="a brace in quotes"),
        pytest.param("${{'a': 1}['a']}", 1, id="a map of CEL"),
        pytest.param("$${not.this}", "${not.this}", id="escaped"),
        pytest.param("${inputs.text}", "${user.name}", id="what is filled in is not read again"),
        pytest.param("costs $5", "costs $5", id="a dollar"),
        pytest.param({"a": ["${groups[0]}", 7]}, {"a": ["team-a", 7]}, id="deep inside"),
    ],
)
def test_texts_are_filled_in(given: Any, expected: Any) -> None:
    assert render(given, KNOWN) == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("${object.spec.missing}", "no such key", id="a field that is not there"),
        pytest.param("${object.spec", "never ends", id="no end"),
        pytest.param("${'x'.matches('(')}", r"'x'.matches", id="a pattern that is none"),
    ],
)
def test_what_cannot_be_filled_in_is_told(given: str, told: str) -> None:
    with pytest.raises(BadRule, match=told):
        render(given, KNOWN)


def test_mistakes_are_found_before_anybody_asks() -> None:
    found = list(mistakes({"a": "${nobody.name}", "b": ["${1 +}", "fine ${user.name}"]}))
    assert len(found) == 2
    assert "undeclared reference to 'nobody'" in found[0]


def test_no_action_asks_for_secrets() -> None:
    spec = {"userInputs": {"properties": {"key": {"type": "string", "format": "password"}}}}
    assert "name a Secret" in errors_of(spec)[0]


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param({"properties": {"a": 3}}, id="a field that is a number"),
        pytest.param({"properties": ["a"]}, id="a list of names"),
        pytest.param({"properties": {"a": {"type": "object", "properties": 7}}}, id="deep inside"),
        pytest.param({"type": "nonsense"}, id="a type that there is not"),
    ],
)
def test_a_form_that_is_none_is_told_and_breaks_nothing(inputs: dict[str, Any]) -> None:
    assert any("schema is wrong" in wrong for wrong in errors_of({"userInputs": inputs}))
    filled = prefilled(inputs, KNOWN)
    assert with_defaults(filled, {}) == {}
    assert spec_from(filled, {"a": "1"}) in ({}, {"a": 1})
    assert set(form_values(filled)) <= {"a"}


def test_a_default_that_cannot_be_worked_out_is_none() -> None:
    schema = {
        "properties": {
            "more": {"type": "integer", "default": "${object.spec.replicas * 2}"},
            "none": {"type": "string", "default": "${object.status.phase}"},
            "deep": {"type": "object", "properties": {"by": {"default": "${user.name}"}}},
        }
    }
    filled = prefilled(schema, KNOWN)
    assert with_defaults(filled, {"deep": {}}) == {"more": 4, "deep": {"by": "bob"}}

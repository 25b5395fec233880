"""Descriptors of v1beta3: what is wrong is named with its place."""

import copy
from typing import Any

import pytest

from towpath.capabilities.portal.templates.descriptor import DescriptorInvalid, parse_descriptor
from towpath.capabilities.portal.templates.parameters import (
    parameter_errors,
    parameters_of,
    parameters_with_defaults,
)

GOOD: dict[str, Any] = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "t"},
    "spec": {
        "type": "service",
        "parameters": [
            {
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "title": "Name"},
                    "size": {"type": "string", "enum": ["s", "m"], "default": "s"},
                    "box": {"type": "object", "properties": {"k": {"default": 1}}},
                },
            },
            {"properties": {"count": {"type": "integer"}}},
        ],
        "steps": [{"action": "debug:log"}, {"id": "b", "name": "B", "action": "x", "if": True}],
        "output": {"links": [{"url": "u"}], "message": "done"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    descriptor = copy.deepcopy(GOOD)
    place: Any = descriptor
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    place[int(last) if last.isdigit() else last] = value
    return descriptor


def test_a_good_one_is_parsed() -> None:
    descriptor = parse_descriptor(GOOD)
    assert [(step.id, step.name) for step in descriptor.steps] == [
        ("step-1", "debug:log"),
        ("b", "B"),
    ]


WRONG = {
    "another version": ("apiVersion", "backstage.io/v1alpha1", "apiVersion"),
    "another kind": ("kind", "Component", "kind"),
    "no name": ("metadata", {}, "metadata.name"),
    "no type": ("spec.type", "", "spec.type"),
    "steps that are no list": ("spec.steps", {}, "spec.steps"),
    "a step without an action": ("spec.steps.0", {"id": "a"}, "spec.steps[0].action"),
    "two steps of one id": ("spec.steps.0.id", "b", "spec.steps[1].id"),
    "an if that is a number": ("spec.steps.0.if", 1, "spec.steps[0].if"),
    "an input that is a list": ("spec.steps.0.input", [], "spec.steps[0].input"),
    "an output that is a number": ("spec.output.message", 1, "spec.output.message"),
    "tags of Backstage's policies": (
        "spec.steps.0.backstage:permissions",
        {"tags": ["secret"]},
        "spec.steps[0].backstage:permissions",
    ),
    "a page that is no schema": ("spec.parameters.1", "x", "spec.parameters[1]"),
}


@pytest.mark.parametrize(("path", "value", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    with pytest.raises(DescriptorInvalid) as caught:
        parse_descriptor(changed(path, value))
    assert [error.field for error in caught.value.errors] == [field]


def test_the_fields_of_all_pages_are_asked_for() -> None:
    assert [(field.name, field.required) for field in parameters_of(GOOD)] == [
        ("name", True),
        ("size", False),
        ("box", False),
        ("count", False),
    ]


def test_defaults_fill_what_is_not_given() -> None:
    assert parameters_with_defaults(GOOD, {"name": "a", "size": "m"}) == {
        "name": "a",
        "size": "m",
        "box": {"k": 1},
    }


def test_defaults_leave_the_given_values_alone() -> None:
    given = {"box": {"k": 2}}
    assert parameters_with_defaults(GOOD, given)["box"] == {"k": 2}
    assert given == {"box": {"k": 2}}


def test_errors_of_all_pages_are_told_at_once() -> None:
    errors = parameter_errors(GOOD, {"size": "x", "count": "many"})
    assert [error.field for error in errors] == [
        "parameters.name",
        "parameters.size",
        "parameters.count",
    ]

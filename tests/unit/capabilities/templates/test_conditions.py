"""Forms whose questions depend on answers, and fields that are more than their schema."""

from typing import Any

import pytest

from towpath.capabilities.portal.templates.conditions import page_for
from towpath.capabilities.portal.templates.forms import (
    answers_from,
    field_names,
    picker_errors,
    shown_pages,
)

TEXT = {"type": "string"}


def descriptor(*pages: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "t"}, "spec": {"parameters": list(pages), "steps": []}}


ONE_OF = {
    "properties": {"cloud": {"type": "string", "enum": ["aws", "gcp"]}},
    "dependencies": {
        "cloud": {
            "oneOf": [
                {"properties": {"cloud": {"enum": ["aws"]}, "account": TEXT}},
                {
                    "properties": {"cloud": {"const": "gcp"}, "project": TEXT},
                    "required": ["project"],
                },
            ]
        }
    },
}
NESTED = {
    "properties": {"kind": {"enum": ["a", "b"]}},
    "allOf": [
        {
            "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
            "then": {
                "properties": {"deep": {"type": "boolean"}},
                "if": {"properties": {"deep": {"const": True}}, "required": ["deep"]},
                "then": {"properties": {"deeper": TEXT}},
            },
            "else": {"properties": {"other": TEXT}},
        }
    ],
}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a dependency that is not met": (ONE_OF, {}, ["cloud"]),
    "a choice by enum": (ONE_OF, {"cloud": "aws"}, ["cloud", "account"]),
    "a choice by const": (ONE_OF, {"cloud": "gcp"}, ["cloud", "project"]),
    "no choice fits": (ONE_OF, {"cloud": "azure"}, ["cloud"]),
    "a schema that depends on a field": (
        {"properties": {"a": TEXT}, "dependencies": {"a": {"properties": {"b": TEXT}}}},
        {"a": "x"},
        ["a", "b"],
    ),
    "then": (NESTED, {"kind": "a"}, ["kind", "deep"]),
    "then within then": (NESTED, {"kind": "a", "deep": True}, ["kind", "deep", "deeper"]),
    "else": (NESTED, {"kind": "b"}, ["kind", "other"]),
    "all of": (
        {"properties": {"a": TEXT}, "allOf": [{"properties": {"b": TEXT}}, {"required": ["a"]}]},
        {},
        ["a", "b"],
    ),
    "a reference": (
        {
            "properties": {"a": {"$ref": "#/definitions/name"}},
            "definitions": {"name": {"type": "string", "title": "The name"}},
        },
        {},
        ["a"],
    ),
    "an order": (
        {"properties": {"a": TEXT, "b": TEXT, "c": TEXT}, "ui:order": ["c", "*", "a"]},
        {},
        ["c", "b", "a"],
    ),
}


@pytest.mark.parametrize(("page", "values", "names"), CASES.values(), ids=CASES.keys())
def test_what_is_asked(page: dict[str, Any], values: dict[str, Any], names: list[str]) -> None:
    assert list(page_for(page, values)["properties"]) == names


def test_what_a_branch_requires_is_required() -> None:
    assert page_for(ONE_OF, {"cloud": "gcp"})["required"] == ["project"]


def test_a_reference_brings_its_title() -> None:
    assert page_for(CASES["a reference"][0], {})["properties"]["a"]["title"] == "The name"


def test_a_schema_that_refers_to_itself_ends() -> None:
    page = {"properties": {"a": {"$ref": "#"}}, "definitions": {}}
    assert page_for(page, {})


def test_answers_to_questions_that_came_with_an_answer_are_read() -> None:
    form = {"kind": "a", "deep": "true", "deeper": "x", "other": "not asked"}
    assert answers_from(descriptor(NESTED), form).values == {
        "kind": "a",
        "deep": True,
        "deeper": "x",
    }
    assert field_names(descriptor(NESTED), {"kind": "b"}) == {"kind", "other"}


def test_a_default_of_such_a_question_counts() -> None:
    page = {
        "properties": {"a": {"type": "string", "default": "x"}},
        "dependencies": {"a": {"properties": {"b": {"type": "string", "default": "y"}}}},
    }
    assert answers_from(descriptor(page), {}).values == {"a": "x", "b": "y"}


REPOSITORY = {
    "properties": {
        "repoUrl": {
            "type": "string",
            "ui:field": "RepoUrlPicker",
            "ui:options": {"allowedHosts": ["github.com", "gitlab.com"]},
        }
    }
}


def test_the_repository_picker_is_a_group_of_fields_and_one_text() -> None:
    (page,) = shown_pages(descriptor(REPOSITORY), {}, "here:1")
    assert list(page["properties"]["repoUrl"]["properties"]) == ["host", "owner", "repo"]
    form = {"repoUrl.host": "github.com", "repoUrl.owner": "o p", "repoUrl.repo": "r"}
    values = answers_from(descriptor(REPOSITORY), form).values
    assert values == {"repoUrl": "github.com?owner=o%20p&repo=r"}
    assert picker_errors(descriptor(REPOSITORY), values) == []


def test_a_host_that_is_not_allowed_is_told_at_the_field() -> None:
    (error,) = picker_errors(descriptor(REPOSITORY), {"repoUrl": "evil.example?owner=o&repo=r"})
    assert error.field == "parameters.repoUrl"
    assert "evil.example is not allowed" in error.message


WRONG: dict[str, tuple[dict[str, Any], Any]] = {
    "a name with a slash": ({"type": "string", "ui:field": "EntityNamePicker"}, "a/b"),
    "a name that is too long": ({"type": "string", "ui:field": "EntityNamePicker"}, "a" * 64),
    "a tag in upper case": ({"type": "array", "ui:field": "EntityTagsPicker"}, ["Java"]),
    "no repository": ({"type": "string", "ui:field": "RepoUrlPicker"}, "github.com?owner=o"),
}


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG.keys())
def test_pickers_are_strict(field: dict[str, Any], value: Any) -> None:
    assert picker_errors(descriptor({"properties": {"x": field}}), {"x": value})


def test_a_secret_is_no_parameter() -> None:
    page = {"properties": {"token": {"type": "string", "ui:field": "Secret"}}}
    answers = answers_from(descriptor(page), {"token": "hush"})
    assert answers.values == {"token": "****"}
    assert answers.secrets == {"token": "hush"}
    (shown,) = shown_pages(descriptor(page), {}, "h")
    assert shown["properties"]["token"]["ui:widget"] == "password"


def test_several_entities_are_ticked() -> None:
    page = {"properties": {"of": {"type": "array", "ui:field": "MultiEntityPicker"}}}
    form = {"of[component:default/a]": "yes", "of[component:default/b]": "yes"}
    assert answers_from(descriptor(page), form).values == {
        "of": ["component:default/a", "component:default/b"]
    }


def test_hidden_fields_are_not_shown_and_have_their_default() -> None:
    page = {"properties": {"a": {"type": "string", "default": "x", "ui:widget": "hidden"}}}
    (shown,) = shown_pages(descriptor(page), {}, "h")
    assert shown["properties"] == {}
    assert answers_from(descriptor(page), {}).values == {"a": "x"}

"""Embedded resources say what they are."""

from typing import Any

import pytest

from towpath.machinery.schemas import compile_schema

EMBEDDED: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
SCHEMA = compile_schema(
    {
        "type": "object",
        "properties": {
            "one": EMBEDDED,
            "many": {"type": "array", "items": EMBEDDED},
            "named": {"type": "object", "additionalProperties": EMBEDDED},
        },
    }
)
MANY = ["many[1].apiVersion", "many[1].kind"]
GOOD = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"a": "b"}}}


@pytest.mark.parametrize(
    ("obj", "fields"),
    [
        ({"one": GOOD, "many": [GOOD], "named": {"a": GOOD}}, []),
        ({"one": {}}, ["one.apiVersion", "one.kind"]),
        ({"many": [GOOD, {"apiVersion": "a/b/c", "kind": ""}]}, MANY),
        ({"named": {"a": {**GOOD, "kind": "No_Kind"}}}, ["named[a].kind"]),
        ({"one": {**GOOD, "metadata": {"labels": {"-": "x"}}}}, ["one.metadata.labels"]),
    ],
)
def test_what_is_embedded_is_an_object_of_some_kind(obj: dict[str, Any], fields: list[str]) -> None:
    assert [cause.field for cause in SCHEMA.validate(obj)] == fields


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        ({**GOOD, "apiVersion": 1}, "one.apiVersion"),
        ({**GOOD, "metadata": {"labels": {"a": 1}}}, "one.metadata"),
    ],
)
def test_what_is_of_another_type_cannot_be_read(resource: dict[str, Any], field: str) -> None:
    assert [cause.field for cause in SCHEMA.misread({"one": resource})] == [field]
    assert SCHEMA.misread({"one": GOOD}) == []

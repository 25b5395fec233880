"""Entities: what is wrong is named per entity, and references are filled in per field."""

import copy
from typing import Any

import pytest

from towpath.capabilities.portal.catalog.descriptors import entity_of, parse_entities
from towpath.capabilities.portal.catalog.entity_kinds import STANDARD

COMPONENT: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "Orders", "namespace": "shop", "tags": ["python"]},
    "spec": {
        "type": "service",
        "lifecycle": "production",
        "owner": "team-a",
        "system": "Shop",
        "providesApis": ["orders", "other/api"],
        "consumesApis": ["API:default/prices"],
        "dependsOn": ["resource:db", "component:default/queue"],
        "subcomponentOf": "big",
    },
}


def with_change(path: str, value: Any) -> dict[str, Any]:
    descriptor = copy.deepcopy(COMPONENT)
    place = descriptor
    *parents, last = path.split(".")
    for part in parents:
        place = place[part]
    place[last] = value
    return descriptor


def test_references_are_filled_in_per_field_and_compared_in_lower_case() -> None:
    entity = entity_of(COMPONENT)
    assert entity.ref == "component:shop/orders"
    assert entity.owner == "group:shop/team-a"
    assert entity.system == "system:shop/shop"
    assert [(relation.type, relation.target) for relation in entity.relations] == [
        ("ownedBy", "group:shop/team-a"),
        ("partOf", "system:shop/shop"),
        ("partOf", "component:shop/big"),
        ("providesApi", "api:shop/orders"),
        ("providesApi", "api:other/api"),
        ("consumesApi", "api:default/prices"),
        ("dependsOn", "resource:shop/db"),
        ("dependsOn", "component:default/queue"),
    ]


RELATIONS = {
    "a user is a member of groups": (
        {"kind": "User", "spec": {"memberOf": ["a"]}},
        [("memberOf", "group:default/a")],
    ),
    "a group has a parent, children and members": (
        {
            "kind": "Group",
            "spec": {"type": "team", "parent": "p", "children": ["c"], "members": ["m"]},
        },
        [
            ("childOf", "group:default/p"),
            ("parentOf", "group:default/c"),
            ("hasMember", "user:default/m"),
        ],
    ),
    "a system is part of a domain": (
        {"kind": "System", "spec": {"owner": "user:u", "domain": "d"}},
        [("ownedBy", "user:default/u"), ("partOf", "domain:default/d")],
    ),
}


@pytest.mark.parametrize(("part", "expected"), RELATIONS.values(), ids=RELATIONS.keys())
def test_relations(part: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    descriptor = {"apiVersion": "backstage.io/v1alpha1", "metadata": {"name": "x"}, **part}
    parsed = parse_entities([descriptor])
    assert parsed.errors == ()
    relations = parsed.entities[0].relations
    assert [(relation.type, relation.target) for relation in relations] == expected


def test_every_relation_has_an_inverse_that_leads_back() -> None:
    inverse = STANDARD.inverse
    assert all(inverse[inverse[name]] == name for name in inverse)


WRONG = {
    "another api version": ("apiVersion", "v1", "apiVersion"),
    "an unknown kind": ("kind", "Gadget", "kind"),
    "no name": ("metadata.name", None, "metadata.name"),
    "a name that ends with a separator": ("metadata.name", "a-", "metadata.name"),
    "a label that is no name": ("metadata.labels", {"a/b": "x y"}, "metadata.labels.a/b"),
    "a link without an address": ("metadata.links", [{"title": "x"}], "metadata.links[0]"),
    "a title that is a number": ("metadata.title", 5, "metadata.title"),
    "a name that is too long": ("metadata.name", "a" * 64, "metadata.name"),
    "a namespace in upper case": ("metadata.namespace", "Shop", "metadata.namespace"),
    "a tag with a space": ("metadata.tags", ["a b"], "metadata.tags[0]"),
    "an annotation that is a number": (
        "metadata.annotations",
        {"a/b": 1},
        "metadata.annotations.a/b",
    ),
    "no owner": ("spec.owner", None, "spec.owner"),
    "a type that is a list": ("spec.type", ["a"], "spec.type"),
    "an owner that is no reference": ("spec.owner", "group:", "spec.owner"),
    "a dependency without a kind": ("spec.dependsOn", ["db"], "spec.dependsOn[0]"),
    "apis that are no list": ("spec.providesApis", "x", "spec.providesApis"),
    "a spec that is a text": ("spec", "x", "spec"),
}


@pytest.mark.parametrize(("path", "value", "field"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    parsed = parse_entities([with_change(path, value)])
    assert parsed.entities == ()
    assert [error.field for error in parsed.errors] == [field]


def test_a_wrong_entity_takes_no_other_with_it() -> None:
    parsed = parse_entities([COMPONENT, "text", None, {"kind": "API", "metadata": {"name": "x"}}])
    assert [entity.ref for entity in parsed.entities] == ["component:shop/orders"]
    assert {error.entity for error in parsed.errors} == {"document 2", "api:default/x"}


def test_an_entity_that_appears_twice_is_told() -> None:
    parsed = parse_entities([COMPONENT, COMPONENT])
    assert len(parsed.entities) == 1
    assert [error.entity for error in parsed.errors] == ["component:shop/orders"]


def test_what_no_json_can_say_takes_no_other_with_it() -> None:
    unfit = with_change("spec.weights", {1: "a number as a key"})
    parsed = parse_entities([unfit, with_change("metadata.name", "Right")])
    assert [one.entity for one in parsed.errors] == ["component:shop/orders"]
    assert [one.ref for one in parsed.entities] == ["component:shop/right"]

"""Sequences about what a CustomResourceDefinition may say: schemas, names, versions, columns."""

from typing import Any

import pytest
from tests.conformance.asked import CRDS, Object
from tests.conformance.rules import definition
from tests.conformance.sides import Step, post

TEXT: Object = {"type": "string"}
NUMBER: Object = {"type": "integer"}
OBJECT: Object = {"type": "object"}
INT_OR_STRING: Object = {"x-kubernetes-int-or-string": True}


def dry(definition_: Object) -> Step:
    return post(CRDS, definition_, query={"dryRun": "All"})


def field(schema: Any) -> Step:
    """A definition with one field."""
    return dry(
        definition({"properties": {"spec": {"type": "object", "properties": {"f": schema}}}})
    )


def listed(**fields: Any) -> Object:
    return {"type": "array", **fields}


def keyed(items: Object, *keys: str, **fields: Any) -> Object:
    return listed(
        **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [*keys], "items": items},
        **fields,
    )


def of(**fields: Any) -> Object:
    return {"type": "object", "properties": fields}


def spec(**changes: Any) -> Step:
    changed = definition({})
    changed["spec"] |= changes
    return dry(changed)


def versions(*parts: Object) -> Step:
    base = definition({})["spec"]["versions"][0]
    return spec(versions=[{**base, **part} for part in parts])


def version(**parts: Any) -> Step:
    return versions(parts)


def named(**names: Any) -> Step:
    return spec(names={"plural": "things", "kind": "Thing", **names})


FIELDS: list[Any] = [
    {},
    {"type": "text"},
    {"type": "null"},
    {"type": "string", "nullable": True},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "array", "items": [TEXT]},
    {"type": "array", "items": {"x-kubernetes-preserve-unknown-fields": True}},
    {"type": "object", "properties": {"a": {}}},
    {"type": "object", "additionalProperties": True},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "additionalProperties": TEXT, "properties": {"a": TEXT}},
    {"type": "object", "additionalProperties": {}},
    {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    {"type": "object", "x-kubernetes-preserve-unknown-fields": False},
    {"x-kubernetes-preserve-unknown-fields": True},
    INT_OR_STRING,
    {**INT_OR_STRING, "x-kubernetes-preserve-unknown-fields": True},
    {**INT_OR_STRING, "x-kubernetes-embedded-resource": True},
    {**INT_OR_STRING, "type": "integer"},
    {**INT_OR_STRING, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    {**INT_OR_STRING, "anyOf": [{"type": "string"}, {"type": "integer"}]},
    {
        **INT_OR_STRING,
        "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "a"}],
    },
    {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "object", "x-kubernetes-embedded-resource": True},
    {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
    {"type": "string", "x-kubernetes-embedded-resource": True},
    {"x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    {**of(kind=NUMBER, apiVersion=TEXT, metadata=OBJECT), "x-kubernetes-embedded-resource": True},
    {**of(metadata=TEXT), "x-kubernetes-embedded-resource": True},
    {**OBJECT, "additionalProperties": TEXT, "x-kubernetes-embedded-resource": True},
    {"type": "string", "x-kubernetes-map-type": "atomic"},
    {"type": "object", "x-kubernetes-map-type": "strange"},
    {"x-kubernetes-map-type": "granular"},
    {"type": "string", "x-kubernetes-list-type": "set"},
    {"x-kubernetes-list-type": "set"},
    listed(**{"x-kubernetes-list-type": "bag", "items": TEXT}),
    listed(**{"x-kubernetes-list-type": "set", "items": {"type": "string", "nullable": True}}),
    listed(**{"x-kubernetes-list-type": "set", "items": OBJECT}),
    listed(
        **{"x-kubernetes-list-type": "set", "items": {**OBJECT, "x-kubernetes-map-type": "atomic"}}
    ),
    listed(**{"x-kubernetes-list-type": "set", "items": listed(items=TEXT)}),
    listed(
        **{
            "x-kubernetes-list-type": "set",
            "items": listed(**{"items": TEXT, "x-kubernetes-list-type": "set"}),
        }
    ),
    listed(**{"x-kubernetes-list-map-keys": ["a"], "items": of(a=TEXT)}),
    listed(**{"x-kubernetes-list-type": "set", "x-kubernetes-list-map-keys": ["a"], "items": TEXT}),
    listed(**{"x-kubernetes-list-type": "map", "items": of(a=TEXT)}),
    keyed(TEXT, "a"),
    keyed(of(a=TEXT), "a"),
    keyed({**of(a=TEXT), "required": ["a"]}, "a"),
    keyed({**of(a={**TEXT, "default": "x"})}, "a"),
    keyed({**of(a={**TEXT, "nullable": True}), "required": ["a"]}, "a"),
    keyed({**of(a=TEXT), "required": ["a"], "nullable": True}, "a"),
    keyed({**of(a=OBJECT), "required": ["a"]}, "a"),
    keyed({**of(a=TEXT), "required": ["a"]}, "a", "b"),
    keyed({**of(a=TEXT), "required": ["a"]}, "a", "a"),
    keyed({**of(a=TEXT, b=NUMBER), "required": ["a", "b"]}, "a", "b", uniqueItems=True),
    {"type": "string", "pattern": "["},
    {"type": "string", "pattern": "^a(?=b)$"},
    {"type": "string", "pattern": "a)"},
    {"type": "string", "pattern": "a**"},
    {"type": "string", "pattern": "*a"},
    {"type": "string", "pattern": "a{2000}"},
    {"type": "string", "pattern": "\\q"},
    {"type": "string", "pattern": "[z-a]"},
    {"type": "string", "pattern": "a\\"},
    {"type": "string", "pattern": "(?P<a>b"},
    {"type": "string", "pattern": "[[:nope:]]"},
    {"type": "string", "format": "nonsense"},
    {"type": "string", "$ref": "#/a"},
    {"type": "string", "definitions": {"a": TEXT}},
    {"type": "object", "patternProperties": {"a": TEXT}},
    {"type": "object", "dependencies": {"a": ["b"]}},
    {"type": "array", "items": TEXT, "additionalItems": TEXT},
    {"type": "string", "id": "a"},
    {"type": "array", "items": TEXT, "uniqueItems": True},
    {**of(a=TEXT), "allOf": [{"properties": {"a": {"minLength": 1}}}]},
    {**of(a=TEXT), "allOf": [{"properties": {"b": {"minLength": 1}}}]},
    {**of(a=TEXT), "anyOf": [{"properties": {"a": {"type": "string"}}}]},
    {**of(a=TEXT), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {**of(a=TEXT), "not": {"properties": {"a": {"default": "x"}}}},
    {**of(a=TEXT), "anyOf": [{"description": "a", "title": "b"}]},
    {**of(a=TEXT), "allOf": [{"additionalProperties": TEXT}]},
    {**of(a=TEXT), "allOf": [{"x-kubernetes-preserve-unknown-fields": True}]},
    {**of(a=TEXT), "allOf": [{"nullable": True, "properties": {"metadata": {"minProperties": 1}}}]},
    {**of(a=listed(items=TEXT)), "allOf": [{"properties": {"a": {"items": {"pattern": "["}}}}]},
    {"type": "string", "default": "a"},
    {"type": "string", "default": 1},
    {"type": "integer", "default": "a"},
    {"type": "integer", "default": 11, "maximum": 10},
    {"type": "string", "default": "A", "pattern": "^a$"},
    {"type": "string", "default": "c", "enum": ["a", "b"]},
    {**of(a=TEXT), "default": {}},
    {**of(a=TEXT), "default": {"b": 1}},
    {**of(a=TEXT), "required": ["a"], "default": {}},
    {**of(a={**TEXT, "default": 5}), "default": {"a": 5}},
    {**of(a=of(b=NUMBER)), "default": {"a": {"b": "x", "c": 1}}},
    listed(items={"type": "string", "default": 3}),
    listed(items=TEXT, default=["a", 1]),
    listed(items=TEXT, default=[], example=[]),
    listed(items=listed(items=TEXT), default=[[]], enum=[[], [[]]]),
    listed(items=[]),
    {**OBJECT, "additionalProperties": TEXT, "default": {}, "example": {}},
    {"type": "string", "nullable": True, "default": None},
    {"type": "string", "format": "date-time", "default": "yesterday"},
    {
        **TEXT,
        "maxLength": 5,
        "default": "ab",
        "x-kubernetes-validations": [{"rule": "self == 'a'"}],
    },
]
ROOTS: list[Object] = [
    {"type": "string"},
    {"type": ""},
    {"nullable": True},
    {"additionalProperties": TEXT},
    {
        "properties": {
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 9}},
            }
        }
    },
    {"properties": {"metadata": {"type": "object", "properties": {"labels": OBJECT}}}},
    {"properties": {"metadata": {"type": "string"}}},
    {"properties": {"metadata": {"type": "object", "description": "a"}}},
    {
        "properties": {
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "default": "a"}},
            }
        }
    },
    {"properties": {"kind": NUMBER, "apiVersion": {"type": "string", "default": "a"}}},
    {"x-kubernetes-preserve-unknown-fields": True},
    {"required": ["spec"], "properties": {"spec": OBJECT, "status": OBJECT}},
]
STATUS: Object = {"status": {}}
COLUMN: Object = {"name": "A", "type": "string", "jsonPath": ".spec.a"}


def schema_of(**properties: Any) -> Object:
    return {"openAPIV3Schema": of(**properties)}


def scaled(**paths: str) -> Object:
    good = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    return {"scale": {**good, **paths}, "status": {}}


SPECS: list[Step] = [
    spec(group=""),
    spec(group="nodots"),
    spec(group="A.b"),
    spec(scope=""),
    spec(scope="Galaxy"),
    spec(versions=[]),
    spec(preserveUnknownFields=True),
    spec(preserveUnknownFields=False),
    named(plural=""),
    named(kind=""),
    named(plural="Things"),
    named(singular="a b", listKind="A b"),
    named(kind="9A"),
    named(listKind="Thing"),
    named(shortNames=["t", "T_"], categories=["all", "A B"]),
    version(name="V1"),
    version(name=""),
    version(storage=False),
    version(served=False),
    version(schema=None),
    version(schema={}),
    version(deprecated=True, deprecationWarning="old"),
    version(deprecated=False, deprecationWarning="old"),
    version(deprecated=True, deprecationWarning=""),
    version(deprecated=True, deprecationWarning="a\nb"),
    version(deprecated=True, deprecationWarning="x" * 300),
    versions({}, {}),
    versions({}, {"name": "v2"}),
    versions({"storage": False}, {"name": "v2", "storage": False}),
    versions({}, {"name": "v2", "storage": False}),
    versions({}, {"name": "v2", "storage": False, "schema": schema_of(a={})}),
    versions(
        {"schema": schema_of(a={})}, {"name": "v2", "storage": False, "schema": schema_of(a={})}
    ),
    version(subresources={"status": {}}),
    version(
        subresources={"status": {}},
        schema={"openAPIV3Schema": {**OBJECT, "oneOf": [{"required": ["a"]}]}},
    ),
    version(subresources=scaled()),
    version(subresources=scaled(specReplicasPath="")),
    version(subresources=scaled(specReplicasPath="spec.n")),
    version(subresources=scaled(specReplicasPath=".status.n", statusReplicasPath=".spec.n")),
    version(subresources=scaled(labelSelectorPath=".metadata.a")),
    version(subresources=scaled(labelSelectorPath=".status.selector")),
    version(additionalPrinterColumns=[COLUMN]),
    version(additionalPrinterColumns=[{**COLUMN, "name": "", "type": ""}]),
    version(additionalPrinterColumns=[{**COLUMN, "type": "text", "format": "nice"}]),
    version(additionalPrinterColumns=[{**COLUMN, "jsonPath": ""}]),
    version(additionalPrinterColumns=[{**COLUMN, "jsonPath": "spec.a"}]),
    version(
        additionalPrinterColumns=[{**COLUMN, "type": "date", "format": "date-time", "priority": 1}]
    ),
    version(selectableFields=[{"jsonPath": ".spec.a"}]),
    *(
        version(
            schema=schema_of(
                spec=of(a=TEXT, b=NUMBER, c=OBJECT, d=listed(items=TEXT), e={"type": "number"})
            ),
            selectableFields=[{"jsonPath": path} for path in paths],
        )
        for paths in (
            [".spec.a", ".spec.b"],
            [".spec.a", ".spec.a"],
            ["spec.a"],
            [""],
            [".spec.c", ".spec.d", ".spec.e"],
            [".spec['a']"],
            [".metadata.name"],
        )
    ),
    spec(conversion={"strategy": "Magic"}),
    spec(conversion={"strategy": ""}),
    spec(conversion={"strategy": "Webhook"}),
    spec(
        conversion={
            "strategy": "None",
            "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://a.b"}},
        }
    ),
    spec(conversion={"strategy": "Webhook", "webhook": {"conversionReviewVersions": []}}),
    spec(
        conversion={
            "strategy": "Webhook",
            "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {}},
        }
    ),
    spec(
        conversion={
            "strategy": "Webhook",
            "webhook": {
                "conversionReviewVersions": ["v9", "v9", "A"],
                "clientConfig": {"url": "http://a.b"},
            },
        }
    ),
    spec(
        conversion={
            "strategy": "Webhook",
            "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"url": "https://a.b", "service": {"name": "a", "namespace": "b"}},
            },
        }
    ),
    spec(
        conversion={
            "strategy": "Webhook",
            "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {"name": "", "namespace": "", "port": 0, "path": "a"}},
            },
        }
    ),
    spec(
        conversion={
            "strategy": "Webhook",
            "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {"name": "a", "namespace": "b"}},
            },
        }
    ),
    dry({**definition({}), "metadata": {"name": "other.{ns}.example.dev"}}),
    dry(
        {
            **definition({}),
            "metadata": {"name": "things.x.k8s.io"},
            "spec": {**definition({})["spec"], "group": "x.k8s.io"},
        }
    ),
    dry(
        {
            **definition({}),
            "metadata": {
                "name": "things.x.k8s.io",
                "annotations": {"api-approved.kubernetes.io": "perhaps"},
            },
            "spec": {**definition({})["spec"], "group": "x.k8s.io"},
        }
    ),
]
DEFINITION_SEQUENCES = [
    pytest.param([field(schema) for schema in FIELDS], id="which schemas are structural"),
    pytest.param([dry(definition(root)) for root in ROOTS], id="what a root schema may say"),
    pytest.param(SPECS, id="which definitions are taken"),
]

"""Kinds of our own for generated sequences: every sort of list, map, default and subresource."""

from dataclasses import dataclass, field
from typing import Any

from tests.conformance.asked import SPEC_SCHEMA, Object

GROUP = "drawn.example.dev"


@dataclass(frozen=True, slots=True)
class CustomKind:
    kind: str
    plural: str
    schema: Object
    example: Object
    version: str = "v1"
    subresources: Object = field(default_factory=dict)
    more: Object = field(default_factory=dict)
    """Of the version."""
    preserve: bool = False

    def definition(self) -> Object:
        version = {
            "name": self.version,
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": self.schema},
            **({"subresources": self.subresources} if self.subresources else {}),
            **self.more,
        }
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "scope": "Namespaced",
                "names": {"kind": self.kind, "plural": self.plural},
                "versions": [version],
            },
        }


def _of(**properties: Any) -> Object:
    return {"type": "object", "properties": properties}


_TEXT: Object = {"type": "string"}
_WHOLE: Object = {"type": "integer"}
_LISTS: Object = _of(
    atomic={"type": "array", "x-kubernetes-list-type": "atomic", "items": _TEXT},
    set={"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
    numbers={"type": "array", "x-kubernetes-list-type": "set", "items": _WHOLE},
    plain={"type": "array", "items": _of(a=_TEXT, b=_WHOLE)},
    two={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {
            **_of(
                port=_WHOLE,
                protocol={"type": "string", "default": "TCP"},
                name=_TEXT,
                inner={
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["key"],
                    "items": {**_of(key=_TEXT, value=_TEXT), "required": ["key"]},
                },
            ),
            "required": ["port"],
        },
    },
    atomicMap={**_of(a=_TEXT, b=_TEXT), "x-kubernetes-map-type": "atomic"},
    granular={"type": "object", "additionalProperties": _of(x=_WHOLE, y=_TEXT)},
    any={"x-kubernetes-preserve-unknown-fields": True},
    embedded={
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    },
    defaulted={
        **_of(a={"type": "integer", "default": 1}, b={"type": "string", "nullable": True}),
        "default": {"b": "x"},
    },
    either={"x-kubernetes-int-or-string": True},
    ratio={"type": "number", "minimum": 0, "exclusiveMaximum": True, "maximum": 1},
    step={"type": "number", "multipleOf": 0.5},
    when={"type": "string", "format": "date-time"},
    lasts={"type": "string", "format": "duration"},
    address={"type": "string", "format": "ipv4"},
    data={"type": "string", "format": "byte"},
    link={"type": "string", "format": "uri"},
    id={"type": "string", "format": "uuid"},
    few={"type": "object", "additionalProperties": _TEXT, "minProperties": 1, "maxProperties": 2},
    one={
        "type": "object",
        "properties": {"p": _TEXT, "q": _TEXT},
        "oneOf": [{"required": ["p"]}, {"required": ["q"]}],
    },
)
_LISTED: Object = {
    "atomic": ["a", "b"],
    "set": ["a", "b"],
    "numbers": [1, 2],
    "plain": [{"a": "1"}, {"b": 2}],
    "two": [
        {"port": 1, "name": "x", "inner": [{"key": "k", "value": "v"}]},
        {"port": 1, "protocol": "UDP"},
    ],
    "atomicMap": {"a": "1"},
    "granular": {"k": {"x": 1}, "l": {"y": "2"}},
    "any": {"free": [1, {"a": None}]},
    "embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "more": 1},
    "either": 1,
    "ratio": 0.5,
    "step": 1.5,
    "when": "2026-01-01T00:00:00Z",
    "lasts": "1h",
    "address": "10.0.0.1",
    "data": "MQ==",
    "link": "https://example.dev/x",
    "id": "123e4567-e89b-12d3-a456-426614174000",
    "few": {"a": "1"},
    "one": {"p": "1"},
}
_STATUS: Object = _of(
    ready={"type": "boolean"},
    replicas=_WHOLE,
    selector=_TEXT,
    conditions={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {**_of(type=_TEXT, status=_TEXT), "required": ["type", "status"]},
    },
)
CUSTOM_KINDS = (
    CustomKind(
        "Widget",
        "widgets",
        _of(spec=SPEC_SCHEMA, status=_STATUS),
        {
            "spec": {
                "size": 1,
                "name": "abc",
                "free": {"a": [1]},
                "labels": {"a": "b"},
                "amount": "25%",
                "tags": ["a"],
                "ports": [{"number": 80}],
                "min": 1,
                "max": 2,
            }
        },
        subresources={
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.count",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
    ),
    CustomKind(
        "Listed",
        "listeds",
        _of(spec=_LISTS),
        {"spec": _LISTED},
        version="v1beta1",
        more={
            "selectableFields": [{"jsonPath": ".spec.address"}],
            "additionalPrinterColumns": [
                {"name": "Address", "type": "string", "jsonPath": ".spec.address"},
                {"name": "Ports", "type": "string", "jsonPath": ".spec.two[*].port"},
                {"name": "Any", "type": "string", "jsonPath": ".spec.any.free"},
                {"name": "When", "type": "date", "jsonPath": ".spec.when"},
                {"name": "Ratio", "type": "number", "jsonPath": ".spec.ratio"},
                {"name": "None", "type": "boolean", "jsonPath": ".spec.none"},
            ],
        },
    ),
    CustomKind(
        "Loose",
        "looses",
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        {"spec": {"a": [1, {"b": "c"}], "d": {"e": None}}, "status": {"x": 1}},
        version="v1alpha1",
    ),
)

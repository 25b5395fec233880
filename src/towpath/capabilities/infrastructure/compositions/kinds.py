"""The nouns of composition, as Crossplane v2 has them. Source: crossplane/crossplane apis/."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    Resource,
    custom_resource_definition,
)
from towpath.machinery.objects import RawObject

GROUP = "apiextensions.crossplane.io"
DEFINITION = Resource(
    GROUP, "v2", "CompositeResourceDefinition", "compositeresourcedefinitions", namespaced=False
)
COMPOSITION = Resource(GROUP, "v1", "Composition", "compositions", namespaced=False)

RESOURCE_NAME = "crossplane.io/composition-resource-name"
"""The annotation by which a composed resource is known to its Composition."""
COMPOSITE_LABEL = "crossplane.io/composite"
PAUSED_ANNOTATION = "crossplane.io/paused"
"""`"true"` on a composite: nothing is made, changed or deleted for it."""

_TYPE_REFERENCE: RawObject = {
    "type": "object",
    "required": ["apiVersion", "kind"],
    "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}},
}
_NAME_REFERENCE: RawObject = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string"}},
}
_FREE: RawObject = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "conditions": CONDITIONS_SCHEMA,
        "observedGeneration": {"type": "integer"},
        "controllers": _FREE,
    },
}

_NAMES: RawObject = {
    "type": "object",
    "required": ["kind", "plural"],
    "properties": {
        "kind": {"type": "string"},
        "plural": {"type": "string"},
        "singular": {"type": "string"},
        "listKind": {"type": "string"},
        "shortNames": {"type": "array", "items": {"type": "string"}},
        "categories": {"type": "array", "items": {"type": "string"}},
    },
}
_PRINTER_COLUMN: RawObject = {
    "type": "object",
    "required": ["name", "type", "jsonPath"],
    "properties": {
        "name": {"type": "string"},
        "type": {"type": "string"},
        "jsonPath": {"type": "string"},
        "description": {"type": "string"},
        "format": {"type": "string"},
        "priority": {"type": "integer"},
    },
}
_VERSION: RawObject = {
    "type": "object",
    "required": ["name", "served", "referenceable"],
    "properties": {
        "name": {"type": "string"},
        "served": {"type": "boolean"},
        "referenceable": {"type": "boolean"},
        "deprecated": {"type": "boolean"},
        "schema": {"type": "object", "properties": {"openAPIV3Schema": _FREE}},
        "additionalPrinterColumns": {"type": "array", "items": _PRINTER_COLUMN},
    },
}

_DEFINITION_SPEC: RawObject = {
    "type": "object",
    "required": ["group", "names", "versions"],
    "properties": {
        "group": {"type": "string"},
        "names": _NAMES,
        "scope": {
            "type": "string",
            "enum": ["Namespaced", "Cluster"],
            "default": "Namespaced",
            "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "Value is immutable"}
            ],
        },
        "defaultCompositionRef": _NAME_REFERENCE,
        "enforcedCompositionRef": _NAME_REFERENCE,
        "defaultCompositionUpdatePolicy": {
            "type": "string",
            "enum": ["Automatic", "Manual"],
            "default": "Automatic",
        },
        "versions": {"type": "array", "minItems": 1, "items": _VERSION},
    },
}

_STEP: RawObject = {
    "type": "object",
    "required": ["step", "functionRef"],
    "properties": {
        "step": {"type": "string"},
        "functionRef": _NAME_REFERENCE,
        "input": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "x-kubernetes-embedded-resource": True,
        },
    },
}
_COMPOSITION_SPEC: RawObject = {
    "type": "object",
    "required": ["compositeTypeRef"],
    "properties": {
        "compositeTypeRef": {
            **_TYPE_REFERENCE,
            "x-kubernetes-validations": [
                {"rule": "self == oldSelf", "message": "Value is immutable"}
            ],
        },
        "mode": {"type": "string", "enum": ["Pipeline"], "default": "Pipeline"},
        "pipeline": {
            "type": "array",
            "minItems": 1,
            "maxItems": 99,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["step"],
            "items": _STEP,
        },
    },
}

KINDS = (
    custom_resource_definition(
        DEFINITION,
        spec=_DEFINITION_SPEC,
        status=_STATUS,
        short_names=["xrd", "xrds"],
        categories=["crossplane"],
        columns=[
            Column("Established", ".status.conditions[?(@.type=='Established')].status"),
            AGE,
        ],
    ),
    custom_resource_definition(
        COMPOSITION,
        spec=_COMPOSITION_SPEC,
        short_names=["comp"],
        categories=["crossplane"],
        columns=[
            Column("XR-Kind", ".spec.compositeTypeRef.kind"),
            Column("XR-APIVersion", ".spec.compositeTypeRef.apiVersion"),
            AGE,
        ],
    ),
)

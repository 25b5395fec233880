"""EntityKind: a kind of the catalogue that a platform adds, its schema and what is computed."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject


def listed(items: RawObject, description: str, most: int, **more: object) -> RawObject:
    return {
        "type": "array",
        "items": items,
        "maxItems": most,
        "description": description,
        **more,
    }


ENTITY_KIND = towpath_resource("EntityKind", "entitykinds", namespaced=False)

_VIA = listed(
    {"type": "string", "minLength": 1, "maxLength": 63},
    "Relations to follow, one after the other, such as [partOf].",
    3,
    minItems=1,
)
_EXPRESSION: RawObject = {"type": "string", "minLength": 1, "maxLength": 4000}
_COMPUTED: RawObject = {
    "type": "object",
    "required": ["name"],
    "x-kubernetes-validations": [
        {
            "rule": "[has(self.mirror), has(self.calculation), has(self.aggregation)]"
            ".filter(one, one).size() == 1",
            "message": "one of mirror, calculation and aggregation",
        }
    ],
    "properties": {
        "name": {
            "type": "string",
            "pattern": "^[a-zA-Z][a-zA-Z0-9]*$",
            "maxLength": 63,
            "description": "How later properties name it, as computed.<name>.",
        },
        "title": {"type": "string", "maxLength": 100, "description": "What people read."},
        "mirror": {
            "type": "object",
            "required": ["via", "path"],
            "description": "What a related entity says.",
            "properties": {
                "via": _VIA,
                "path": {
                    "type": "string",
                    "pattern": "^[a-zA-Z]",
                    "maxLength": 300,
                    "description": "The field there, such as spec.owner.",
                },
            },
        },
        "calculation": {
            "type": "object",
            "required": ["expression"],
            "description": "Reckoned from the entity itself.",
            "properties": {
                "expression": {
                    **_EXPRESSION,
                    "description": "CEL over entity, and computed: the properties before it.",
                }
            },
        },
        "aggregation": {
            "type": "object",
            "required": ["via"],
            "description": "Counted or summed over related entities.",
            "properties": {
                "via": _VIA,
                "where": {**_EXPRESSION, "description": "CEL over item and entity: which count."},
                "function": {
                    "type": "string",
                    "enum": ["count", "sum", "average", "min", "max"],
                    "default": "count",
                    "description": "What is made of them.",
                },
                "value": {**_EXPRESSION, "description": "CEL over item: what is summed."},
            },
        },
    },
}

ENTITY_KIND_CRD = custom_resource_definition(
    ENTITY_KIND,
    spec={
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "type": "string",
                "pattern": "^[A-Z][a-zA-Z0-9]*$",
                "maxLength": 63,
                "description": "What descriptors write as their kind.",
            },
            "extends": {
                "type": "boolean",
                "default": False,
                "description": "It adds to one of the catalogue's own kinds.",
            },
            "title": {"type": "string", "maxLength": 100, "description": "What people read."},
            "description": {
                "type": "string",
                "maxLength": 1000,
                "description": "What such an entity is.",
            },
            "schema": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "description": "JSON Schema (draft 7) of the descriptor's spec; the form is made "
                "of it.",
            },
            "relations": listed(
                {
                    "type": "object",
                    "required": ["field", "relation", "inverse"],
                    "properties": {
                        "field": {
                            "type": "string",
                            "maxLength": 63,
                            "description": "The field of spec that refers.",
                        },
                        "relation": {
                            "type": "string",
                            "maxLength": 63,
                            "description": "What the relation is called.",
                        },
                        "inverse": {
                            "type": "string",
                            "maxLength": 63,
                            "description": "What it is called from the other end.",
                        },
                        "targetKind": {
                            "type": "string",
                            "maxLength": 63,
                            "description": "The kind that a reference without one means.",
                        },
                        "many": {
                            "type": "boolean",
                            "default": True,
                            "description": "Whether the field is a list.",
                        },
                    },
                },
                "Fields that refer to other entities. owner and system are known.",
                30,
            ),
            "computed": listed(_COMPUTED, "Properties that nobody writes.", 50),
        },
    },
    status={"type": "object", "properties": {"conditions": CONDITIONS_SCHEMA}},
    columns=(
        Column("Kind", ".spec.kind"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        AGE,
    ),
    categories=("towpath",),
)

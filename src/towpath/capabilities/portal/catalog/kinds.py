"""CatalogSource: a place that entities come from; what is read there is the catalogue's to keep."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

CATALOG_SOURCE = towpath_resource("CatalogSource", "catalogsources")

UNSEEN_ANNOTATION = "towpath.dev/unseen"
"""On a User or a Group whom only a project names: nobody has come by that name yet."""

_SPEC: RawObject = {
    "type": "object",
    "required": ["type", "repository"],
    "properties": {
        "type": {
            "type": "string",
            "enum": ["git"],
            "description": "git: a descriptor file on the main branch of a repository.",
        },
        "repository": {
            "type": "string",
            "pattern": "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
            "maxLength": 100,
            "description": "The name of a repository of this project.",
        },
        "path": {
            "type": "string",
            "default": "catalog-info.yaml",
            "maxLength": 500,
            "description": "The descriptor's path in it.",
        },
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "commit": {"type": "string", "description": "The commit that was read last."},
        "entities": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What it gave, as entity references.",
        },
        "errors": {
            "type": "array",
            "description": "What is wrong with single entities; the others are in the catalogue.",
            "items": {
                "type": "object",
                "properties": {
                    "entity": {"type": "string"},
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

CATALOG_SOURCE_CRD = custom_resource_definition(
    CATALOG_SOURCE,
    spec=_SPEC,
    status=_STATUS,
    columns=(
        Column("Repository", ".spec.repository"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Commit", ".status.commit", priority=1),
        AGE,
    ),
    short_names=("catsrc",),
    categories=("towpath",),
    selectable=(".spec.repository",),
)

KINDS = (CATALOG_SOURCE_CRD,)

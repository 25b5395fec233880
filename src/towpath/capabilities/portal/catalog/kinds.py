"""CatalogSource: a place that entities come from; what is read there is the catalogue's to keep."""

from towpath.capabilities.portal.catalog import source_schema
from towpath.capabilities.portal.catalog.entity_kind_schema import (
    ENTITY_KIND,
    ENTITY_KIND_CRD,
    listed,
)
from towpath.capabilities.portal.catalog.source_schema import NAME
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

__all__ = ["CATALOG_EDIT", "CATALOG_SOURCE", "ENTITY_KIND", "KINDS"]

CATALOG_SOURCE = towpath_resource("CatalogSource", "catalogsources")

UNSEEN_ANNOTATION = "towpath.dev/unseen"
"""On a User or a Group whom only a project names: nobody has come by that name yet."""

GIT, DISCOVERY, URL, DIRECTORY, KUBERNETES = "git", "discovery", "url", "directory", "kubernetes"
ORGANISATION, SCIM, LDAP, PLUGIN = "organisation", "scim", "ldap", "plugin"
_PLACES: RawObject = {
    URL: source_schema.URL,
    DIRECTORY: source_schema.DIRECTORY,
    KUBERNETES: source_schema.KUBERNETES,
    ORGANISATION: source_schema.ORGANISATION,
    SCIM: source_schema.SCIM,
    LDAP: source_schema.LDAP,
    PLUGIN: source_schema.PLUGIN,
}
"""What a source of that type must have, under its type's name."""
PERIODIC = (URL, DIRECTORY, ORGANISATION, LDAP, PLUGIN)
"""What tells nothing by itself, or might not, and is looked at again after an interval."""
GIVE_PEOPLE = (SCIM, LDAP)
"""Of which nothing but people and groups comes."""
DEFAULT_PATH = "catalog-info.yaml"
REFRESH_ANNOTATION = "towpath.dev/refresh"
"""Any new value of it, and the source is read again at once."""

QUARANTINED = "Quarantined"

_SPEC: RawObject = {
    "type": "object",
    "required": ["type"],
    "x-kubernetes-validations": [
        {
            "rule": "has(self.repository) == (self.type == 'git')",
            "message": "repository is for type git, and required there",
        },
        *(
            {
                "rule": f"has(self.{place}) == (self.type == '{place}')",
                "message": f"{place} is for type {place}, and required there",
            }
            for place in _PLACES
        ),
        {
            "rule": "!has(self.discovery) || self.type == 'discovery'",
            "message": "discovery is for type discovery",
        },
        {
            "rule": "!has(self.accepted) || !has(self.undone) || "
            "!self.accepted.exists(version, version in self.undone)",
            "message": "a version is either accepted or undone",
        },
    ],
    "properties": {
        "type": {
            "type": "string",
            "enum": [GIT, DISCOVERY, *_PLACES],
            "description": "git: a hosted repository; discovery: many of them; url: files of "
            "the web; directory: files of this machine; kubernetes: objects of a cluster; "
            "organisation: repositories of another Git host; scim and ldap: people and groups; "
            "plugin: what a plug-in finds.",
        },
        "repository": {
            **NAME,
            "description": "Of type git: the name of a repository of this project.",
        },
        "path": {
            "type": "string",
            "default": DEFAULT_PATH,
            "minLength": 1,
            "maxLength": 500,
            "description": "Of types git, discovery and organisation: the descriptor's path, or a "
            "pattern such as '**/catalog-info.yaml'.",
        },
        "discovery": source_schema.DISCOVERY,
        **_PLACES,
        "rules": listed(
            {
                "type": "object",
                "required": ["allow"],
                "properties": {
                    "allow": listed(
                        {"type": "string", "maxLength": 63}, "Kinds of entities.", 50, minItems=1
                    )
                },
            },
            "Which kinds it may give. Default: all but Group and User, which only a source in "
            "the namespace towpath-system may give at all; of types scim and ldap, these two.",
            20,
        ),
        "interval": {
            "type": "string",
            "default": "10m",
            "pattern": "^([0-9]+(s|m|h))+$",
            "maxLength": 20,
            "description": "How often what tells nothing by itself is looked at: the web, "
            "folders, other Git hosts, directories of people, plug-ins. At least 10s.",
        },
        "orphans": {
            "type": "string",
            "enum": ["Keep", "Delete"],
            "default": "Keep",
            "description": "What becomes of entities whose file has gone: kept with the "
            "annotation backstage.io/orphan, or deleted.",
        },
        "accepted": listed(
            {"type": "string", "maxLength": 100},
            "Versions whose losses are accepted: what the Quarantined condition asks for.",
            50,
        ),
        "undone": listed(
            {"type": "string", "maxLength": 100},
            "Versions that are taken back: the catalogue has what was there before them until the "
            "source says something else.",
            50,
        ),
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "commit": {
            "type": "string",
            "description": "The commit that was read last, of a source of one repository.",
        },
        "version": {
            "type": "string",
            "description": "What it said last, as a name: it can be accepted and undone by it.",
        },
        "lastChange": {
            "type": "string",
            "format": "date-time",
            "description": "When what it said changed the catalogue last.",
        },
        "changes": {
            "type": "object",
            "description": "What that change was, in entities.",
            "properties": {name: {"type": "integer"} for name in ("added", "updated", "removed")},
        },
        "lastRead": {
            "type": "string",
            "format": "date-time",
            "description": "When it was read last, whatever came of it.",
        },
        "nextRead": {
            "type": "string",
            "format": "date-time",
            "description": "When it is read again, of one that does not tell of changes itself.",
        },
        "failures": {
            "type": "integer",
            "description": "How often in a row it could not be read.",
        },
        "count": {"type": "integer", "description": "How many entities it gives."},
        "entities": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The first of them, as entity references.",
        },
        "errors": {
            "type": "array",
            "description": "What is wrong with single entities and files; the others are in the "
            "catalogue.",
            "items": {
                "type": "object",
                "properties": {
                    "entity": {
                        "type": "string",
                        "description": "The entity, or the file.",
                    },
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "quarantine": {
            "type": "array",
            "description": "What is held back, for it would take too much out of the catalogue.",
            "items": {
                "type": "object",
                "properties": {
                    "part": {
                        "type": "string",
                        "description": "The source in the index: of a discovery, one repository.",
                    },
                    "version": {"type": "string", "description": "What to accept."},
                    "removed": {"type": "integer", "description": "How many would go."},
                    "of": {"type": "integer", "description": "Of how many."},
                    "examples": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Some that would go.",
                    },
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
        Column("Type", ".spec.type"),
        Column("Repository", ".spec.repository"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Entities", ".status.count", "integer"),
        Column("Commit", ".status.commit", priority=1),
        AGE,
    ),
    short_names=("catsrc",),
    categories=("towpath",),
    selectable=(".spec.repository", ".spec.type"),
)

CATALOG_EDIT = towpath_resource("CatalogEdit", "catalogedits")

_EDIT: RawObject = {
    "type": "object",
    "required": ["entity"],
    "x-kubernetes-validations": [
        {
            "rule": "[has(self.owner), has(self.before), has(self.put)].filter(one, one)"
            ".size() == 1",
            "message": "one of owner, before and put",
        },
        {"rule": "self == oldSelf", "message": "an edit is not changed; make another one"},
    ],
    "properties": {
        "entity": {
            "type": "string",
            "minLength": 3,
            "maxLength": 500,
            "description": "Which entity's description is changed, as a full reference. It must "
            "be in a repository of this project.",
        },
        "owner": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "description": "Its new spec.owner.",
        },
        "before": {
            "type": "string",
            "pattern": "^[0-9a-f]{40}$",
            "description": "A commit of its repository: the description becomes what it was "
            "before that commit.",
        },
        "put": {
            "type": "object",
            "required": ["repository", "path", "descriptor"],
            "description": "A new description, or another one for the entity in that file.",
            "properties": {
                "repository": {**NAME, "description": "A repository of this project."},
                "path": {
                    "type": "string",
                    "pattern": "^[^/].*\\.ya?ml$",
                    "maxLength": 500,
                    "description": "The file in it.",
                },
                "descriptor": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "description": "The entity, as it is to be written.",
                },
            },
        },
        "reason": {
            "type": "string",
            "maxLength": 1000,
            "description": "Why, for the commit's message.",
        },
    },
}

CATALOG_EDIT_CRD = custom_resource_definition(
    CATALOG_EDIT,
    spec=_EDIT,
    status={
        "type": "object",
        "properties": {
            "commit": {"type": "string", "description": "The commit that was made."},
            "pullRequest": {
                "type": "string",
                "description": "Its page on the Git host, where the repository is on another one.",
            },
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Entity", ".spec.entity"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Commit", ".status.commit", priority=1),
        AGE,
    ),
    categories=("towpath",),
)

KINDS = (CATALOG_SOURCE_CRD, CATALOG_EDIT_CRD, ENTITY_KIND_CRD)

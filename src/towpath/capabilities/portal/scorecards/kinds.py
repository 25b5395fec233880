"""Scorecard: what entities should fulfil, in levels. Initiative: what is to be so by a date."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

SCORECARD = towpath_resource("Scorecard", "scorecards")
INITIATIVE = towpath_resource("Initiative", "initiatives")

_EXPRESSION: RawObject = {"type": "string", "minLength": 1, "maxLength": 2000}
_TITLE: RawObject = {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "description": "What it is called where it is shown.",
}
_TEXT: RawObject = {"type": "string", "maxLength": 1000, "description": "What it is for."}
_ID: RawObject = {
    "type": "string",
    "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    "description": "Its name, once in a scorecard; history and addresses have it.",
}

_OF_PROJECTS = "Only of a project's own: who reads the platform's may not see everything."
_APPLIES: RawObject = {
    "type": "object",
    "description": "Which entities are judged; all services, if left out.",
    "default": {},
    "properties": {
        "kind": {
            "type": "string",
            "default": "Component",
            "maxLength": 63,
            "description": "Of the entities, as it is spelled: Component, API, Resource.",
        },
        "type": {"type": "string", "maxLength": 63, "description": "Their spec.type; any if none."},
        "when": {
            **_EXPRESSION,
            "description": "CEL: only entities for which it is true, as entity.spec.lifecycle == "
            "'production'.",
        },
    },
}

_RESOURCES: RawObject = {
    "type": "array",
    "maxItems": 10,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["name"],
    "description": "Objects of the entity's project that rules look at, as resources.<name>.",
    "items": {
        "type": "object",
        "required": ["name", "apiVersion", "kind"],
        "properties": {
            "name": {
                "type": "string",
                "pattern": "^[a-z][a-zA-Z0-9_]{0,62}$",
                "description": "What rules call them.",
            },
            "apiVersion": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100,
                "description": "As towpath.dev/v1alpha1.",
            },
            "kind": {
                "type": "string",
                "minLength": 1,
                "maxLength": 63,
                "description": "As PipelineRun; of a kind that is not served there are none.",
            },
            "labels": {
                "type": "string",
                "maxLength": 500,
                "default": "towpath.dev/workload={workload}",
                "description": "A label selector; {workload} is the service's name.",
            },
        },
    },
}

_LEVELS: RawObject = {
    "type": "array",
    "minItems": 1,
    "maxItems": 10,
    "description": "From the lowest to the highest. A level is reached when its rules pass, and "
    "those of all levels below.",
    "items": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {**_TITLE, "maxLength": 40, "description": "What it is called."},
        },
    },
}

_RULE: RawObject = {
    "type": "object",
    "required": ["id", "title", "level"],
    "x-kubernetes-validations": [
        {
            "rule": "has(self.expression) != has(self.check)",
            "message": "give an expression, or the check of a capability or a plug-in",
        }
    ],
    "properties": {
        "id": _ID,
        "title": {**_TITLE, "description": "What is so when it passes: Has an owner."},
        "why": {**_TEXT, "description": "Why one wants that."},
        "level": {**_TITLE, "maxLength": 40, "description": "The name of a level."},
        "expression": {
            **_EXPRESSION,
            "description": "CEL that is true when it passes, over entity, relations, workload, "
            "project, state, resources and now.",
        },
        "messageExpression": {
            **_EXPRESSION,
            "description": "CEL that says in a sentence what was found.",
        },
        "check": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "The id of a check, as owner or acme.runbook; of services alone.",
        },
        "fix": {**_TEXT, "description": "What to do where it does not pass."},
        "href": {
            "type": "string",
            "maxLength": 500,
            "pattern": "^(/[^/\\\\]|https://)",
            "description": "Where to read more.",
        },
        "action": {
            "type": "string",
            "maxLength": 253,
            "description": "The name of an Action that mends it.",
        },
    },
}

_RULES: RawObject = {
    "type": "array",
    "minItems": 1,
    "maxItems": 50,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["id"],
    "description": "What is to be so, each for a level.",
    "items": _RULE,
}

_COUNTS: RawObject = {
    "type": "array",
    "description": "How many entities are where, the lowest level first; none has no name. "
    + _OF_PROJECTS,
    "items": {
        "type": "object",
        "properties": {"level": {"type": "string"}, "entities": {"type": "integer"}},
    },
}

SCORECARD_CRD = custom_resource_definition(
    SCORECARD,
    spec={
        "type": "object",
        "required": ["title", "levels", "rules"],
        "x-kubernetes-validations": [
            {
                "rule": "self.rules.all(r, self.levels.exists(l, l.name == r.level))",
                "message": "a rule names a level that is not among spec.levels",
            },
            {
                "rule": "self.levels.all(l, self.levels.exists_one(o, o.name == l.name))",
                "message": "two levels have one name",
            },
        ],
        "properties": {
            "title": _TITLE,
            "description": _TEXT,
            "appliesTo": _APPLIES,
            "resources": _RESOURCES,
            "levels": _LEVELS,
            "rules": _RULES,
        },
    },
    status={
        "type": "object",
        "properties": {
            "entities": {
                "type": "integer",
                "description": f"How many are judged. {_OF_PROJECTS}",
            },
            "levels": _COUNTS,
            "observedGeneration": {"type": "integer"},
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Title", ".spec.title"),
        Column("Entities", ".status.entities", "integer"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        AGE,
    ),
    categories=("towpath",),
)

INITIATIVE_CRD = custom_resource_definition(
    INITIATIVE,
    spec={
        "type": "object",
        "required": ["title", "scorecard", "due"],
        "x-kubernetes-validations": [
            {
                "rule": "has(self.level) != has(self.rules)",
                "message": "give the level that is to be reached, or the rules that are to pass",
            }
        ],
        "properties": {
            "title": _TITLE,
            "description": _TEXT,
            "scorecard": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "The name of a Scorecard: of this namespace, else of the platform.",
            },
            "level": {**_TITLE, "maxLength": 40, "description": "To be reached."},
            "rules": {
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": _ID,
                "description": "To pass.",
            },
            "owners": {
                "type": "array",
                "maxItems": 100,
                "items": {"type": "string", "minLength": 1, "maxLength": 253},
                "description": "Only what these groups or people own, as team-a or user:alice.",
            },
            "due": {"type": "string", "format": "date", "description": "The last day, in UTC."},
            "remindDaysBefore": {
                "type": "array",
                "maxItems": 10,
                "default": [14, 3],
                "items": {"type": "integer", "minimum": 0, "maximum": 365},
                "description": "When owners of what is left are told.",
            },
        },
    },
    status={
        "type": "object",
        "properties": {
            "phase": {"type": "string", "enum": ["Open", "Done", "Overdue"]},
            "total": {
                "type": "integer",
                "description": f"Entities that it is about. {_OF_PROJECTS}",
            },
            "done": {
                "type": "integer",
                "description": f"Those that are where they should be. {_OF_PROJECTS}",
            },
            "observedGeneration": {"type": "integer"},
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Title", ".spec.title"),
        Column("Phase", ".status.phase"),
        Column("Done", ".status.done", "integer"),
        Column("Total", ".status.total", "integer"),
        Column("Due", ".spec.due"),
        AGE,
    ),
    categories=("towpath",),
)

KINDS = (SCORECARD_CRD, INITIATIVE_CRD)

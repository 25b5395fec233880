"""SoftwareTemplate: a Backstage template that can be run. TemplateRun: one run in a project."""

from towpath.capabilities.governance.approvals.kinds import (
    DECISIONS_STATUS,
    POLICY_PROPERTIES,
    POLICY_STATUS,
)
from towpath.hooks.approvals import WAITING_FOR_APPROVAL
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

SOFTWARE_TEMPLATE = towpath_resource("SoftwareTemplate", "softwaretemplates")
TEMPLATE_RUN = towpath_resource("TemplateRun", "templateruns")

FINALIZER = "towpath.dev/templates"

TEMPLATE_ANNOTATION = "towpath.dev/template"
"""On what a run makes: `<namespace>/<template>@<revision>`, for later updates of the template."""

NAME_TAKEN = "NameTaken"
"""The reason of a run that was refused for nothing else than a name that is given away."""

CANCELLED_BY = "towpath.dev/cancelled-by"
"""On a run: who wants no more of it. What it has made is undone, and the run stays to be read."""

DECISION = "towpath.dev/decision"
"""On a failed run that asks: `undo`, `adopt`, `retry` or `retry:<step>`. On one that has been
undone or kept: `retry`. It is taken off when it has been read."""
UNDO, ADOPT, RETRY = "undo", "adopt", "retry"

SECRETS_OF_RUN = "towpath.dev/template-run"
"""The label of the Secret of a run's secrets: the run's name. No other Secret is read."""
SECRETS_SUFFIX = ".templaterun"
"""What that Secret is called, after the run's name. With a dot in it, no other part of the platform
gives one such a name, nor takes one for its own."""

ON_FAILURE_UNDO, ON_FAILURE_ASK = "Undo", "Ask"

PENDING, RUNNING, SUCCEEDED, FAILED, UNDONE, SKIPPED = (
    "Pending",
    "Running",
    "Succeeded",
    "Failed",
    "Undone",
    "Skipped",
)

ANYTHING: RawObject = {"x-kubernetes-preserve-unknown-fields": True}
OBJECT: RawObject = {"type": "object", **ANYTHING}

_STEP: RawObject = {
    "type": "object",
    "required": ["action"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "action": {"type": "string", "minLength": 1},
        "input": OBJECT,
        "if": ANYTHING,
        "each": ANYTHING,
    },
}

_DESCRIPTOR: RawObject = {
    "type": "object",
    "description": "A Backstage Template of scaffolder.backstage.io/v1beta3, unchanged.",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "apiVersion": {"type": "string", "enum": ["scaffolder.backstage.io/v1beta3"]},
        "kind": {"type": "string", "enum": ["Template"]},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 63}},
        },
        "spec": {
            "type": "object",
            "required": ["type", "steps"],
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "type": {"type": "string", "minLength": 1},
                "owner": {"type": "string", "minLength": 1},
                "lifecycle": {"type": "string", "minLength": 1},
                "parameters": ANYTHING,
                "steps": {"type": "array", "maxItems": 100, "items": _STEP},
                "output": OBJECT,
            },
        },
    },
}

_SOURCE: RawObject = {
    "type": "object",
    "required": ["repository"],
    "description": "Where the template's files are: relative addresses in steps start there.",
    "properties": {
        "repository": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9-]*/[a-zA-Z0-9._-]+$",
            "description": "`<project>/<name>` of a repository that the platform hosts.",
        },
        "path": {
            "type": "string",
            "default": "",
            "maxLength": 500,
            "description": "The folder in it.",
        },
        "revision": {
            "type": "string",
            "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$",
            "description": "A commit; the head of the main branch when left out.",
        },
    },
}

_TEMPLATE_SPEC: RawObject = {
    "type": "object",
    "required": ["descriptor"],
    "properties": {
        "descriptor": _DESCRIPTOR,
        "source": _SOURCE,
        "approval": {
            "type": "object",
            "description": "Whose word a run needs before anything is made.",
            "properties": POLICY_PROPERTIES,
        },
    },
}

_TEMPLATE_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "versions": {
            "type": "array",
            "description": "The commits that changed its files, the newest first.",
            "items": {
                "type": "object",
                "required": ["revision"],
                "properties": {
                    "revision": {"type": "string"},
                    "subject": {"type": "string", "description": "What the commit says."},
                    "author": {"type": "string"},
                    "at": {"type": "string", "format": "date-time"},
                },
            },
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

SOFTWARE_TEMPLATE_CRD = custom_resource_definition(
    SOFTWARE_TEMPLATE,
    spec=_TEMPLATE_SPEC,
    status=_TEMPLATE_STATUS,
    columns=(
        Column("Title", ".spec.descriptor.metadata.title"),
        Column("Type", ".spec.descriptor.spec.type"),
        Column("Owner", ".spec.descriptor.spec.owner", priority=1),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        AGE,
    ),
    short_names=("swt",),
    categories=("towpath",),
)

_RUN_SPEC: RawObject = {
    "type": "object",
    "required": ["template"],
    "x-kubernetes-validations": [
        {
            "rule": "self == oldSelf",
            "message": "a run cannot be changed; delete it and start another one",
        }
    ],
    "properties": {
        "template": {
            "type": "object",
            "description": "What is run.",
            "required": ["name"],
            "properties": {
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The name of a SoftwareTemplate.",
                },
                "namespace": {
                    "type": "string",
                    "default": "towpath-system",
                    "description": "The platform's own golden paths, or the run's project.",
                },
            },
        },
        "parameters": {
            "default": {},
            **OBJECT,
            "description": "Checked by the template's own JSON Schemas.",
        },
        "requestedBy": {
            "type": "string",
            "maxLength": 253,
            "description": "The user who creates it; admission compares it with the request's.",
        },
        "onFailure": {
            "type": "string",
            "enum": [ON_FAILURE_UNDO, ON_FAILURE_ASK],
            "default": ON_FAILURE_UNDO,
            "description": "When a step fails: take back what was made, or wait for somebody to "
            "decide between that, trying again, and keeping it.",
        },
        "secretsFrom": {
            "type": "string",
            "maxLength": 253,
            "description": "A Secret beside the run, labelled with the run's name: what the "
            "template knows as secrets. Developers call theirs `<run>.templaterun`. It is "
            "deleted with the end of the run.",
        },
    },
}

_STEP_STATUS: RawObject = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "action": {"type": "string"},
        "phase": {
            "type": "string",
            "enum": [PENDING, RUNNING, SUCCEEDED, FAILED, UNDONE, SKIPPED],
        },
        "startedAt": {"type": "string", "format": "date-time"},
        "finishedAt": {"type": "string", "format": "date-time"},
        "message": {"type": "string"},
        "output": OBJECT,
    },
}

_RUN_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {
            "type": "string",
            "enum": [PENDING, WAITING_FOR_APPROVAL, RUNNING, SUCCEEDED, FAILED, UNDONE],
            "description": "How far it is.",
        },
        "message": {"type": "string", "description": "Why it failed, or what is going on."},
        "startedAt": {"type": "string", "format": "date-time"},
        "finishedAt": {"type": "string", "format": "date-time"},
        "template": {
            "type": "object",
            "description": "What is run: the template as it was when the run began.",
            "properties": {
                "descriptor": OBJECT,
                "source": OBJECT,
                "revision": {"type": "string"},
            },
        },
        "approval": POLICY_STATUS,
        "approvals": DECISIONS_STATUS,
        "steps": {
            "type": "array",
            "items": _STEP_STATUS,
            "description": "How far each step is, and what it gave.",
        },
        "output": {**OBJECT, "description": "The template's links and texts."},
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

TEMPLATE_RUN_CRD = custom_resource_definition(
    TEMPLATE_RUN,
    spec=_RUN_SPEC,
    status=_RUN_STATUS,
    columns=(
        Column("Template", ".spec.template.name"),
        Column("Phase", ".status.phase"),
        Column("By", ".spec.requestedBy"),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("tr",),
    categories=("towpath",),
    selectable=(".status.phase", ".spec.requestedBy"),
)

KINDS = (SOFTWARE_TEMPLATE_CRD, TEMPLATE_RUN_CRD)


def log_prefix(project: str, run: str) -> str:
    """What the names of a run's logs begin with."""
    return f"templaterun/{project}/{run}/"


def step_stream(project: str, run: str, step: str) -> str:
    """The name of the log of one step."""
    return f"{log_prefix(project, run)}{step}"

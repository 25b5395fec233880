"""Action: something that people can have done to a thing. ActionRun: one time that it is done."""

from towpath.capabilities.governance.approvals.kinds import (
    DECISIONS_STATUS,
    DURATION_PATTERN,
    POLICY_PROPERTIES,
    POLICY_STATUS,
)
from towpath.hooks import approvals
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject, annotations_of

ACTION = towpath_resource("Action", "actions")
ACTION_RUN = towpath_resource("ActionRun", "actionruns")

CREATE, DAY_2, DELETE = "CREATE", "DAY-2", "DELETE"
OPERATIONS = (CREATE, DAY_2, DELETE)

ENTITY_API = "backstage.io/v1alpha1"
"""The apiVersion of targets that are entities of the catalogue."""

BACKENDS = ("webhook", "workflow", "object", "commit", "template", "function")

WAITING_FOR_APPROVAL = approvals.WAITING_FOR_APPROVAL
PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED = (
    "Pending",
    "Running",
    "Succeeded",
    "Failed",
    "Cancelled",
)
UNDOING, UNDONE = "Undoing", "Undone"
PHASES = (
    PENDING,
    WAITING_FOR_APPROVAL,
    RUNNING,
    SUCCEEDED,
    FAILED,
    CANCELLED,
    UNDOING,
    UNDONE,
)
FINISHED = (SUCCEEDED, FAILED, CANCELLED, UNDONE)

FINALIZER = "towpath.dev/actions"
"""A run that is deleted is gone when nothing of it goes on, and no decision on it is left."""

CANCELLED_BY = "towpath.dev/cancelled-by"
UNDONE_BY = "towpath.dev/undone-by"
"""On a run: who wants it to end, or to be taken back. Admission compares it with the request."""
UNDO_ATTEMPT = "towpath.dev/undo-attempt"
"""Another number: once more, in the name of whoever sets it."""

RUN_ANNOTATION = "towpath.dev/action-run"
"""On what a run has made: the run's uid, so that it is never made twice and nobody else's is
taken for it."""
RUN_LABEL = "towpath.dev/action-run-name"

STEPS = ("approval", "run", "undo")

_ANYTHING: RawObject = {"x-kubernetes-preserve-unknown-fields": True}
_OBJECT: RawObject = {"type": "object", **_ANYTHING}


def _text(description: str, longest: int = 1000, **further: object) -> RawObject:
    return {"type": "string", "maxLength": longest, "description": description, **further}


_EXPRESSION = 4000

_WEBHOOK: RawObject = {
    "type": "object",
    "description": "A request to a service of yours, signed as Standard Webhooks.",
    "required": ["url"],
    "properties": {
        "url": _text("Where to: `https://...`.", 2000, pattern="^https?://"),
        "method": {
            "type": "string",
            "enum": ["POST", "PUT", "PATCH", "DELETE"],
            "default": "POST",
            "description": "Of the request.",
        },
        "headers": {
            "type": "object",
            "maxProperties": 20,
            "additionalProperties": {"type": "string", "maxLength": 2000},
            "description": "Further ones. No secrets: everybody who sees the action reads them.",
        },
        "body": {
            **_ANYTHING,
            "description": "JSON to send; left out, the run, its target and its inputs.",
        },
        "secretRef": {
            "type": "object",
            "required": ["name"],
            "description": "The Secret beside the Action whose key signs the request.",
            "properties": {
                "name": _text("The name of the Secret.", 253, minLength=1),
                "key": _text("The key in it.", 253, default="secret"),
            },
        },
        "answer": {
            "type": "string",
            "enum": ["Response", "Report"],
            "default": "Response",
            "description": "Response: it is done when it has answered. Report: it says later how "
            "it went, at the address and with the token in the request.",
        },
    },
}

_WORKFLOW: RawObject = {
    "type": "object",
    "description": "A workflow_dispatch in a repository that the platform hosts.",
    "required": ["repository", "workflow"],
    "properties": {
        "repository": _text("A repository of the run's project.", minLength=1),
        "workflow": _text(
            "Its file: `.github/workflows/restart.yaml`, or only `restart.yaml`.", minLength=1
        ),
        "ref": _text("The branch or tag.", default="refs/heads/main"),
        "inputs": {
            "type": "object",
            "maxProperties": 25,
            "additionalProperties": {"type": "string", "maxLength": 10_000},
            "description": "The workflow's inputs.",
        },
    },
}

_MANIFEST: RawObject = {
    "type": "object",
    "description": "An object of the API, made, changed or deleted with the requester's rights.",
    "properties": {
        "operation": {
            "type": "string",
            "enum": ["create", "patch", "delete"],
            "description": "What to do.",
        },
        "manifest": {
            **_OBJECT,
            "description": "What to make; or apiVersion, kind and name of what to change or "
            "delete, the target if left out.",
        },
        "patch": {**_OBJECT, "description": "Fields to set, as a JSON merge patch."},
    },
    "required": ["operation"],
    "x-kubernetes-validations": [
        {
            "rule": "self.operation != 'create' || has(self.manifest)",
            "message": "create needs a manifest",
        },
        {
            "rule": "self.operation != 'patch' || has(self.patch)",
            "message": "patch needs a patch",
        },
    ],
}

_COMMIT: RawObject = {
    "type": "object",
    "description": "Files changed in a repository: by a commit here, or by a pull request where "
    "it is a RemoteRepository.",
    "required": ["repository", "files"],
    "properties": {
        "repository": _text("A repository of the run's project.", minLength=1),
        "branch": _text("Made from main where it does not exist.", default="main"),
        "message": _text("Of the commit; the action's title if left out."),
        "files": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "description": "What is written, and what goes.",
            "items": {
                "type": "object",
                "required": ["path"],
                "properties": {
                    "path": _text("Relative to the repository's root.", 500, minLength=1),
                    "content": _text("All of the file; left out, the file goes.", 100_000),
                },
            },
        },
    },
}

_TEMPLATE: RawObject = {
    "type": "object",
    "description": "A software template, run as the requester.",
    "required": ["name"],
    "properties": {
        "name": _text("Of the SoftwareTemplate.", 253, minLength=1),
        "namespace": _text("Where it is.", 63, default="towpath-system"),
        "parameters": {**_OBJECT, "description": "As the template asks for them."},
    },
}

_FUNCTION: RawObject = {
    "type": "object",
    "description": "A function of a plug-in, as templates name it.",
    "required": ["name"],
    "properties": {
        "name": _text("Its id: `on-call:page`.", 200, minLength=1),
        "input": {**_OBJECT, "description": "Checked by the function's own schema."},
    },
}

_BACKEND_PROPERTIES: RawObject = {
    "type": {
        "type": "string",
        "enum": list(BACKENDS),
        "description": "Which of the following it is.",
    },
    "webhook": _WEBHOOK,
    "workflow": _WORKFLOW,
    "object": _MANIFEST,
    "commit": _COMMIT,
    "template": _TEMPLATE,
    "function": _FUNCTION,
}


def _backend(description: str) -> RawObject:
    chosen = " : ".join(f"self.type == '{one}' ? has(self.{one})" for one in BACKENDS)
    return {
        "type": "object",
        "description": description,
        "required": ["type"],
        "properties": _BACKEND_PROPERTIES,
        "x-kubernetes-validations": [
            {
                "rule": f"{chosen} : false",
                "messageExpression": "'the field ' + self.type + ' is missing: it says what to do'",
            }
        ],
    }


_ACTION_SPEC: RawObject = {
    "type": "object",
    "required": ["title", "operation", "backend"],
    "properties": {
        "title": _text("What it does, as a button says it: `Restart`.", 100, minLength=1),
        "description": _text("What happens, in a sentence or two."),
        "icon": _text("The name of one of the portal's icons.", 50),
        "operation": {
            "type": "string",
            "enum": list(OPERATIONS),
            "description": "CREATE makes something new, DAY-2 does something with what is there, "
            "DELETE takes it away.",
        },
        "target": {
            "type": "object",
            "description": "What it is done to; CREATE needs none.",
            "required": ["apiVersion", "kind"],
            "properties": {
                "apiVersion": _text(
                    f"Of a kind of the API, or `{ENTITY_API}` for entities of the catalogue.", 200
                ),
                "kind": _text("`Workload`, `Component`, ...", 63),
            },
        },
        "userInputs": {
            **_OBJECT,
            "description": "JSON Schema of the form: properties and required. A `default` may "
            "hold `${...}` in CEL over object, entity, user, groups and project.",
        },
        "visible": _text("CEL: to whom and on what it is offered.", _EXPRESSION),
        "permitted": _text("CEL: who may run it; `inputs` too.", _EXPRESSION),
        "approval": {
            "type": "object",
            "description": "Whose word a run needs.",
            "properties": POLICY_PROPERTIES,
        },
        "lease": {
            "type": "object",
            "description": "How long what a run makes is kept.",
            "properties": {
                "default": _text("If nobody says: `168h`.", 20, pattern=DURATION_PATTERN),
                "max": _text("At most, extensions included.", 20, pattern=DURATION_PATTERN),
            },
        },
        "timeout": _text(
            "After how long a run has failed.", 20, pattern=DURATION_PATTERN, default="1h"
        ),
        "backend": _backend("How it is done. Texts may hold `${...}` in CEL."),
        "undo": _backend(
            "How it is taken back, with `outputs` of the run; object and commit know by themselves."
        ),
    },
    "x-kubernetes-validations": [
        {
            "rule": "self.operation == 'CREATE' || has(self.target)",
            "message": "DAY-2 and DELETE need a target: which kind of thing it is done to",
        }
    ],
}

ACTION_CRD = custom_resource_definition(
    ACTION,
    spec=_ACTION_SPEC,
    status={
        "type": "object",
        "properties": {"observedGeneration": {"type": "integer"}, "conditions": CONDITIONS_SCHEMA},
    },
    columns=(
        Column("Title", ".spec.title"),
        Column("Operation", ".spec.operation"),
        Column("Target", ".spec.target.kind"),
        Column("Backend", ".spec.backend.type"),
        Column("Approvals", ".spec.approval.required", "integer", priority=1),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        AGE,
    ),
    categories=("towpath",),
    selectable=(".spec.operation", ".spec.target.kind"),
)

TARGET: RawObject = {
    "type": "object",
    "description": "What it is done to: an object of this project, or an entity.",
    "required": ["apiVersion", "kind", "name"],
    "properties": {
        "apiVersion": _text("As in the Action.", 200),
        "kind": _text("As in the Action.", 63),
        "name": _text("Its name; of an entity outside of `default`, `namespace/name`.", 253),
    },
}

_RUN_SPEC: RawObject = {
    "type": "object",
    "required": ["action", "requestedBy"],
    "x-kubernetes-validations": [
        {
            "rule": "self == oldSelf",
            "message": "a run cannot be changed; start another one",
        }
    ],
    "properties": {
        "action": {
            "type": "object",
            "description": "What is run.",
            "required": ["name"],
            "properties": {
                "name": _text("The name of an Action.", 253, minLength=1),
                "namespace": _text(
                    "Of this project if left out, or `towpath-system`: the platform's own.", 63
                ),
            },
        },
        "target": TARGET,
        "inputs": {
            "default": {},
            **_OBJECT,
            "description": "What the form was filled in with. No secrets.",
        },
        "keep": _text("How long what it makes is kept: `168h`.", 20, pattern=DURATION_PATTERN),
        "reason": _text("Why; whoever decides on it reads it."),
        "requestedBy": _text(
            "The user who creates it; admission compares it with the request's.", 253, minLength=1
        ),
    },
}

_LINK: RawObject = {
    "type": "object",
    "required": ["title", "url"],
    "properties": {
        "title": {"type": "string", "maxLength": 200},
        "url": {"type": "string", "maxLength": 2000},
    },
}
_LINKS: RawObject = {
    "type": "array",
    "maxItems": 20,
    "items": _LINK,
    "description": "Where to see what came of it.",
}
_DATE: RawObject = {"type": "string", "format": "date-time"}

_RUN_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {"type": "string", "enum": list(PHASES), "description": "How far it is."},
        "message": {"type": "string", "description": "What it waits for, or why it ended."},
        "startedAt": _DATE,
        "actedAt": {**_DATE, "description": "When the backend was asked."},
        "finishedAt": _DATE,
        "action": {
            **_OBJECT,
            "description": "The Action's spec as it was when the run was asked for; that is done.",
        },
        "approval": POLICY_STATUS,
        "approvals": DECISIONS_STATUS,
        "plan": {**_OBJECT, "description": "What the backend is asked, all filled in."},
        "made": {**_OBJECT, "description": "What a restart and an undo must know of it."},
        "inputs": {**_OBJECT, "description": "With what the form's defaults fill in."},
        "retryAt": {**_DATE, "description": "When it is tried again."},
        "attempts": {"type": "integer", "description": "How often a webhook was called."},
        "report": {
            "type": "object",
            "description": "What a service has reported of it.",
            "properties": {
                "status": {"type": "string", "enum": ["running", "succeeded", "failed"]},
                "message": {"type": "string", "maxLength": 1000},
                "links": _LINKS,
                "outputs": _OBJECT,
            },
        },
        "undo": {**_OBJECT, "description": "The same of taking it back."},
        "links": _LINKS,
        "outputs": {**_OBJECT, "description": "What the backend has answered."},
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

ACTION_RUN_CRD = custom_resource_definition(
    ACTION_RUN,
    spec=_RUN_SPEC,
    status=_RUN_STATUS,
    columns=(
        Column("Action", ".spec.action.name"),
        Column("Target", ".spec.target.name"),
        Column("Phase", ".status.phase"),
        Column("By", ".spec.requestedBy"),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("ar",),
    categories=("towpath",),
    rules=(
        {
            "rule": "self.metadata.name.size() <= 58",
            "message": "a run's name has at most 58 characters, because it becomes a label of what "
            "it makes",
        },
    ),
    selectable=(
        ".spec.action.name",
        ".spec.target.kind",
        ".spec.target.name",
        ".spec.requestedBy",
        ".status.phase",
    ),
)

KINDS = (ACTION_CRD, ACTION_RUN_CRD)


def phase_of(run: RawObject) -> str:
    return str((run.get("status") or {}).get("phase") or PENDING)


def is_finished(run: RawObject) -> bool:
    return phase_of(run) in FINISHED


def log_prefix(project: str, run: str) -> str:
    """What the names of a run's logs begin with."""
    return f"action/{project}/{run}/"


def wants_undo(run: RawObject) -> bool:
    """Whether it is to be taken back, or just being so. What has failed waits for another try."""
    if phase_of(run) == UNDOING:
        return True
    undo, annotations = (run.get("status") or {}).get("undo") or {}, annotations_of(run)
    if phase_of(run) != SUCCEEDED or UNDONE_BY not in annotations:
        return False
    return "failed" not in undo or undo.get("attempt", "") != annotations.get(UNDO_ATTEMPT, "")


def undo_asked(run: RawObject, user: str) -> RawObject:
    """The patch by which somebody asks for it."""
    undo = (run.get("status") or {}).get("undo") or {}
    annotations = {UNDONE_BY: user}
    if "failed" in undo:
        annotations[UNDO_ATTEMPT] = str(int(undo.get("attempt") or 1) + 1)
    return {"metadata": {"annotations": annotations}}


def suffix_of(undo: RawObject) -> str:
    """What sets a try of taking back apart from the run, and from another try: in names and ids."""
    attempt = undo.get("attempt")
    return f"-undo-{attempt}" if attempt else "-undo"


def log_stream(project: str, run: str, step: str) -> str:
    return f"{log_prefix(project, run)}{step}"

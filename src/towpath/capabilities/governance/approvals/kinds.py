"""Approval: one person's decision on a promotion, an action's run or a template's run."""

from towpath.hooks.approvals import APPROVAL, APPROVE, REJECT
from towpath.machinery.kinds import AGE, Column, custom_resource_definition
from towpath.machinery.objects import RawObject

SUBJECTS = ("Promotion", "ActionRun", "TemplateRun")
"""The kinds that wait for approvals."""

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(h|m|s))+$"

_SPEC: RawObject = {
    "type": "object",
    "required": ["subject", "decision", "user"],
    "properties": {
        "subject": {
            "type": "object",
            "description": "What is decided on.",
            "required": ["kind", "name"],
            "properties": {
                "kind": {"type": "string", "enum": list(SUBJECTS), "description": "Its kind."},
                "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "Its name, in this project.",
                },
                "uid": {
                    "type": "string",
                    "maxLength": 64,
                    "description": "Its uid, so that the decision is never one on a later thing "
                    "of that name.",
                },
            },
        },
        "decision": {
            "type": "string",
            "enum": [APPROVE, REJECT],
            "description": "A rejection ends what it is about.",
        },
        "user": {
            "type": "string",
            "minLength": 1,
            "description": "The user who creates it; admission compares it with the request's.",
        },
        "comment": {
            "type": "string",
            "maxLength": 1000,
            "description": "What there is to say about it.",
        },
    },
}

APPROVAL_CRD = custom_resource_definition(
    APPROVAL,
    spec=_SPEC,
    columns=(
        Column("Kind", ".spec.subject.kind", priority=1),
        Column("Subject", ".spec.subject.name"),
        Column("Decision", ".spec.decision"),
        Column("User", ".spec.user"),
        AGE,
    ),
    categories=("towpath",),
    rules=(
        {"rule": "self.spec == oldSelf.spec", "message": "it is immutable; create another one"},
    ),
    selectable=(".spec.subject.name",),
)

KINDS = (APPROVAL_CRD,)

POLICY_PROPERTIES: RawObject = {
    "required": {
        "type": "integer",
        "minimum": 0,
        "maximum": 10,
        "default": 0,
        "description": "How many people other than the requester must approve.",
    },
    "approvers": {
        "type": "string",
        "maxLength": 4000,
        "description": "CEL that answers whose approvals count, as a list of names: "
        "`[object.spec.owner]`, `['group:team-a', 'user:bob']`. Left out, everybody who may "
        "approve in the project.",
    },
    "expiresAfter": {
        "type": "string",
        "pattern": DURATION_PATTERN,
        "maxLength": 20,
        "description": "How long it waits before it is given up: `72h`. Left out, for ever.",
    },
}
"""What an object may say of the approvals that it wants."""

POLICY_STATUS: RawObject = {
    "type": "object",
    "description": "What it waits for: the rules when it was asked for hold beside those of now.",
    "properties": {
        "policy": {"type": "object", "properties": POLICY_PROPERTIES},
        "since": {"type": "string", "format": "date-time", "description": "When it was asked."},
        "expiresAt": {"type": "string", "format": "date-time"},
        "decidedAt": {"type": "string", "format": "date-time"},
        "required": {"type": "integer", "description": "How many it takes."},
        "missing": {"type": "integer", "description": "How many are missing."},
        "approvers": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Whose count, where a rule names them.",
        },
    },
}

DECISIONS_STATUS: RawObject = {
    "type": "array",
    "description": "What was decided, oldest first.",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "user": {"type": "string"},
            "decision": {"type": "string"},
            "comment": {"type": "string"},
            "counts": {
                "type": "boolean",
                "description": "Whether it is one of those required.",
            },
            "message": {"type": "string", "description": "Why it does not count."},
        },
    },
}
"""The schemas of `status.approval` and `status.approvals` of what waits."""

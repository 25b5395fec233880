"""TemplateInstance: a repository that came of a template. TemplateUpgrade: a newer version of the
template, merged into one of them, to be looked at. UpgradeCampaign: all that are behind, in waves.
"""

import hashlib
import re

from towpath.capabilities.portal.templates.kinds import OBJECT
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

TEMPLATE_INSTANCE = towpath_resource("TemplateInstance", "templateinstances")
TEMPLATE_UPGRADE = towpath_resource("TemplateUpgrade", "templateupgrades")
UPGRADE_CAMPAIGN = towpath_resource("UpgradeCampaign", "upgradecampaigns")

CURRENT, BEHIND, UNKNOWN = "Current", "Behind", "Unknown"
"""How an instance stands to its template."""

MANUAL, WHEN_GREEN = "Manual", "WhenGreen"
"""Who merges: somebody, or the platform when every check of the branch has succeeded."""

PREPARING = "Preparing"
NEEDS_ANSWERS = "NeedsAnswers"
CONFLICTED = "Conflicted"
CHECKING = "Checking"
FAILING = "Failing"
READY = "Ready"
MERGED = "Merged"
CLOSED = "Closed"
UPGRADE_PHASES = (
    PREPARING,
    NEEDS_ANSWERS,
    CONFLICTED,
    CHECKING,
    FAILING,
    READY,
    MERGED,
    CLOSED,
)
OPEN = tuple(phase for phase in UPGRADE_PHASES if phase not in (MERGED, CLOSED))

OURS, THEIRS = "Ours", "Theirs"
"""Whose state of a file counts where both have changed it."""

RUNNING, PAUSED, STOPPED, DONE, CANCELLED = "Running", "Paused", "Stopped", "Done", "Cancelled"
GOING = (RUNNING, PAUSED, STOPPED)
WAITING, SKIPPED = "Waiting", "Skipped"
"""Of a campaign's instance: its wave has not come yet; it is left out."""

CAMPAIGN_LABEL = "towpath.dev/campaign"
CAMPAIGN_NAMESPACE_LABEL = "towpath.dev/campaign-namespace"

_REVISION: RawObject = {
    "type": "string",
    "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$",
}
_TEXT: RawObject = {"type": "string", "maxLength": 1000}
_NAME: RawObject = {"type": "string", "minLength": 1, "maxLength": 253}
_REPOSITORY: RawObject = {
    "type": "string",
    "pattern": "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
    "maxLength": 100,
    "description": "The name of a repository of this project.",
}
_CHECK: RawObject = {
    "type": "object",
    "required": ["run", "phase"],
    "properties": {
        "run": {"type": "string", "description": "The name of the PipelineRun."},
        "workflow": {"type": "string"},
        "phase": {"type": "string"},
        "url": {"type": "string", "description": "Its page, where another Git host runs it."},
    },
}


def _fixed(schema: RawObject, what: str) -> RawObject:
    rule = {"rule": "self == oldSelf", "message": f"{what} cannot be changed"}
    return {**schema, "x-kubernetes-validations": [rule]}


_ANSWERS: RawObject = {
    "parameters": {
        **OBJECT,
        "default": {},
        "description": "Answers to what the newer version asks for, beside those that are stored.",
    },
    "renamed": {
        "type": "object",
        "default": {},
        "maxProperties": 100,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 253},
        "description": "New parameter to the old one that its answer is taken from.",
    },
}

TEMPLATE_INSTANCE_CRD = custom_resource_definition(
    TEMPLATE_INSTANCE,
    spec={
        "type": "object",
        "required": ["repository"],
        "properties": {
            "repository": _fixed(_REPOSITORY, "the repository"),
            "optOut": {
                "type": "object",
                "required": ["reason"],
                "description": "Campaigns leave it out, and say why.",
                "properties": {
                    "reason": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 500,
                        "description": "Why, for whoever runs a campaign.",
                    }
                },
            },
        },
    },
    status={
        "type": "object",
        "properties": {
            "origin": {
                "type": "string",
                "description": "What wrote down where it came from: `towpath`, `copier`, `cruft`.",
            },
            "template": {
                "type": "string",
                "description": "`<namespace>/<name>` of the SoftwareTemplate.",
            },
            "revision": {"type": "string", "description": "The template's commit that it has."},
            "latest": {"type": "string", "description": "The newest one that is offered."},
            "behind": {
                "type": "integer",
                "description": "How many versions lie between those two.",
            },
            "phase": {
                "type": "string",
                "enum": [CURRENT, BEHIND, UNKNOWN],
                "description": "How it stands to its template.",
            },
            "message": {"type": "string", "description": "In a sentence."},
            "upgrade": {"type": "string", "description": "The open TemplateUpgrade of it."},
            "observedGeneration": {"type": "integer"},
            "conditions": CONDITIONS_SCHEMA,
        },
    },
    columns=(
        Column("Template", ".status.template"),
        Column("Phase", ".status.phase"),
        Column("Behind", ".status.behind", "integer"),
        Column("Revision", ".status.revision", priority=1),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("ti",),
    categories=("towpath",),
    selectable=(".status.template", ".status.phase"),
)

_UPGRADE_SPEC: RawObject = {
    "type": "object",
    "required": ["repository", "revision", "requestedBy"],
    "properties": {
        "repository": _fixed(_REPOSITORY, "the repository"),
        "revision": {**_REVISION, "description": "The template's commit to go to."},
        **_ANSWERS,
        "decisions": {
            "type": "object",
            "default": {},
            "maxProperties": 500,
            "additionalProperties": {"type": "string", "enum": [OURS, THEIRS]},
            "description": "File to which side it is taken from, where both have changed it: "
            "`Ours` keeps the repository's, `Theirs` takes the template's.",
        },
        "requestedBy": _fixed(
            {
                **_NAME,
                "description": "The user who creates it; admission compares it with the request's.",
            },
            "who asked",
        ),
        "mergeWhenGreen": {
            "type": "boolean",
            "default": False,
            "description": "Merge it when every check of its branch has succeeded. A campaign "
            "sets this; it is never done without a check, nor with a conflict.",
        },
        "merge": {
            "type": "object",
            "required": ["commit", "by"],
            "description": "Merge it now: the commit that was looked at, and who says so. "
            "Admission asks whether that user may push to the repository.",
            "properties": {
                "commit": {**_REVISION, "description": "The branch's head as it was looked at."},
                "by": {**_NAME, "description": "Who merges; the request's user."},
            },
        },
        "closed": {
            "type": "object",
            "description": "It is not wanted; the branch goes.",
            "properties": {"reason": {**_TEXT, "default": "", "description": "Why."}},
        },
    },
}

_UPGRADE_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {
            "type": "string",
            "enum": list(UPGRADE_PHASES),
            "description": "How far it is.",
        },
        "message": {"type": "string", "description": "What is so, and what to do."},
        "template": {"type": "string", "description": "`<namespace>/<name>` of the template."},
        "from": {"type": "string", "description": "The version that the repository has."},
        "to": {"type": "string", "description": "The version that it goes to."},
        "branch": {"type": "string", "description": "Where it can be looked at and amended."},
        "pullRequest": {
            "type": "string",
            "description": "Its page on the Git host, where the repository is on another one.",
        },
        "base": {"type": "string", "description": "The commit of main that it was merged into."},
        "proposed": {"type": "string", "description": "The platform's own newest commit there."},
        "head": {"type": "string", "description": "The branch's newest commit, by whomever."},
        "answers": {"type": "string", "description": "Digest of the answers it was made with."},
        "files": {
            "type": "array",
            "maxItems": 500,
            "description": "What it changes.",
            "items": {
                "type": "object",
                "required": ["path", "change"],
                "properties": {
                    "path": {"type": "string"},
                    "change": {"type": "string", "enum": ["Added", "Changed", "Deleted"]},
                },
            },
        },
        "conflicts": {
            "type": "array",
            "maxItems": 500,
            "description": "What git could not merge; somebody decides on the branch.",
            "items": {
                "type": "object",
                "required": ["path", "kind"],
                "properties": {
                    "path": {"type": "string"},
                    "kind": {"type": "string", "description": "In git's words: `contents`."},
                    "message": {"type": "string"},
                },
            },
        },
        "questions": {
            "type": "array",
            "maxItems": 100,
            "description": "What the newer version asks for and nobody has answered.",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "notes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What else is worth knowing: answers that are dropped, for example.",
        },
        "checks": {
            "type": "array",
            "items": _CHECK,
            "description": "The pipelines of the branch's newest commit.",
        },
        "merged": {"type": "string", "description": "The commit of main that holds it."},
        "after": {
            "type": "array",
            "items": _CHECK,
            "description": "The pipelines of that commit.",
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

TEMPLATE_UPGRADE_CRD = custom_resource_definition(
    TEMPLATE_UPGRADE,
    spec=_UPGRADE_SPEC,
    status=_UPGRADE_STATUS,
    columns=(
        Column("Repository", ".spec.repository"),
        Column("Template", ".status.template"),
        Column("Phase", ".status.phase"),
        Column("By", ".spec.requestedBy"),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("tu",),
    rules=(
        {
            "rule": "!has(oldSelf.status) || !has(oldSelf.status.phase) || "
            "oldSelf.status.phase != 'Merged' || self.spec == oldSelf.spec",
            "message": "it has been merged, which cannot be changed; revert the commit instead",
        },
    ),
    categories=("towpath",),
    selectable=(".status.phase", ".spec.repository"),
)

_CAMPAIGN_SPEC: RawObject = {
    "type": "object",
    "required": ["template", "revision", "requestedBy"],
    "x-kubernetes-validations": [
        {
            "rule": "!has(oldSelf.cancelled) || !oldSelf.cancelled || "
            "(has(self.cancelled) && self.cancelled)",
            "message": "a cancelled campaign stays cancelled; start another one",
        },
    ],
    "properties": {
        "template": _fixed(
            {
                "type": "object",
                "required": ["name"],
                "description": "Whose instances are upgraded.",
                "properties": {
                    "name": {**_NAME, "description": "The name of a SoftwareTemplate."},
                    "namespace": {
                        "type": "string",
                        "default": "towpath-system",
                        "description": "The platform's own golden paths, or the project.",
                    },
                },
            },
            "the template",
        ),
        "revision": {**_REVISION, "description": "The template's commit to go to."},
        "projects": {
            "type": "array",
            "maxItems": 500,
            "items": _NAME,
            "description": "Only instances of these; all when empty. A campaign in a project's "
            "namespace is of that project.",
        },
        "waves": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "default": [1, 5, 20],
            "items": {"type": "integer", "minimum": 1, "maximum": 1000},
            "description": "How many instances each wave has; the last size repeats.",
        },
        "order": {
            "type": "string",
            "enum": ["FewestBehind", "MostBehind", "Name"],
            "default": "FewestBehind",
            "description": "Which instances come first.",
        },
        "pause": {
            "type": "string",
            "default": "0s",
            "pattern": "^([0-9]+(h|m|s))+$",
            "maxLength": 20,
            "description": "How long to wait between two waves: `30m`.",
        },
        "stopAfter": {
            "type": "integer",
            "minimum": 1,
            "default": 1,
            "description": "Stop when this many upgrades have failing pipelines.",
        },
        "merge": {
            "type": "string",
            "enum": [MANUAL, WHEN_GREEN],
            "default": MANUAL,
            "description": "Somebody merges each, or the platform when its checks have succeeded.",
        },
        "exclude": {
            "type": "array",
            "maxItems": 1000,
            "description": "What this campaign leaves out.",
            "items": {
                "type": "object",
                "required": ["repository", "reason"],
                "properties": {
                    "repository": {
                        "type": "string",
                        "maxLength": 200,
                        "description": "`<project>/<name>`",
                    },
                    "reason": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 500,
                        "description": "Why, for whoever looks at it.",
                    },
                },
            },
        },
        **_ANSWERS,
        "paused": {"type": "boolean", "default": False, "description": "No further wave begins."},
        "goOn": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "description": "How many failures have been looked at: they stop it no more.",
        },
        "cancelled": {
            "type": "boolean",
            "default": False,
            "description": "No further wave begins, and what is still open is closed.",
        },
        "requestedBy": _fixed(
            {
                **_NAME,
                "description": "The user who creates it; admission compares it with the request's.",
            },
            "who asked",
        ),
    },
}

_CAMPAIGN_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "phase": {
            "type": "string",
            "enum": [RUNNING, PAUSED, STOPPED, DONE, CANCELLED],
            "description": "How it goes.",
        },
        "message": {"type": "string", "description": "In a sentence."},
        "wave": {"type": "integer", "description": "The newest wave that has begun, from 1."},
        "waves": {"type": "integer", "description": "How many there are."},
        "nextWaveAt": {"type": "string", "format": "date-time"},
        "failed": {"type": "integer", "description": "Upgrades with failing pipelines."},
        "progress": {"type": "string", "description": "Settled ones of all: `3/12`."},
        "instances": {
            "type": "array",
            "description": "What becomes of each.",
            "items": {
                "type": "object",
                "required": ["project", "repository", "phase"],
                "properties": {
                    "project": {"type": "string"},
                    "repository": {"type": "string"},
                    "instance": {"type": "string", "description": "Its TemplateInstance."},
                    "wave": {"type": "integer", "description": "0 for one that is left out."},
                    "failed": {"type": "boolean", "description": "A pipeline of it fails."},
                    "settled": {
                        "type": "boolean",
                        "description": "Nothing more happens to it by itself.",
                    },
                    "upgrade": {"type": "string", "description": "The name of its upgrade."},
                    "phase": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

UPGRADE_CAMPAIGN_CRD = custom_resource_definition(
    UPGRADE_CAMPAIGN,
    spec=_CAMPAIGN_SPEC,
    status=_CAMPAIGN_STATUS,
    columns=(
        Column("Template", ".spec.template.name"),
        Column("Phase", ".status.phase"),
        Column("Wave", ".status.wave", "integer"),
        Column("Progress", ".status.progress"),
        Column("By", ".spec.requestedBy", priority=1),
        Column("Message", ".status.message", priority=1),
        AGE,
    ),
    short_names=("uc",),
    categories=("towpath",),
    selectable=(".status.phase",),
)

KINDS = (TEMPLATE_INSTANCE_CRD, TEMPLATE_UPGRADE_CRD, UPGRADE_CAMPAIGN_CRD)


def instance_name(repository: str) -> str:
    """The name of a repository's TemplateInstance: its own, where an object can be called that."""
    slug = re.sub(r"[^a-z0-9]+", "-", repository.lower()).strip("-") or "repository"
    if slug != repository:
        slug = f"{slug}-{hashlib.sha256(repository.encode()).hexdigest()[:6]}"
    return slug


def phase_of(obj: RawObject) -> str:
    phase: str = (obj.get("status") or {}).get("phase") or ""
    return phase

"""Workload: a component that the platform delivers. Release: an immutable build of it."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

WORKLOAD = towpath_resource("Workload", "workloads")
RELEASE = towpath_resource("Release", "workloadreleases")
"""`kubectl get release`. The plural is long because `releases` is Crossplane's provider-helm's."""

WORKLOAD_LABEL = "towpath.dev/workload"
RELEASE_LABEL = "towpath.dev/release"

REPOSITORY_OWNER_ANNOTATION = "towpath.dev/template-run-uid"
"""On a Workload: whose uid its repository was made under, when a TemplateRun made both."""

SYNC_ANNOTATION = "towpath.dev/sync"
"""On a Workload, the name of an environment: bring Git there to its cluster now. It is taken away
when that has been asked for."""

ADOPTED_ANNOTATION = "towpath.dev/adopted"
"""On a Workload whose repository was there before it: the repository stays when it goes."""

DNS_LABEL = "^[a-z]([a-z0-9-]*[a-z0-9])?$"

_WORKLOAD_SPEC: RawObject = {
    "type": "object",
    "required": ["repository", "environments"],
    "properties": {
        "repository": {
            "type": "string",
            "pattern": "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$",
            "maxLength": 100,
            "description": "The name of the source repository in this project.",
        },
        "environments": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "x-kubernetes-list-type": "set",
            "items": {"type": "string", "maxLength": 20},
            "description": "The Environments of this project that the workload goes through.",
        },
        "owner": {"type": "string", "maxLength": 253, "description": "The owning group."},
        "description": {
            "type": "string",
            "maxLength": 1000,
            "description": "What it is for, in a sentence.",
        },
        "score": {
            "type": "object",
            "description": "Where the repository says what it needs to run.",
            "properties": {
                "path": {
                    "type": "string",
                    "default": "score.yaml",
                    "maxLength": 500,
                    "description": "The Score file's path in the repository.",
                }
            },
        },
        "deletionPolicy": {
            "type": "object",
            "description": "What goes with the workload, and what stays.",
            "default": {},
            "properties": {
                "data": {
                    "type": "string",
                    "enum": ["Delete", "Retain"],
                    "default": "Delete",
                    "description": "What becomes of databases when the workload is deleted.",
                }
            },
        },
    },
}

_WORKLOAD_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "latestRelease": {"type": "string", "description": "The newest Release of it."},
        "url": {"type": "string"},
        "summary": {"type": "string", "description": "What runs where, in one line."},
        "health": {"type": "string", "description": "Of the sickest stage that runs something."},
        "environments": {
            "type": "array",
            "description": "What runs where.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "release": {"type": "string", "description": "Which Release runs there."},
                    "commit": {
                        "type": "string",
                        "description": "The commit that it is a build of.",
                    },
                    "health": {"type": "string", "description": "As GitOps judges it."},
                    "healthSince": {
                        "type": "string",
                        "format": "date-time",
                        "description": "Since when that release has had that health there.",
                    },
                    "sync": {
                        "type": "string",
                        "description": "Whether the cluster is what Git says.",
                    },
                    "url": {"type": "string"},
                    "promotion": {
                        "type": "string",
                        "description": "The newest Promotion to there.",
                    },
                    "message": {"type": "string"},
                    "phase": {
                        "type": "string",
                        "description": "Of the newest promotion, which `promotion` names.",
                    },
                    "drift": {
                        "type": "object",
                        "description": "The last change made past Git, by whom, what became.",
                        "properties": {
                            "resource": {
                                "type": "string",
                                "description": "What was changed: kind and name.",
                            },
                            "kind": {"type": "string"},
                            "name": {"type": "string"},
                            "change": {"type": "string"},
                            "fields": {"type": "array", "items": {"type": "string"}},
                            "values": {
                                "type": "array",
                                "description": "Of each field: what Git says, what was there.",
                                "items": {
                                    "type": "object",
                                    "required": ["path"],
                                    "properties": {
                                        "path": {"type": "string"},
                                        "git": {"type": "string"},
                                        "live": {"type": "string"},
                                    },
                                },
                            },
                            "by": {"type": "string", "description": "Who did it."},
                            "at": {"type": "string", "format": "date-time"},
                            "healed": {
                                "type": "boolean",
                                "description": "Whether it is again what Git says.",
                            },
                        },
                    },
                },
            },
        },
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

_WORKLOAD_RULES: tuple[RawObject, ...] = (
    {
        "rule": f"self.metadata.name.size() <= 40 && self.metadata.name.matches('{DNS_LABEL}')",
        "message": "a workload's name is 1 to 40 lower-case letters, digits and dashes and begins "
        "with a letter, because it becomes part of host names and object names",
    },
    {
        # It would be archived with the workload.
        "rule": "self.spec.repository != 'deployments'",
        "message": "spec.repository is deployments, where the platform writes what runs; name the "
        "repository that holds the workload's source",
    },
    {
        "rule": "self.spec.repository == oldSelf.spec.repository",
        "message": "spec.repository cannot be changed: releases and runs belong to it",
    },
)

WORKLOAD_CRD = custom_resource_definition(
    WORKLOAD,
    spec=_WORKLOAD_SPEC,
    status=_WORKLOAD_STATUS,
    columns=(
        Column("Owner", ".spec.owner"),
        Column("Latest", ".status.latestRelease"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Runs", ".status.summary"),
        Column("URL", ".status.url", priority=1),
        AGE,
    ),
    short_names=("wl",),
    categories=("towpath",),
    rules=_WORKLOAD_RULES,
    selectable=(".status.health", ".spec.repository"),
)

_RELEASE_SPEC: RawObject = {
    "type": "object",
    "required": ["workload", "image", "commit", "score"],
    "properties": {
        "workload": {
            "type": "string",
            "minLength": 1,
            "maxLength": 40,
            "description": "What it is a build of.",
        },
        "image": {
            "type": "string",
            "pattern": "^[^@ ]+@sha256:[0-9a-f]{64}$",
            "description": "By digest; registry.towpath.dev stands for the platform's registry.",
        },
        "commit": {
            "type": "string",
            "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$",
            "description": "The commit that was built.",
        },
        "repository": {"type": "string", "maxLength": 253, "description": "Where that commit is."},
        "score": {
            "type": "object",
            "description": "The Score file of that commit, verbatim.",
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "sbom": {"type": "string", "description": "The digest of the image's bill of materials."},
        "run": {"type": "string", "description": "The PipelineRun that made it."},
    },
}

_RELEASE_RULES: tuple[RawObject, ...] = (
    {
        "rule": "self.spec == oldSelf.spec",
        "message": "a release is immutable; build the commit again to make another one",
    },
)

RELEASE_CRD = custom_resource_definition(
    RELEASE,
    spec=_RELEASE_SPEC,
    columns=(
        Column("Workload", ".spec.workload"),
        Column("Commit", ".spec.commit"),
        Column("Image", ".spec.image", priority=1),
        AGE,
    ),
    short_names=("rel",),
    categories=("towpath",),
    rules=_RELEASE_RULES,
    selectable=(".spec.workload",),
)

KINDS = (WORKLOAD_CRD, RELEASE_CRD)


OF_WORKLOAD = "spec.workload={}"
"""The field selector of one workload's releases and promotions."""

OF_REPOSITORY = "spec.repository={}"
"""The field selector of one repository's workloads."""


def release_name(workload: str, commit: str) -> str:
    return f"{workload}-{commit[:8]}"


def workload_host(project: str, workload: str, environment: str) -> str:
    """The host that a workload answers at through the gateway of a local cluster."""
    return f"{workload}.{environment}.{project}.localhost"


def composite_name(workload: str, environment: str, resource: str) -> str:
    """The composite resource of a Score resource, in the project's namespace."""
    return f"{workload}-{environment}-{resource}"

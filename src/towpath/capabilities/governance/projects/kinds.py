"""Project: a tenant. A namespace here with members, roles and quota; one there per Environment."""

from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

PROJECT = towpath_resource("Project", "projects", namespaced=False)

PROJECT_LABEL = "towpath.dev/project"
PROJECT_UID_LABEL = "towpath.dev/project-uid"
"""On a namespace: which Project, by uid, has claimed it. Another owner's namespace is refused."""

PIPELINE_ACCOUNT = "pipeline"
"""The service account of CI in the project's namespace: creates releases, pushes images."""

DEPLOYER_ACCOUNT = "deployer"
"""The service account that GitOps applies as, in each namespace that it applies to."""

ROLES = ("owner", "developer", "viewer")

MEMBER_SCHEMA: RawObject = {
    "type": "object",
    "required": ["kind", "name", "role"],
    "properties": {
        "kind": {
            "type": "string",
            "enum": ["User", "Group"],
            "description": "Whether the name is a person's or a group's, as the catalogue has it.",
        },
        "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 253,
            "description": "The name of the person or group.",
        },
        "role": {
            "type": "string",
            "enum": list(ROLES),
            "description": "owner: all within the project; developer: delivers; viewer: reads.",
        },
    },
}

QUOTA_SCHEMA: RawObject = {
    "type": "object",
    "description": "The hard limits of a ResourceQuota, such as `requests.memory: 4Gi`.",
    "additionalProperties": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
}

_SPEC: RawObject = {
    "type": "object",
    "properties": {
        "displayName": {
            "type": "string",
            "maxLength": 100,
            "description": "How people call it; the name, if left out.",
        },
        "description": {
            "type": "string",
            "maxLength": 1000,
            "description": "What it is about, in a sentence.",
        },
        "members": {
            "type": "array",
            "maxItems": 500,
            "description": "Who may do what in it.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["kind", "name"],
            "items": MEMBER_SCHEMA,
        },
        "quota": QUOTA_SCHEMA,
        "leases": {
            "type": "object",
            "description": "How long things are kept in it.",
            "properties": {
                "max": {
                    "type": "string",
                    "maxLength": 20,
                    "pattern": "^([0-9]+(h|m|s))+$",
                    "description": "What has a lease is kept for this long at most: `720h`.",
                }
            },
        },
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "namespace": {"type": "string", "description": "Where its objects are."},
        "deploymentsRepository": {
            "type": "string",
            "description": "The repository that says what should run.",
        },
        "environments": {"type": "integer", "description": "How many Environments it has."},
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

RESERVED_NAMES = ("argocd", "default")

_RULES: tuple[RawObject, ...] = (
    {
        "rule": "self.metadata.name.size() <= 40 && "
        "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
        "message": "a project's name is 1 to 40 lower-case letters, digits and dashes and begins "
        "with a letter, because it becomes part of namespaces and host names",
    },
    {
        "rule": f"!(self.metadata.name in {list(RESERVED_NAMES)}) && "
        "!self.metadata.name.startsWith('kube-') && !self.metadata.name.startsWith('towpath-')",
        "message": "the names default, argocd, kube-* and towpath-* are the platform's own",
    },
    {
        "rule": "!has(oldSelf.spec.members) || !oldSelf.spec.members.exists(m, m.role == 'owner') "
        "|| (has(self.spec.members) && self.spec.members.exists(m, m.role == 'owner'))",
        "message": "a project keeps an owner; make somebody else an owner first",
    },
)

PROJECT_CRD = custom_resource_definition(
    PROJECT,
    spec=_SPEC,
    status=_STATUS,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Environments", ".status.environments", "integer"),
        Column("Description", ".spec.description", priority=1),
        AGE,
    ),
    short_names=("proj",),
    categories=("towpath",),
    rules=_RULES,
)

KINDS = (PROJECT_CRD,)


def namespace_of(project: str) -> str:
    """The namespace of a project's objects in the platform's API."""
    return project

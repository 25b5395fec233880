"""Environment: a stage with a target cluster, its order among the stages, and what guards it."""

from towpath.capabilities.governance.approvals.kinds import POLICY_PROPERTIES
from towpath.machinery import core_kinds
from towpath.machinery.kinds import (
    AGE,
    CONDITIONS_SCHEMA,
    Column,
    Resource,
    custom_resource_definition,
    towpath_resource,
)
from towpath.machinery.objects import RawObject

ENVIRONMENT = towpath_resource("Environment", "environments")

ENVIRONMENT_LABEL = "towpath.dev/environment"

SECRET_STORE = "towpath"  # noqa: S105 - the name of an object
"""The SecretStore in each target namespace: reads the project's connection Secrets here."""

EXTERNAL_SECRETS_ACCOUNT = "external-secrets"
"""The service account here whose token that SecretStore holds."""

DEPLOYABLE: tuple[Resource, ...] = (
    core_kinds.CONFIG_MAP,
    core_kinds.SERVICE,
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    core_kinds.DEPLOYMENT,
    core_kinds.STATEFUL_SET,
    core_kinds.DAEMON_SET,
    core_kinds.JOB,
    core_kinds.CRON_JOB,
    core_kinds.INGRESS,
    core_kinds.NETWORK_POLICY,
    core_kinds.POD_DISRUPTION_BUDGET,
    core_kinds.HORIZONTAL_POD_AUTOSCALER,
    Resource("external-secrets.io", "v1", "ExternalSecret", "externalsecrets"),
    Resource("monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors"),
)
"""What may come from Git into a target namespace: the AppProject's list and the deployer's Role.

No Secret: none is ever in Git. No role, binding or account: Git must not give itself rights.
"""

_QUOTA: RawObject = {
    "type": "object",
    "description": "The hard limits of the target namespace, such as `requests.memory: 2Gi`.",
    "additionalProperties": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
}

_SPEC: RawObject = {
    "type": "object",
    "required": ["cluster"],
    "properties": {
        "cluster": {"type": "string", "minLength": 1, "description": "The name of a Cluster."},
        "mode": {
            "type": "string",
            "enum": ["auto", "manual"],
            "default": "manual",
            "description": "auto: a new Release comes here by itself; manual: by a Promotion.",
        },
        "order": {
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "default": 100,
            "description": "Stages are walked and shown from low to high.",
        },
        "approvals": {
            "type": "object",
            "description": "Whose word a promotion to here needs.",
            "default": {},
            "properties": {
                **POLICY_PROPERTIES,
            },
        },
        "gates": {
            "type": "object",
            "description": "What a release must have behind it before it comes here.",
            "properties": {
                "after": {
                    "type": "array",
                    "maxItems": 20,
                    "x-kubernetes-list-type": "set",
                    "items": {"type": "string"},
                    "description": "A release must have succeeded in these environments first.",
                }
            },
        },
        "quota": _QUOTA,
        "description": {
            "type": "string",
            "maxLength": 1000,
            "description": "What it is for, in a sentence.",
        },
    },
}

_STATUS: RawObject = {
    "type": "object",
    "properties": {
        "namespace": {"type": "string", "description": "On its cluster."},
        "observedGeneration": {"type": "integer"},
        "conditions": CONDITIONS_SCHEMA,
    },
}

_RULES: tuple[RawObject, ...] = (
    {
        "rule": "self.metadata.name.size() <= 20 && "
        "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
        "message": "an environment's name is 1 to 20 lower-case letters, digits and dashes and "
        "begins with a letter, because it becomes part of namespaces and host names",
    },
    {
        "rule": "self.spec.cluster == oldSelf.spec.cluster",
        "message": "spec.cluster cannot be changed: what runs there would be left behind; make "
        "another Environment and promote to it",
    },
)

ENVIRONMENT_CRD = custom_resource_definition(
    ENVIRONMENT,
    spec=_SPEC,
    status=_STATUS,
    columns=(
        Column("Cluster", ".spec.cluster"),
        Column("Mode", ".spec.mode"),
        Column("Order", ".spec.order", "integer"),
        Column("Approvals", ".spec.approvals.required", "integer"),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
        Column("Namespace", ".status.namespace", priority=1),
        AGE,
    ),
    short_names=("env", "envs"),
    categories=("towpath",),
    rules=_RULES,
    selectable=(".spec.cluster",),
)

KINDS = (ENVIRONMENT_CRD,)


def target_namespace(project: str, environment: str) -> str:
    """The namespace of a project's environment on that environment's cluster."""
    return f"{project}-{environment}"


def approvals_required(environment: RawObject) -> int:
    required: int = (environment["spec"].get("approvals") or {}).get("required", 0)
    return required


def by_order(environment: RawObject) -> tuple[int, str]:
    """The sort key of stages."""
    return environment["spec"].get("order", 100), environment["metadata"]["name"]

"""Who may see the templates on offer, and what a Secret may be that comes from who may read none.

Everybody who is signed in sees the templates in the platform's namespace. Developers may make
Secrets, for the runs that they start, and read none. Without a rule that would open more than it
says: a token of any service account of the project, got through a run; a database's password chosen
by whoever made its Secret first; secrets for every pipeline.
"""

from towpath.capabilities.governance.projects.kinds import PROJECT_LABEL
from towpath.capabilities.portal.templates.kinds import SECRETS_OF_RUN, SECRETS_SUFFIX
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import RBAC_GROUP, SECRET
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

_MANAGED = {"app.kubernetes.io/managed-by": "towpath"}
_NAME = "towpath:offered-templates"
_METADATA: RawObject = {"name": _NAME, "namespace": SYSTEM_NAMESPACE, "labels": _MANAGED}

OFFERED: tuple[RawObject, ...] = (
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "Role",
        "metadata": _METADATA,
        "rules": [
            {
                "apiGroups": [GROUP],
                "resources": ["softwaretemplates"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    },
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": _METADATA,
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": _NAME},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    },
)

_POLICY = "towpath-secrets-of-runs"
_API_VERSION = "admissionregistration.k8s.io/v1"
_RUN = f"object.metadata.labels['{SECRETS_OF_RUN}']"
_ONLY = "who may not read the project's Secrets may make those of template runs only: "

SECRETS_OF_RUNS: tuple[RawObject, ...] = (
    {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": _POLICY, "labels": _MANAGED},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {
                    "matchExpressions": [{"key": PROJECT_LABEL, "operator": "Exists"}]
                },
                "resourceRules": [
                    {
                        "apiGroups": [SECRET.group],
                        "apiVersions": [SECRET.version],
                        "operations": ["CREATE"],
                        "resources": [SECRET.plural],
                    }
                ],
            },
            "matchConditions": [
                {
                    "name": "may-not-read-it",
                    "expression": f"!authorizer.group('{SECRET.group}')"
                    f".resource('{SECRET.plural}').namespace(object.metadata.namespace)"
                    ".check('get').allowed()",
                }
            ],
            "validations": [
                {
                    "expression": "has(object.metadata.labels) && "
                    f"'{SECRETS_OF_RUN}' in object.metadata.labels && "
                    f"object.metadata.name == {_RUN} + '{SECRETS_SUFFIX}'",
                    "message": f"{_ONLY}label it {SECRETS_OF_RUN}=RUN and call it "
                    f"RUN{SECRETS_SUFFIX}",
                    "reason": "Forbidden",
                },
                {
                    "expression": "object.type == 'Opaque'",
                    "message": f"{_ONLY}leave out `type`, or make it Opaque",
                    "reason": "Forbidden",
                },
            ],
        },
    },
    {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": _POLICY, "labels": _MANAGED},
        "spec": {"policyName": _POLICY, "validationActions": ["Deny"]},
    },
)

OBJECTS: tuple[RawObject, ...] = (*OFFERED, *SECRETS_OF_RUNS)

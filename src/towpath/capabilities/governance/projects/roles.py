"""What a member of a project may do, as ClusterRoles that the project's RoleBindings refer to, and
the admission policy that a request's author is its author.

A release is made by CI: nobody writes one by hand, for then its commit would be a claim.
"""

from collections.abc import Sequence

from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

READ = ("get", "list", "watch")
WRITE = (*READ, "create", "update", "patch", "delete")
MANAGED = {"app.kubernetes.io/managed-by": "towpath"}


def rule(groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str]) -> RawObject:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


_REQUESTS = ("templateruns", "promotions", "approvals", "pipelineruns")
_KINDS = (
    *_REQUESTS,
    "workloads",
    "workloadreleases",
    "environments",
    "catalogsources",
    "softwaretemplates",
)

VIEWER: tuple[RawObject, ...] = (
    rule((GROUP,), [*_KINDS, *(f"{kind}/status" for kind in _KINDS)], READ),
    rule(("offerings.towpath.dev",), ("*",), READ),
    rule(("",), ("events", "configmaps", "resourcequotas", "serviceaccounts"), READ),
    rule((RBAC_GROUP,), ("roles", "rolebindings"), READ),
    rule(("git.towpath.dev",), ("repositories", "protectedrepositories"), ("get",)),
    rule(("registry.towpath.dev",), ("images",), ("get",)),
)
DEVELOPER: tuple[RawObject, ...] = (
    *VIEWER,
    rule((GROUP,), ("templateruns", "pipelineruns"), WRITE),
    rule((GROUP,), ("promotions", "approvals"), ("create",)),
    rule((GROUP,), ("workloads", "catalogsources", "softwaretemplates"), WRITE),
    rule(("offerings.towpath.dev",), ("*",), WRITE),
    rule(("",), ("configmaps",), WRITE),
    rule(("git.towpath.dev",), ("repositories",), ("get", "create", "update")),
)
OWNER: tuple[RawObject, ...] = (
    *DEVELOPER,
    rule((GROUP,), ("environments",), WRITE),
    rule((GROUP,), ("promotions", "approvals"), ("delete",)),
    rule(("",), ("secrets",), WRITE),
    rule(("git.towpath.dev",), ("repositories",), ("delete",)),
)

PIPELINE: tuple[RawObject, ...] = (
    rule((GROUP,), ("workloadreleases",), (*READ, "create")),
    rule((GROUP,), ("workloads", "environments", "promotions"), READ),
    rule(("registry.towpath.dev",), ("images",), ("get", "update")),
    rule(("git.towpath.dev",), ("repositories",), ("get",)),
)
"""Of the service account that CI's steps run as."""

DEPLOYER: tuple[RawObject, ...] = (rule(("offerings.towpath.dev",), ("*",), WRITE),)
"""Of the service account that GitOps applies composites as."""

EXTERNAL_SECRETS: tuple[RawObject, ...] = (rule(("",), ("secrets",), READ),)


def member_role(role: str) -> str:
    return f"towpath:project-{role}"


def _cluster_role(name: str, rules: Sequence[RawObject]) -> RawObject:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": MANAGED},
        "rules": list(rules),
    }


_EVERYBODY = "towpath:authenticated"


def _everybody() -> tuple[RawObject, RawObject]:
    """Clusters have no secrets in them and a form must be able to offer them."""
    binding = {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _EVERYBODY, "labels": MANAGED},
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _EVERYBODY},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    }
    return _cluster_role(_EVERYBODY, [rule((GROUP,), ("clusters",), READ)]), binding


def _author_policy(name: str, resources: Sequence[str], field: str) -> tuple[RawObject, RawObject]:
    """`spec.<field>` of a new object is the user who creates it (DESIGN 12.12)."""
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name, "labels": MANAGED},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [GROUP],
                        "apiVersions": ["v1alpha1"],
                        "operations": ["CREATE"],
                        "resources": list(resources),
                    }
                ]
            },
            "validations": [
                {
                    "expression": f"has(object.spec.{field}) && "
                    f"object.spec.{field} == request.userInfo.username",
                    "messageExpression": f"'spec.{field} must be the user who sends the request: "
                    "' + request.userInfo.username",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name, "labels": MANAGED},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    return policy, binding


OBJECTS: tuple[RawObject, ...] = (
    _cluster_role(member_role("viewer"), VIEWER),
    _cluster_role(member_role("developer"), DEVELOPER),
    _cluster_role(member_role("owner"), OWNER),
    *_everybody(),
    *_author_policy("towpath-requested-by", ("promotions", "templateruns"), "requestedBy"),
    *_author_policy("towpath-approval-user", ("approvals",), "user"),
)

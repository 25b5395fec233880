"""What a member of a project may do, as ClusterRoles that the project's RoleBindings refer to, and
the admission policy that a request's author is its author.

A release is made by CI: nobody writes one by hand, for then its commit would be a claim.
"""

from collections.abc import Sequence

from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject
from towpath.machinery.users import MASTERS

READ = ("get", "list", "watch")
WRITE = (*READ, "create", "update", "patch", "delete")
MANAGED = {"app.kubernetes.io/managed-by": "towpath"}
QUOTA_GROUPS = ("platform-admins", MASTERS)


def rule(groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str]) -> RawObject:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


_REQUESTS = ("templateruns", "promotions", "approvals", "pipelineruns", "actionruns")
_KINDS = (
    *_REQUESTS,
    "workloads",
    "workloadreleases",
    "environments",
    "catalogsources",
    "catalogedits",
    "softwaretemplates",
    "templateinstances",
    "templateupgrades",
    "upgradecampaigns",
    "remoterepositories",
    "pullrequests",
    "actions",
    "scorecards",
    "initiatives",
)

VIEWER: tuple[RawObject, ...] = (
    rule((GROUP,), [*_KINDS, *(f"{kind}/status" for kind in _KINDS)], READ),
    rule(("offerings.towpath.dev",), ("*",), READ),
    rule(("postgresql.sql.m.crossplane.io",), ("databases", "roles", "grants"), READ),
    rule(("",), ("events", "configmaps", "resourcequotas", "serviceaccounts"), READ),
    rule((RBAC_GROUP,), ("roles", "rolebindings"), READ),
    rule(("git.towpath.dev",), ("repositories", "protectedrepositories"), ("get",)),
    rule(("registry.towpath.dev",), ("images",), ("get",)),
)
DEVELOPER: tuple[RawObject, ...] = (
    *VIEWER,
    rule((GROUP,), ("templateruns", "pipelineruns", "actionruns"), WRITE),
    rule((GROUP,), ("promotions", "approvals"), ("create",)),
    rule((GROUP,), ("workloads", "catalogsources", "softwaretemplates"), WRITE),
    # An edit is a commit of theirs, which they may push as well.
    rule((GROUP,), ("catalogedits",), ("create",)),
    rule((GROUP,), ("templateinstances",), ("update", "patch")),
    rule((GROUP,), ("templateupgrades", "upgradecampaigns"), WRITE),
    rule(("offerings.towpath.dev",), ("*",), WRITE),
    rule(("",), ("configmaps",), WRITE),
    # For the secrets of a run of a template, which admission sees to; none can be read again.
    rule(("",), ("secrets",), ("create",)),
    rule(("git.towpath.dev",), ("repositories",), ("get", "create", "update")),
)
OWNER: tuple[RawObject, ...] = (
    *DEVELOPER,
    rule((GROUP,), ("environments", "actions", "scorecards", "initiatives"), WRITE),
    # It says where a secret of the project is sent.
    rule((GROUP,), ("remoterepositories",), WRITE),
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


SEE: tuple[str, ...] = READ
GOVERN: tuple[str, ...] = ("update", "patch", "delete")
"""What members may do with the Project itself, and what its owners may beside: change who is a
member, and delete it. How much fits in it is not theirs to say; see `_quota_policy`."""


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
    """Clusters and what is on offer: nothing secret, and forms must be able to show them."""
    binding = {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _EVERYBODY, "labels": MANAGED},
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _EVERYBODY},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    }
    rules = [
        rule((GROUP,), ("clusters",), READ),
        rule(("apiextensions.crossplane.io",), ("compositeresourcedefinitions",), READ),
    ]
    return _cluster_role(_EVERYBODY, rules), binding


def _quota_policy() -> tuple[RawObject, RawObject]:
    """An owner may change a Project, but not how much of the platform it may use."""
    name = "towpath-project-quota"
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
                        "operations": ["UPDATE"],
                        "resources": ["projects"],
                    }
                ]
            },
            "validations": [
                {
                    "expression": "(has(object.spec.quota) == has(oldObject.spec.quota) && "
                    "(!has(object.spec.quota) || object.spec.quota == oldObject.spec.quota)) || "
                    f"request.userInfo.groups.exists(g, g in {list(QUOTA_GROUPS)})",
                    "message": "spec.quota is set by the administrators of the platform; ask one",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    return policy, _denying(name)


def _denying(policy: str) -> RawObject:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": policy, "labels": MANAGED},
        "spec": {"policyName": policy, "validationActions": ["Deny"]},
    }


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
    return policy, _denying(name)


OBJECTS: tuple[RawObject, ...] = (
    _cluster_role(member_role("viewer"), VIEWER),
    _cluster_role(member_role("developer"), DEVELOPER),
    _cluster_role(member_role("owner"), OWNER),
    *_everybody(),
    *_author_policy(
        "towpath-requested-by", ("promotions", "templateruns", "actionruns"), "requestedBy"
    ),
    *_author_policy("towpath-approval-user", ("approvals",), "user"),
    *_quota_policy(),
)

"""Who may do what: everybody who is signed in sees the platform's scorecards and initiatives; what
is a project's own is with the roles of its members.

Checks that nobody looks at run as a user of their own, who may see what a viewer of every project
may see, and no more: a plug-in's check must not see the secrets of a project.
"""

from typing import Any

from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject
from towpath.machinery.users import UserInfo

JUDGE = UserInfo("system:towpath:scorecards", ("system:authenticated",))

_NAME = "towpath:scorecards"
_LABELS = {"app.kubernetes.io/managed-by": "towpath"}
_PROJECT_VIEWER = "towpath:project-viewer"
"""The role of a project's viewers."""


def _rbac(kind: str, metadata: RawObject, **fields: Any) -> RawObject:
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": kind,
        "metadata": {**metadata, "labels": _LABELS},
        **fields,
    }


_HERE: RawObject = {"name": _NAME, "namespace": SYSTEM_NAMESPACE}

OBJECTS: tuple[RawObject, ...] = (
    _rbac(
        "Role",
        _HERE,
        rules=[
            {
                "apiGroups": [GROUP],
                "resources": ["scorecards", "initiatives"],
                "verbs": ["get", "list", "watch"],
            }
        ],
    ),
    _rbac(
        "RoleBinding",
        _HERE,
        roleRef={"apiGroup": RBAC_GROUP, "kind": "Role", "name": _NAME},
        subjects=[{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    ),
    _rbac(
        "ClusterRoleBinding",
        {"name": _NAME},
        roleRef={"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _PROJECT_VIEWER},
        subjects=[{"apiGroup": RBAC_GROUP, "kind": "User", "name": JUDGE.name}],
    ),
)

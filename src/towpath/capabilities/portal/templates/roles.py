"""Everybody who is signed in may see what the platform offers: the templates in its namespace."""

from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

_RBAC = "rbac.authorization.k8s.io"
_NAME = "towpath:offered-templates"
_METADATA: RawObject = {
    "name": _NAME,
    "namespace": SYSTEM_NAMESPACE,
    "labels": {"app.kubernetes.io/managed-by": "towpath"},
}

OBJECTS: tuple[RawObject, ...] = (
    {
        "apiVersion": f"{_RBAC}/v1",
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
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _METADATA,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": _NAME},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": "system:authenticated"}],
    },
)

"""Everybody who is signed in may see what the platform offers: the templates in its namespace."""

from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

_NAME = "towpath:offered-templates"
_METADATA: RawObject = {
    "name": _NAME,
    "namespace": SYSTEM_NAMESPACE,
    "labels": {"app.kubernetes.io/managed-by": "towpath"},
}

OBJECTS: tuple[RawObject, ...] = (
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

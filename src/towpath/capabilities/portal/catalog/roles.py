"""Everybody who is signed in may know which kinds the catalogue has: forms and pages need them."""

from towpath.capabilities.portal.catalog.kinds import ENTITY_KIND
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

_NAME = "towpath:entity-kinds"
_METADATA: RawObject = {"name": _NAME, "labels": {"app.kubernetes.io/managed-by": "towpath"}}

OBJECTS: tuple[RawObject, ...] = (
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": _METADATA,
        "rules": [
            {
                "apiGroups": [GROUP],
                "resources": [ENTITY_KIND.plural],
                "verbs": ["get", "list", "watch"],
            }
        ],
    },
    {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": _METADATA,
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": _NAME},
        "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
    },
)

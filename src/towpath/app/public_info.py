"""What everybody who may sign in can read: where the portal is. `kubectl -n kube-public get cm`."""

from towpath.hooks.platform import Addresses
from towpath.machinery.core_kinds import RBAC_GROUP
from towpath.machinery.objects import RawObject

NAMESPACE = "kube-public"
NAME = "towpath"


def public_info(addresses: Addresses) -> list[RawObject]:
    """A ConfigMap and the right of authenticated users to read it."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"portal": addresses.portal("")},
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["configmaps"],
                    "resourceNames": [NAME],
                    "verbs": ["get"],
                }
            ],
        },
        {
            "apiVersion": f"{RBAC_GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": "Role", "name": NAME},
            "subjects": [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:authenticated"}],
        },
    ]

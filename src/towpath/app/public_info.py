"""What everybody who may sign in can read: where the portal is. `kubectl -n kube-public get cm`."""

from towpath.hooks.platform import Addresses
from towpath.machinery.objects import RawObject

NAMESPACE = "kube-public"
NAME = "towpath"


def public_info(addresses: Addresses) -> list[RawObject]:
    """A ConfigMap and the right of authenticated users to read it."""
    metadata = {"name": NAME, "namespace": NAMESPACE}
    rbac = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"portal": addresses.portal("")},
        },
        {
            "apiVersion": f"{rbac}/v1",
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
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": NAME},
            "subjects": [{"apiGroup": rbac, "kind": "Group", "name": "system:authenticated"}],
        },
    ]

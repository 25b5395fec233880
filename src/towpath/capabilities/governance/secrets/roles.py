"""Who may look at ExternalSecrets on a workload cluster: whoever may view the rest of a namespace.

An ExternalSecret says where a secret comes from and whether it arrived, never what it is.
"""

from towpath.capabilities.governance.secrets.kinds import EXTERNAL_SECRET, SECRET_STORE
from towpath.machinery.core_kinds import CLUSTER_ROLE
from towpath.machinery.objects import RawObject


def _viewer() -> RawObject:
    role = CLUSTER_ROLE.object(
        "towpath:external-secrets-view",
        rules=[
            {
                "apiGroups": [EXTERNAL_SECRET.group],
                "resources": [EXTERNAL_SECRET.plural, SECRET_STORE.plural],
                "verbs": ["get", "list", "watch"],
            }
        ],
    )
    role["metadata"]["labels"] = {
        "app.kubernetes.io/managed-by": "towpath",
        "rbac.authorization.k8s.io/aggregate-to-view": "true",
    }
    return role


CLUSTER_OBJECTS = (_viewer(),)

"""Where Argo CD's objects live."""

from towpath.capabilities.delivery.gitops.kinds import ARGOCD_NAMESPACE
from towpath.machinery.objects import RawObject

OBJECTS: tuple[RawObject, ...] = (
    {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": ARGOCD_NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "towpath"},
        },
    },
)

"""Secrets: ExternalSecrets bring values from a store into a Secret of a cluster.

The formats are External Secrets Operator's (external-secrets.io/v1). Values never reach Git, logs,
events or error texts; a store that errs never means that a value is gone.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="secrets",
    summary="ExternalSecrets from a Kubernetes SecretStore",
    cluster_kinds=".kinds:KINDS",
    cluster_objects=".roles:CLUSTER_OBJECTS",
    cluster_controllers=".reconcile:cluster_controllers",
)

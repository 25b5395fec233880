"""Environments: the stages of a project. Each claims a namespace `<project>-<env>` on its cluster,
with an account that GitOps deploys as, rights for the members, quota, and a SecretStore.

Rules: a namespace of another owner is refused; on a cluster that cannot isolate projects a second
project is refused unless the Cluster says `trust: single`; deleting waits for workloads to leave.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="environments",
    summary="Environments: stages with a target cluster, order and rules",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
)

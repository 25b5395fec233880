"""GitOps: Argo CD's Application and AppProject, synced from Git by an engine of our own.

Rules: an error reading Git never means "empty"; what is applied is applied as the target
namespace's own deployer account and inside the AppProject's lists; only what carries our tracking
annotation is ever removed; a sync that would remove more than half waits for a person. The engine
steps aside where `Cluster.spec.engines.gitops` is external.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="gitops",
    summary="GitOps: Argo CD Applications, synced from Git, drift shown and healed",
    kinds=".kinds:KINDS",
    objects=".objects:OBJECTS",
    controllers=".reconcile:controllers",
)

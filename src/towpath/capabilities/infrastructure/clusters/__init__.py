"""Clusters: where workloads run. The local one is the platform's own; it is there from the start.

Rules: a Cluster names for each role the engine that does it there (embedded or external), and
nobody guesses. A local cluster that cannot isolate projects says so, and takes one project only
unless its `trust` is set to single.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="clusters",
    summary="Clusters: where workloads run, and by which engines",
    kinds=".kinds:KINDS",
    objects=".local:OBJECTS",
    cluster_objects=".local:CLUSTER_OBJECTS",
    controllers=".reconcile:controllers",
    pages=".pages:PAGES",
)

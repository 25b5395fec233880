"""Projects: tenants. A Project makes a namespace, roles for its members, quota, accounts for CI and
GitOps, the deployments repository and the AppProject that says where GitOps may go.

Rules: a namespace of another owner is refused; deleting a Project waits until its workloads are
gone, and says which are left; who asked for something is who sent the request, by admission policy.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="projects",
    summary="Tenants: namespaces, members and roles, quotas, deployment rules",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".reconcile:controllers",
    reads=".reads:reads",
    pages=".pages:PAGES",
    palette=".palette:offers",
    demo=".demo:seed",
)

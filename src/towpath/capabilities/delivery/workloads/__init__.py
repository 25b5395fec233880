"""Workloads: components that the platform delivers. Shows what runs where, sends a new release on
its way through the environments that take one by themselves, and takes everything back at the end.

Rules: Git and the Applications do the delivering; this capability only asks for promotions and
reads what became of them. Deleting a Workload leaves nothing behind but its archived repository.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="workloads",
    summary="Workloads and releases: what runs where, since when, and how it is",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
    reads=".reads:reads",
    checks=".checks:CHECKS",
)

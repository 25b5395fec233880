"""The capabilities that the platform has: the built-in ones, in order."""

from towpath.capabilities.delivery import (
    environments,
    gitops,
    images,
    pipelines,
    promotions,
    releases,
    workloads,
)
from towpath.capabilities.governance import approvals, audit, leases, projects, secrets
from towpath.capabilities.infrastructure import clusters, compositions, databases, offerings
from towpath.capabilities.portal import (
    actions,
    apis,
    catalog,
    docs,
    home,
    notifications,
    objects,
    remotes,
    scorecards,
    search,
    templates,
)
from towpath.capabilities.portal.templates import upgrades
from towpath.hooks.capability import Capability

BUILT_IN: tuple[Capability, ...] = (
    projects.CAPABILITY,
    approvals.CAPABILITY,
    clusters.CAPABILITY,
    environments.CAPABILITY,
    compositions.CAPABILITY,
    databases.CAPABILITY,
    offerings.CAPABILITY,
    secrets.CAPABILITY,
    workloads.CAPABILITY,
    releases.CAPABILITY,
    promotions.CAPABILITY,
    gitops.CAPABILITY,
    pipelines.CAPABILITY,
    images.CAPABILITY,
    remotes.CAPABILITY,
    templates.CAPABILITY,
    upgrades.CAPABILITY,
    actions.CAPABILITY,
    catalog.CAPABILITY,
    docs.CAPABILITY,
    apis.CAPABILITY,
    search.CAPABILITY,
    audit.CAPABILITY,
    leases.CAPABILITY,
    notifications.CAPABILITY,
    home.CAPABILITY,
    objects.CAPABILITY,
    scorecards.CAPABILITY,
)

"""Promotions: a release going to an environment. Checked, approved, rendered, committed, observed.

Rules: Git holds the desired state and only this capability pushes it, each push on an expected
commit; rendering never reads a secret; who asked cannot approve; a newer promotion to the same
environment replaces an unfinished older one; rollback is a promotion of an earlier release.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="promotions",
    summary="Promotions: releases on their way through the environments",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
)

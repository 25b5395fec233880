"""Approvals: one person's decision on something that waits for it, whatever that is.

Rules: who asked does not decide, one person counts once, and who may not approve any more does not
count. How decisions are weighed is in hooks/approvals.py, for all that waits alike.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="approvals",
    summary="Approvals: one person's decision on what waits for it",
    kinds=".kinds:KINDS",
    commands=".commands:COMMANDS",
)

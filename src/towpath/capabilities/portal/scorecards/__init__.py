"""Scorecards: what a service should fulfil, asked of capabilities and plug-ins, on one tab.

Rules: a check reads with the visitor's rights, when somebody looks; one that cannot say is unknown
and costs the others nothing. This capability asks, and knows no check of its own.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="scorecards",
    summary="Checks of services: what they should fulfil, and what to do where they do not",
    tabs=".tabs:TABS",
)

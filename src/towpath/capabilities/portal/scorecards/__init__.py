"""Scorecards: what software should fulfil, in levels, how it does, and what to do about it.

Rules: a rule is CEL over the entity and what belongs to it, or a check of a capability or a
plug-in. What is found is a record, with the day on which a level was reached or lost. Something
that cannot be found out reaches no level, and costs the other rules nothing.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="scorecards",
    summary="What software should fulfil, how it does over time, and what is to be done by when",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".reconcile:controllers",
    reads=".reads:reads",
    pages=".pages:PAGES",
    tabs=".tabs:TABS",
    commands=".commands:COMMANDS",
    demo=".demo:seed",
)

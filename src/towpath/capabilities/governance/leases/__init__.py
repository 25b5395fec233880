"""Leases: what is kept for a while only says until when, and goes then, after a warning.

Rules: nothing goes of which nobody was warned, nor within minutes of a start or of a clock that has
jumped; a bound of the project, of what was offered or of the action holds whatever the object says;
what goes is deleted as its owner would delete it, with all that its own reconciler does then.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="leases",
    summary="Leases: until when what was requested is kept, warned, extended and reclaimed",
    controllers=".reconcile:controllers",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
)

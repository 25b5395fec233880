"""Notifications: what a person must know without looking for it, in an inbox of their own.

Rules: who is told is decided by what they are to the thing (who asked, who pushed, whose team owns
it, who may approve), and every notice says which. Notices follow the objects: what is over is
settled, what is gone is forgotten, nothing is said twice. They are evidence and steer nothing.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="notifications",
    summary="An inbox for each person: approvals, failures and services that are not well",
    controllers=".reconcile:controllers",
    commands=".commands:COMMANDS",
    reads=".reads:reads",
    pages=".pages:PAGES",
)

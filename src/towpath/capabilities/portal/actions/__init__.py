"""Actions: what people can have done to the things of a project, by a form, and its runs.

Rules: who may run an action is asked of the request's user, when it is asked for and again when it
is done; what it does to the API it does with their rights. What will be done is written down before
it is done, so that a restart in the middle neither loses it nor does it twice.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="actions",
    summary="Actions: what people can have done to a thing, by a form, with approvals",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".reconcile:controllers",
    apis=".reports:apis",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
    palette=".palette:offers",
    actions=".offering:offers",
)

"""Software templates: descriptors that people run, and the runs that make services of them.

Rules: a template is Backstage's v1beta3 descriptor, unchanged. A run makes nothing before it has
checked everything; it survives a restart at any point; and when it fails, what it made is undone.
The golden paths that ship with the package are in `golden_paths/`.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="templates",
    summary="Software templates, their runs, and the golden paths that ship with Towpath",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".reconcile:controllers",
    template_actions=".actions:actions",
    commands=".commands:COMMANDS",
    reads=".reads:reads",
    apis=".backstage.api:apis",
    pages=".pages:PAGES",
)

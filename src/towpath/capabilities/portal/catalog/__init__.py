"""The catalogue: which software there is, whose it is, and how it hangs together.

Rules: entities are Backstage's, verbatim, as records. The platform's own objects are in it without
anybody's doing; a `catalog-info.yaml` adds to them. A source that cannot be read changes nothing;
a wrong entity is left out, named and explained, and the others of its file are kept.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="catalog",
    summary="Components, APIs, resources, systems, groups and people, with their relations",
    kinds=".kinds:KINDS",
    objects=".roles:OBJECTS",
    controllers=".reconcile:controllers",
    reads=".reads:reads",
    apis=".apis:apis",
    commands=".commands:COMMANDS",
    pages=".pages:PAGES",
)

"""Home: what runs, for the person who looks."""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="home",
    summary="The first page: what runs and where",
    pages=".pages:PAGES",
)

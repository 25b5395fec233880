"""Home: what needs a person and what is theirs; and what the palette offers them to do."""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="home",
    summary="The first page: what needs you, your services, what happened",
    pages=".pages:PAGES",
    palette=".palette:offers",
)

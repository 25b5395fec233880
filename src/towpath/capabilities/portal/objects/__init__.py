"""Objects: a page for everything that the platform's API and the clusters' APIs hold.

    /objects/<cluster>                                         the kinds that the visitor may list
    /objects/<cluster>/<group>/<version>/<plural>              a list, as the API shows it
    /objects/<cluster>/<group>/<version>/<plural>/<ns>/<name>  one object
    .../edit, .../delete                                       as the visitor, or refused

The platform's own API is the cluster `platform`, the core group `core`, no namespace is `-`.

Rules: nothing is read but with the visitor's rights; a Secret's values are never shown; no list is
read further than what a page shows.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="objects",
    summary="A page for every object of every API: state, relations, YAML, who changed what",
    pages=".pages:PAGES",
    palette=".palette:offers",
)

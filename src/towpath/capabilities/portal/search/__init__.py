"""Search: one box over all there is, for who may see it.

Rules: what is found is asked with the visitor's rights, in the query itself. Entities come from the
catalogue's index, texts from the passages; runs, actions and places from whoever offers them in the
palette. The palette and the page of search answer alike. Backstage's clients ask `/api/search`.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="search",
    summary="One search box over catalogue, docs, APIs, templates, runs and actions",
    apis=".backstage:apis",
    pages=".pages:PAGES",
    palette=".palette:offers",
)

"""APIs: what an API of the catalogue offers, rendered from its definition, and what has changed.

Rules: OpenAPI, AsyncAPI, GraphQL, gRPC and MCP become one model, from which pages, search and the
comparison of versions are made. What somebody wrote is text; a definition that is broken is shown
as its text, with the line where it breaks.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="apis",
    summary="Definitions of APIs: operations, types, examples, and what has changed since",
    controllers=".indexing:controllers",
    apis=".files:apis",
    pages=".pages:PAGES",
)

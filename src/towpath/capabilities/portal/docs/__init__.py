"""Docs: what people write beside their code, as MkDocs describes it, read in the portal.

Rules: a page is what the repository holds at the tip of its main branch, or at the commit of a
release, read with the visitor's rights. What is written there is somebody else's: it is rendered in
a process of its own and shown without scripts, styles, forms and frames, and no file outside the
folder of the docs is ever read. `mkdocs.yml` may be absent; what it asks of plug-ins and hooks is
not done. A push renders what it changed; a page that somebody opens is ready.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="docs",
    summary="MkDocs sites that lie beside the code of what the catalogue knows",
    controllers=".build:controllers",
    apis=".techdocs:apis",
    pages=".pages:PAGES",
)

"""Audit: who wrote what, on the platform's API and on the clusters it runs.

The entry of a write is committed with the write itself and shipped to the records, from where it is
read; nothing here writes one. Who may see a project sees its entries and no others.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="audit",
    summary="Who wrote what",
    reads=".reads:reads",
)

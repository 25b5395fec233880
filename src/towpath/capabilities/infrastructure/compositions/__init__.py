"""Compositions: platform teams define their own kinds, and what they are made of.

The formats are Crossplane's: a CompositeResourceDefinition (v2) makes a kind, a Composition in
Pipeline mode says which objects one of its instances becomes. Built-in functions run in process.

Rules: composed resources are applied server-side and owned by their composite; a function that
fails stops the pipeline and nothing is applied; only a pipeline that ran to its end deletes.
"""

from towpath.hooks.capability import Capability

CAPABILITY = Capability(
    package=__name__,
    name="compositions",
    summary="Composite resources: your own kinds, made of others",
    kinds=".kinds:KINDS",
    controllers=".reconcile:controllers",
)

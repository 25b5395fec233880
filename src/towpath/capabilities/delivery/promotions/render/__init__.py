"""From a Score file and an environment to Kubernetes manifests. Pure: it never reads a secret.

The same input gives the same bytes, so that a promotion that changes nothing commits nothing.
"""

from towpath.capabilities.delivery.promotions.render.inputs import (
    Defaults,
    RenderInput,
    ValueChange,
)
from towpath.capabilities.delivery.promotions.render.output import render, render_files

__all__ = ["Defaults", "RenderInput", "ValueChange", "render", "render_files"]

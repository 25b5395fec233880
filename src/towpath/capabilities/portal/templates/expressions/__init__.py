"""The expression language of software templates: `${{ parameters.name | upper }}`, `{% if ... %}`.

It is Backstage's own template engine that renders, embedded: nothing here imitates it, so a
template means here what it means there (decision 16 has the figures).

    engine.py      the embedded engine: threads, limits     inputs.py      what is rendered
    javascript/    the libraries, and our door to them      scaffolder.py  repository URLs
"""

from towpath.capabilities.portal.templates.expressions.engine import (
    BACKSTAGE,
    Dialect,
    ExpressionError,
)
from towpath.capabilities.portal.templates.expressions.inputs import (
    UNDEFINED,
    render,
    render_input,
    render_texts,
    render_value,
    runs,
)

__all__ = [
    "BACKSTAGE",
    "UNDEFINED",
    "Dialect",
    "ExpressionError",
    "render",
    "render_input",
    "render_texts",
    "render_value",
    "runs",
]

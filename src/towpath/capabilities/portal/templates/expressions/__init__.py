"""The expression language of software templates: `${{ parameters.name | upper }}`, `{% if ... %}`.

The behaviour is Nunjucks' (JavaScript values: `[]` is true, `'1' == 1`, undefined prints nothing),
the grammar is parsed by Jinja2, and the result is walked by an interpreter of ours. It knows JSON
values only, so a template reaches no Python object; and it counts its steps, so a template ends.

    syntax.py       text -> syntax tree          evaluate.py   syntax tree -> text or value
    values.py       what JavaScript values do    filters.py    `| upper` and the others
    scaffolder.py   Backstage's own filters      patterns.py   regular expressions that must end
    limits.py       steps, time and sizes        inputs.py     whole inputs of steps
"""

from towpath.capabilities.portal.templates.expressions.evaluate import render
from towpath.capabilities.portal.templates.expressions.inputs import render_input, runs
from towpath.capabilities.portal.templates.expressions.limits import ExpressionError, Limits
from towpath.capabilities.portal.templates.expressions.values import UNDEFINED

__all__ = ["UNDEFINED", "ExpressionError", "Limits", "render", "render_input", "runs"]

"""The expression language of workflow files: what stands between `${{` and `}}`.

    values      the six kinds of values, their loose comparison and their text
    syntax      text to tree
    evaluation  tree and contexts to value
    functions   contains, format, toJSON, hashFiles...
    templates   strings with expressions in them, and conditions

Semantics are GitHub's, which differ from every programming language's: comparison is loose, names
and strings compare without case, `&&` and `||` return an operand, and what is missing is null.
"""

from towpath.engines.ci.expressions.evaluation import Scope, evaluate
from towpath.engines.ci.expressions.syntax import ExpressionError, parse
from towpath.engines.ci.expressions.templates import (
    Condition,
    condition,
    names_in,
    render,
    render_text,
)
from towpath.engines.ci.expressions.values import Value, is_truthy, to_text

__all__ = [
    "Condition",
    "ExpressionError",
    "Scope",
    "Value",
    "condition",
    "evaluate",
    "is_truthy",
    "names_in",
    "parse",
    "render",
    "render_text",
    "to_text",
]
